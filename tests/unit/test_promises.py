"""When a promise counts as kept: policy ``promises``, money by its last day, less what was taken back."""

from datetime import date

import pytest

from arrears.ladder.layers import load_policy
from arrears.ladder.promises import last_day_of, state_of
from arrears.ladder.received import Received

POLICY = load_policy()
MADE, LAST = date(2026, 11, 2), date(2026, 11, 10)


@pytest.mark.parametrize(
    ("received", "state"), [(1000, "kept"), (950, "kept"), (949, "partly_kept"), (500, "partly_kept"), (499, "broken")]
)
def test_ninety_five_percent_keep_a_promise_and_half_keeps_it_in_part(received, state):
    assert state_of(1000, received, POLICY) == state


def test_money_counts_from_the_promise_to_its_last_day():
    money = Received(
        ((date(2026, 11, 1), 5), (MADE, 10), (date(2026, 11, 6), 20), (LAST, 40), (date(2026, 11, 11), 80))
    )
    assert money.towards(MADE, LAST) == 70


def test_money_taken_back_later_does_not_keep_a_promise():
    assert Received(((MADE, 100), (date(2026, 11, 20), -100))).towards(MADE, LAST) == 0


def test_the_day_after_a_weekend_still_keeps_a_promise_due_on_friday():
    assert last_day_of(date(2026, 11, 6), POLICY.business_calendar(), POLICY) == date(2026, 11, 9)
