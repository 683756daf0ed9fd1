"""When a plan is in force, kept or broken, and how far a promise is believed."""

from dataclasses import replace
from datetime import date

import pytest

from arrears.ladder.layers import load_policy
from arrears.ladder.part_payments import earns_quiet
from arrears.ladder.plans import Terms, refusal, standing_of, why_broken
from arrears.ladder.received import Received
from arrears.ladder.reliability import assess, score

POLICY = load_policy()
CALENDAR = POLICY.business_calendar()
AGREED = Terms(date(2026, 9, 1), date(2026, 9, 30), 3, 100_000, approved_by="S-1", consent_ref="C-1")
"""Due on 30 September, 30 October and 30 November."""
STAFF = {"S-1": frozenset({"finance"}), "S-2": frozenset({"finance"}), "M-1": frozenset({"manager"})}


def standing(on: date, *money: tuple[date, int]) -> str:
    return standing_of(AGREED, Received(money), on, CALENDAR, POLICY)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"approved_by": None}, "not_approved"),
        ({"consent_ref": None}, "no_guarantor_consent"),
        ({"instalments": 13}, "too_many_instalments"),
        ({"first_due_on": date(2026, 11, 3)}, "first_instalment_too_late"),
        ({"waiver_minor": 100_001}, "waiver_needs_a_second_person"),
        ({"waiver_minor": 100_001, "second_approved_by": "S-1"}, "waiver_needs_a_second_person"),
        ({"waiver_minor": 100_001, "second_approved_by": "M-1"}, None),
        ({"waiver_minor": 100_001, "approved_by": "M-1", "second_approved_by": "S-1"}, None),
        ({"waiver_minor": 100_001, "second_approved_by": "S-2"}, "waiver_not_by_its_roles"),
        ({"waiver_minor": 100_001, "second_approved_by": "NOBODY"}, "waiver_not_by_its_roles"),
        ({"approved_by": "NOBODY"}, None),
    ],
)
def test_a_plan_is_in_force_only_approved_consented_and_within_limits(changes, reason):
    found = refusal(replace(AGREED, **changes), has_guarantors=True, policy=POLICY, staff=STAFF)
    assert found == reason


def test_without_guarantors_no_consent_is_needed():
    assert refusal(replace(AGREED, consent_ref=None), has_guarantors=False, policy=POLICY) is None


def test_a_plan_that_is_kept_after_its_first_due_date_stays_in_force():
    assert standing(date(2026, 9, 15)) == "active"
    assert standing(date(2026, 10, 20), (date(2026, 9, 30), 100_000)) == "active"
    assert standing(date(2026, 10, 20), (date(2026, 9, 30), 95_000)) == "active"


def test_a_missed_instalment_breaks_a_plan_once_its_grace_is_over():
    assert standing(date(2026, 10, 8)) == "active"  # 30 September; the next working day is 8 October
    assert standing(date(2026, 10, 9)) == "broken"
    assert standing(date(2026, 11, 20), (date(2026, 9, 30), 100_000)) == "broken"


@pytest.mark.parametrize(
    ("day", "paid", "why"),
    [
        (date(2026, 10, 9), 50_000, "part_paid"),
        (date(2026, 10, 9), 49_999, None),
        (date(2026, 11, 20), 160_000, "part_paid"),
        (date(2026, 11, 20), 100_000, None),
        (date(2026, 11, 20), 60_000, None),
    ],
)
def test_a_plan_that_broke_says_whether_a_good_part_of_its_last_instalment_came(day, paid, why):
    money = (date(2026, 9, 30), paid)
    assert standing(day, money) == "broken"
    assert why_broken(AGREED, Received((money,)), day, CALENDAR, POLICY) == why


def test_money_taken_back_breaks_a_plan_and_money_before_the_signature_is_none_of_it():
    paid, back = (date(2026, 9, 30), 100_000), (date(2026, 10, 10), -100_000)
    assert standing(date(2026, 10, 20), paid, back) == "broken"
    assert standing(date(2026, 10, 20), (date(2026, 8, 31), 100_000)) == "broken"


def test_a_plan_paid_in_full_is_completed_even_early():
    assert standing(date(2026, 10, 1), (date(2026, 9, 20), 300_000)) == "completed"


@pytest.mark.parametrize(("kept", "broken", "percent"), [(0, 0, 50), (3, 0, 80), (0, 1, 33), (1, 1, 50), (0, 3, 20)])
def test_nobody_starts_with_a_score_of_nothing_or_of_all(kept, broken, percent):
    assert score(kept, broken) == percent


def test_who_broke_the_last_promise_is_believed_only_with_money_in_hand():
    assert assess(0, 0, 0, 0, POLICY).accepted
    assert not assess(0, 1, 1, 0, POLICY).accepted
    assert assess(0, 1, 1, 1, POLICY).accepted
    assert assess(1, 1, 1, 0, POLICY).accepted


@pytest.mark.parametrize(("before", "now", "quiet"), [(1000, 500, True), (1000, 501, False), (1000, 900, False),
                                                      (0, 0, False), (1000, 2000, False)])  # fmt: skip
def test_half_of_the_arrears_at_once_earns_quiet_days_and_a_tenth_stops_nothing(before, now, quiet):
    assert earns_quiet(before, now, POLICY.part_payment) is quiet
