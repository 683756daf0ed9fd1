"""No order of events makes the department skip a rung, spend a budget twice, or ask whom it must leave alone."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from ladder_machine import Department

from arrears.ladder import standing, step_table

QUICK = settings(
    max_examples=3,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_no_order_of_events_breaks_a_rule_of_the_ladder():
    run_state_machine_as_test(Department, settings=QUICK)


@pytest.mark.long
def test_no_long_order_of_events_breaks_a_rule_of_the_ladder():
    run_state_machine_as_test(Department, settings=settings(QUICK, max_examples=100, stateful_step_count=40))


def live(days: int) -> None:
    department = Department()
    try:
        for _ in range(days):
            department.live_a_day([])
    finally:
        department.stack.close()


def test_a_ladder_that_forgets_its_gates_is_found_out_on_the_first_day(monkeypatch):
    monkeypatch.setattr(step_table, "_TABLES", {})
    monkeypatch.setattr(standing, "unlocked_by", lambda gates: 4)
    with pytest.raises(AssertionError, match="a rung skipped"):
        live(1)
