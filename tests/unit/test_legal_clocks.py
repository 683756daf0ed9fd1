from dataclasses import replace
from datetime import date

import pytest

from arrears.core.calendar import add_months
from arrears.ladder.layers import load_policy
from arrears.legal import clocks
from arrears.legal.facts import Demand, Document, Instalment, LegalFacts, Money, Party

LEGAL = load_policy().legal
LAST_DUE = date(2026, 8, 31)


def paper(party: str, served: date, kind: str = "demand_letter", result: str = "arrived") -> Document:
    return Document(kind, party * 64, party, served, served, result, "S1", "S2")


def facts(**more: object) -> LegalFacts:
    schedule = [Instalment(n + 1, add_months(date(2025, 8, 31), n), 100, 0) for n in range(13)]
    money = Money("CNY", 12, 1200, 400, date(2025, 8, 31), 1300, 1300, 0)
    parties = (Party("B", "borrower", "b"), Party("G", "guarantor", "g", guarantee_kind="joint"))
    whole = LegalFacts("A", "ref", date(2026, 11, 12), "finance_lease", money, 4, instalments=schedule, parties=parties)
    return replace(whole, **more)


def only(found: list[clocks.LegalClock]) -> clocks.LegalClock:
    (clock,) = found
    return clock


def test_limitation_runs_three_years_from_the_last_instalment():
    clock = clocks.limitation(facts(), LEGAL)
    assert clock is not None
    assert (clock.expires_on, clock.assumption) == (date(2029, 8, 31), "from_last_instalment")


def test_a_demand_that_arrived_starts_limitation_anew_and_an_earlier_one_changes_nothing():
    demands = (Demand(date(2025, 9, 1), "letter"), Demand(date(2026, 10, 1), "payment"))
    clock = clocks.limitation(facts(demands=demands), LEGAL)
    assert clock is not None
    assert (clock.expires_on, clock.assumption) == (date(2029, 10, 1), "restarted_by_demand")


def test_the_guarantee_ends_six_months_later_at_the_end_of_a_short_month():
    clock = only(clocks.guarantees(facts(), LEGAL))
    assert clock.expires_on == date(2027, 2, 28)
    assert not clock.is_expired(date(2027, 2, 28)), "28 February 2027 is a Sunday and stays the last day"
    assert clock.is_expired(date(2027, 3, 1))


def test_an_accelerating_letter_starts_the_guarantee_at_the_earliest_plausible_date():
    letter = paper("B", date(2026, 5, 10), "lawyers_letter")
    clock = only(clocks.guarantees(facts(documents=(letter,)), LEGAL))
    assert (clock.expires_on, clock.assumption) == (date(2026, 11, 10), "from_acceleration")
    assert clock.is_expired(date(2026, 11, 12))


def test_an_agreed_end_wins_over_the_default_period():
    party = Party("G", "guarantor", "g", guarantee_until=date(2028, 1, 1))
    clock = only(clocks.guarantees(facts(parties=(party,)), LEGAL))
    assert (clock.expires_on, clock.assumption) == (date(2028, 1, 1), "agreed_in_guarantee")


@pytest.mark.parametrize(
    ("document", "saved"),
    [
        (paper("G", date(2026, 9, 1)), True),
        (paper("B", date(2026, 9, 1)), False),
        (paper("G", date(2026, 9, 1), result="sent"), False),
        (paper("G", date(2026, 8, 1)), False),
        (paper("G", date(2027, 1, 1)), False),
    ],
    ids=["reached the guarantor", "reached the debtor", "only sent", "before the period", "in the future"],
)
def test_only_a_demand_that_reached_this_guarantor_in_the_period_saves_a_joint_guarantee(document, saved):
    clock = only(clocks.guarantees(facts(documents=(document,)), LEGAL))
    assert (clock.preserved_on is not None) is saved


def test_a_general_guarantee_is_saved_by_suit_not_by_demand():
    general = Party("G", "guarantor", "g", guarantee_kind="general")
    demanded = facts(parties=(general,), documents=(paper("G", date(2026, 9, 1)),))
    assert only(clocks.guarantees(demanded, LEGAL)).preserved_on is None
    assert only(clocks.guarantees(replace(demanded, sued_on=date(2026, 10, 1)), LEGAL)).preserved_on == date(
        2026, 10, 1
    )


def test_alerts_name_the_step_a_clock_has_reached_and_stop_when_the_claim_is_saved():
    running = clocks.guarantees(facts(), LEGAL)
    assert clocks.alerts(running, LEGAL, date(2026, 11, 12)) == []
    assert [step for _, step in clocks.alerts(running, LEGAL, date(2026, 12, 15))] == [90]
    assert [step for _, step in clocks.alerts(running, LEGAL, date(2027, 2, 27))] == [1]
    assert [step for _, step in clocks.alerts(running, LEGAL, date(2027, 6, 1))] == [1], "a lapsed right stays on show"
    saved = [replace(clock, preserved_on=date(2026, 9, 1)) for clock in running]
    assert clocks.alerts(saved, LEGAL, date(2027, 2, 27)) == []


def test_without_a_schedule_no_clock_is_guessed():
    assert clocks.limitation(facts(instalments=()), LEGAL) is None
    assert clocks.guarantees(facts(instalments=()), LEGAL) == []


def test_the_cure_period_is_that_of_the_first_demand_that_reached_a_debtor():
    policy = load_policy()
    both = (
        paper("G", date(2026, 9, 1)),
        paper("B", date(2026, 10, 20)),
        paper("B", date(2026, 10, 12), "lawyers_letter"),
    )
    cure = clocks.cure(facts(documents=both), LEGAL, policy.business_calendar())
    assert cure is not None
    assert (cure.arrived_on, cure.ends_on) == (date(2026, 10, 12), date(2026, 10, 22))
    assert cure.is_over(date(2026, 10, 23))
    assert not cure.is_over(date(2026, 10, 22))
