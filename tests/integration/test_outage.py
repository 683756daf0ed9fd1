"""What counts as missed: days without a run that could send; a run of a past date or one that only plans is none."""

from datetime import date, timedelta

import pytest

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.layers import load_policy
from arrears.ladder.outage import NOTHING_MISSED, Missed, missed_before
from arrears.store.engine import reading, writing
from arrears.store.tables.runs import run

POLICY = load_policy()
CALENDAR = BusinessCalendar("CN")
MONDAY, TODAY = date(2026, 11, 9), date(2026, 11, 16)


@pytest.fixture
def ran(store):
    """Record that a day was run, and how."""

    def record(on: date, *, started: date | None = None, released: bool = True, status: str = "completed") -> None:
        row = {
            "run_id": f"daily-{on}", "origin_key": f"{on:%Y%m%d}" * 8, "kind": "daily", "business_date": on,
            "ordinal": 1, "status": status, "rehearsal": True, "plan_only": not released, "released": released,
            "started_at": f"{started or on}T02:00:00.000000Z", "policy_sha256": "0" * 64, "code_version": "1",
            "code_id": "1", "attempt": "{}",
        }  # fmt: skip
        with writing(store) as connection:
            connection.execute(run.insert(), row)

    return record


def missed(store, on: date = TODAY) -> Missed:
    with reading(store) as connection:
        return missed_before(connection, on, POLICY, CALENDAR)


def test_a_new_store_has_missed_nothing(store):
    assert missed(store) == NOTHING_MISSED


def test_a_run_of_yesterday_leaves_nothing_missed_even_over_a_weekend(store, ran):
    ran(TODAY - timedelta(days=1))
    assert missed(store) == NOTHING_MISSED


@pytest.mark.parametrize("how", [{"released": False}, {"status": "held"}, {"started": TODAY}])
def test_a_day_that_only_planned_was_held_or_came_late_is_missed_with_its_steps(store, ran, how):
    ran(MONDAY)
    for day in range(1, 7):
        ran(MONDAY + timedelta(days=day), **how)
    assert missed(store) == Missed(4, ("courtesy_sms_first", "courtesy_sms_second", "due_day_call"), 6)


def test_before_the_first_released_day_everything_planned_is_missed(store, ran):
    ran(date(2026, 11, 13), released=False)
    assert missed(store) == Missed(1, ("courtesy_sms_second", "due_day_call"), 3)


def test_steps_of_another_month_are_gone(store, ran):
    ran(date(2026, 10, 1))
    assert missed(store, date(2026, 11, 2)).steps == ()
