"""What counts as evidence, and that it still counts when its proof arrives later than its news."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from arrears.ladder.evidence import LOOK_BACK, record_evidence
from arrears.ladder.findings import refusals
from arrears.ladder.layers import load_policy
from arrears.ladder.recent_calls import recent_calls
from arrears.ladder.tally import tally_evidence
from arrears.store.account_range import EVERY
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import episode, evidence
from arrears.store.tables.feeds import document, outcome
from arrears.store.tables.people import account_party

POLICY = load_policy()
DAY = date(2026, 11, 12)
NEXT = DAY + timedelta(days=1)


def add(store, table, **values):
    with writing(store) as connection:
        connection.execute(table.insert().values(account_id="A1", party_id="P1", **values))


def visit(store, result):
    add(store, outcome, outcome_key="1" * 64, channel="visit", at="2026-11-12T03:00:00Z", outcome=result)


def paper(store, kind, second="S-1", **values):
    add(store, document, document_key="2" * 64, kind=kind, sha256="3" * 64, dated_on=DAY, confirmed_by="V-1",
        second_confirmed_by=second, **values)  # fmt: skip


@pytest.fixture(autouse=True)
def in_arrears(store):
    owes(store, "A1")


def owes(store, account_id):
    with writing(store) as connection:
        connection.execute(episode.insert().values(account_id=account_id, first_unpaid_due=DAY, opened_on=DAY))


def found(store, on, policy=POLICY):
    with writing(store) as connection:
        record_evidence(connection, on, policy)
    with reading(store) as connection:
        return [(row.kind, row.counts, row.local_date) for row in connection.execute(select(evidence))]


def test_a_visit_counts_once_two_people_confirmed_its_report_however_late(store):
    visit(store, "visit_met")
    assert found(store, DAY) == [("visit_reported", False, DAY)]
    paper(store, "visit_report")
    assert found(store, NEXT) == [("visit_reported", True, DAY)]
    assert found(store, NEXT) == [("visit_reported", True, DAY)]


def test_a_visit_that_met_nobody_counts_only_with_its_report(store):
    visit(store, "visit_not_met")
    assert found(store, DAY) == [("visit_failed", False, DAY)]
    paper(store, "visit_report")
    assert found(store, NEXT) == [("visit_failed", True, DAY)]


def test_a_kind_that_the_policy_does_not_list_never_counts(store):
    listed = [kind for kind in POLICY.evidence.counts if kind != "visit_failed"]
    strict = POLICY.model_copy(update={"evidence": POLICY.evidence.model_copy(update={"counts": listed})})
    visit(store, "visit_not_met")
    paper(store, "visit_report")
    assert found(store, DAY, strict) == [("visit_failed", False, DAY)]


def test_one_signature_twice_is_no_second_person(store):
    visit(store, "visit_met")
    paper(store, "visit_report", second="V-1")
    assert found(store, NEXT) == [("visit_reported", False, DAY)]


def test_a_letter_counts_from_the_second_signature_on_for_the_day_it_was_served(store):
    paper(store, "lawyers_letter", second=None, served_on=DAY, service_result="arrived")
    assert found(store, DAY) == [("letter_served", False, DAY)]
    with writing(store) as connection:
        connection.execute(document.update().values(second_confirmed_by="L-2"))
    assert found(store, NEXT) == [("letter_served", True, DAY)]


@pytest.mark.parametrize("ended", ["arrived", "refused", "returned"])
@pytest.mark.parametrize(("role", "tried", "reminders"), [("guarantor", 1, 0), ("borrower", 0, 1)])
def test_a_written_demand_tries_the_guarantor_and_reminds_the_borrower_and_is_no_lawyers_letter(
    store, ended, role, tried, reminders
):
    """Source: domain.md 5c (written demand to borrower and each guarantor) and 5e (guarantors in writing)."""
    with writing(store) as connection:
        connection.execute(account_party.insert().values(account_id="A1", party_id="P1", role=role))
    paper(store, "demand_letter", served_on=DAY, service_result=ended)
    assert found(store, DAY) == [("demand_served", True, DAY)]
    with reading(store) as connection:
        tally = tally_evidence(connection, NEXT, {"A1": DAY})["A1"]
    assert (tally.guarantors_tried, tally.reminders, tally.letter_age_days) == (tried, reminders, None)


@pytest.mark.parametrize("owes_as", ["borrower", "co_borrower"])
@pytest.mark.parametrize("answers_as", ["guarantor", "dealer_buyback"])
def test_who_owes_an_account_counts_as_its_debtor_whatever_other_role_he_has(store, owes_as, answers_as):
    with writing(store) as connection:
        for party_id, role in (("P1", owes_as), ("P1", answers_as), ("P2", answers_as)):
            connection.execute(account_party.insert().values(account_id="A1", party_id=party_id, role=role))
    for number, (day, said) in enumerate([(12, "contacted"), (12, "no_answer"), (13, "refused")]):
        add(
            store,
            outcome,
            outcome_key=str(number) * 64,
            channel="call",
            at=f"2026-11-{day}T0{number}:00:00Z",
            outcome=said,
        )
    found(store, NEXT)
    with reading(store) as connection:
        tally = tally_evidence(connection, NEXT, {"A1": DAY})["A1"]
        assert recent_calls(connection, NEXT, EVERY) == ({"A1": 3}, {"A1": 0})
        assert refusals(connection, NEXT, POLICY) == {"A1": 0}
    assert (tally.call_attempts, tally.call_days, tally.guarantors, tally.guarantors_tried) == (3, 2, 1, 0)
    assert tally.reminders == 2


def test_a_demand_that_is_only_posted_or_confirmed_by_one_tries_nobody(store):
    paper(store, "demand_letter", served_on=DAY)
    assert found(store, DAY) == [("letter_sent", False, DAY)]
    with writing(store) as connection:
        connection.execute(document.update().values(service_result="arrived", second_confirmed_by=None))
        connection.execute(evidence.delete())
    assert found(store, DAY) == [("demand_served", False, DAY)]


def heard(store, number, account_id, at):
    with writing(store) as connection:
        connection.execute(outcome.insert().values(
            outcome_key=str(number) * 64, account_id=account_id, party_id="P1", channel="call", at=at,
            outcome="contacted"))  # fmt: skip


def known(store, on):
    found(store, on)
    with reading(store) as connection:
        return {tuple(row) for row in connection.execute(select(evidence.c.account_id, evidence.c.local_date))}


def test_the_first_day_of_a_store_looks_at_all_there_is(store):
    long_ago = DAY - 300 * (NEXT - DAY)
    heard(store, 1, "A9", f"{long_ago}T03:00:00Z")
    assert known(store, DAY) == {("A9", long_ago)}


def test_news_of_long_ago_wait_until_the_account_is_in_arrears_and_recent_news_do_not(store):
    heard(store, 1, "A1", "2026-11-11T03:00:00Z")
    assert known(store, DAY) == {("A1", date(2026, 11, 11))}
    recent, old = DAY - LOOK_BACK, DAY - LOOK_BACK - (NEXT - DAY)
    for number, account_id, day in ((2, "A2", recent), (3, "A3", old), (4, "A1", old)):
        heard(store, number, account_id, f"{day}T03:00:00Z")
    before = known(store, DAY)
    assert before == {("A1", date(2026, 11, 11)), ("A2", recent), ("A1", old)}
    owes(store, "A3")
    assert known(store, NEXT) == before | {("A3", old)}


def test_what_has_not_happened_yet_on_an_earlier_day_is_used_on_its_own(store):
    heard(store, 1, "A1", "2026-11-11T03:00:00Z")
    heard(store, 2, "A2", f"{NEXT}T03:00:00Z")
    assert known(store, DAY) == {("A1", date(2026, 11, 11))}
    assert known(store, NEXT) == {("A1", date(2026, 11, 11)), ("A2", NEXT)}
