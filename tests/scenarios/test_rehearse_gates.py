"""Three months in which every instalment falls due on the 15th: nothing may hold a day that is only the 15th."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from time_lapse import lapse_of

from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.errors import GateHeld
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.rehearsal.world import portfolio_world
from arrears.steps import daily
from arrears.store.engine import reading
from arrears.store.tables.outreach import channel_day
from arrears.store.tables.runs import gate as gates

START = date(2026, 11, 9)
DAYS = 92
ACCOUNTS = 60
CROWD = 120


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


@pytest.mark.long
def test_three_months_with_every_due_day_on_the_15th_are_never_held_by_the_breaker_either(tmp_path):
    """The 12th and 13th have a hundred times the messages of other days, and are like those of the month before."""
    world = portfolio_world(START, CROWD, 7, all_on_the_15th=True)
    with lapse_of(world, tmp_path) as lapse:
        for on in (START + timedelta(days=number) for number in range(DAYS)):
            lapse.live(on)
        with reading(lapse.engine) as connection:
            days = connection.execute(select(channel_day)).all()
            held = connection.execute(select(gates.c.name).where(gates.c.passed.is_(False))).all()
    assert held == []
    assert [row for row in days if row.state == "held"] == []
    large = {row.business_date for row in days if row.channel == "sms" and row.courtesy > load_policy().surge.floor}
    assert {(day.month, day.day) for day in large} == {(month, day) for month in (11, 12, 1) for day in (12, 13)}
