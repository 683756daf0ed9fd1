"""Three months in which every instalment falls due on the 15th: no gate may hold a day that is only the 15th."""

from datetime import date, time, timedelta

import pytest

from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.errors import GateHeld
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.core.settings import Settings
from arrears.rehearsal.world import portfolio_world
from arrears.steps import daily

START = date(2026, 11, 9)
DAYS = 92
ACCOUNTS = 60


def gate(settings: Settings, entropy: SeededEntropy, folder, on: date, what: str = "morning") -> None:
    """Pull and gate one ledger as the daily run does."""
    clock = PinnedClock(at_local(on, time(6), "Asia/Shanghai"))
    rt = Runtime(settings, clock, entropy, RunKey("test", f"{on}-{what}", what), rehearsal=True)
    day = daily.open_day(rt, Request(clock.now(), on, str(folder)))
    daily.pull_ledger(rt, day)
    daily.gate_ledger(rt, day)


def test_three_months_with_every_due_day_on_the_15th_are_never_held_for_it(tmp_path):
    settings, entropy = Settings.from_environment({"ARREARS_HOME": str(tmp_path)}), SeededEntropy(7)
    world = portfolio_world(START, ACCOUNTS, 7, all_on_the_15th=True)
    assert all(due.day == 15 for life in world.lives.values() for due in life.contract.dues)
    for on in (START + timedelta(days=number) for number in range(DAYS)):
        folder = tmp_path / "feeds" / on.isoformat()
        world.write_morning(folder, on)
        gate(settings, entropy, folder, on)
        world.evening(on)
    empty = tmp_path / "feeds" / "broken"
    empty.mkdir()
    for name in ("accounts", "instalments", "payments"):  # the same gates do hold when half of the rows are gone
        lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (empty / f"{name}.csv").write_text("".join(lines[: len(lines) // 3]), encoding="utf-8")
    with pytest.raises(GateHeld):
        gate(settings, entropy, empty, on + timedelta(days=1), "broken")
