"""A ledger that has not come holds the day: the alarm says late, not broken, and nobody is contacted on an old one."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from arrears.core.clock import PinnedClock, at_local
from arrears.core.errors import GateHeld
from arrears.core.runtime import Request, Runtime
from arrears.core.settings import Settings
from arrears.steps import daily
from arrears.steps.world import build_runtime, shell_attempt

DAY, NEXT = date(2026, 11, 12), date(2026, 11, 13)


def before_the_hour(rt: Runtime) -> Runtime:
    """Return the same morning a minute before the ledger is late."""
    return replace(rt, clock=PinnedClock(at_local(NEXT, time(8, 29), "Asia/Shanghai")))


def test_a_ledger_that_does_not_come_is_late_and_the_day_goes_on_once_it_has(place, tmp_path: Path) -> None:
    assert place.run(DAY).code == 0
    reached = place.effects()
    ledgers = tmp_path / "ledgers"
    settings = Settings.from_environment({"ARREARS_HOME": str(place.home), "ARREARS_LEDGER_URL": f"file://{ledgers}"})
    rt = build_runtime(settings, shell_attempt("run"), rehearsal_of=NEXT)

    day = daily.open_day(rt, Request(rt.clock.now(), NEXT))
    assert daily.ledger_is_there(before_the_hour(rt), day) is False
    with pytest.raises(GateHeld, match=r"ledger of 2026-11-13 has no _DONE by 08:30"):
        daily.ledger_is_there(rt, day)
    closed = daily.close_day(rt, day)

    assert closed["status"] == "held"
    assert place.effects() == reached
    assert [subject for subject in place.alarms() if "【账本未到】" in subject]
    place.feeds.rename(tmp_path / "whole")
    ledgers.mkdir()
    (tmp_path / "whole").rename(ledgers / NEXT.isoformat())
    (ledgers / NEXT.isoformat() / "_DONE").touch()
    rt = build_runtime(settings, shell_attempt("run"), rehearsal_of=NEXT)
    again = daily.open_day(rt, Request(rt.clock.now(), NEXT))
    assert again != day
    assert daily.ledger_is_there(rt, again) is True
    assert daily.pull_ledger(rt, again)["accounts"] == 8


def test_a_folder_that_cannot_be_read_is_no_late_ledger(place, tmp_path: Path) -> None:
    settings = Settings.from_environment({"ARREARS_HOME": str(place.home)})
    rt = build_runtime(settings, shell_attempt("run"), rehearsal_of=DAY)
    day = daily.open_day(rt, Request(rt.clock.now(), DAY, str(place.feeds)))
    assert daily.close_day(rt, day)["status"] == "failed"


def test_a_rehearsal_waits_for_no_clock_but_its_own(place) -> None:
    """Airflow waits for the window by the machine's clock, on which a rehearsed day may lie weeks ahead."""
    settings = Settings.from_environment({"ARREARS_HOME": str(place.home)})
    ahead = date(2999, 12, 31)
    rt = build_runtime(settings, shell_attempt("run"), rehearsal_of=ahead)
    day = daily.open_day(rt, Request(rt.clock.now(), ahead, str(place.feeds)))
    assert datetime.fromisoformat(daily.window_opens_at(rt, day)) < datetime(2026, 1, 1, tzinfo=UTC)
