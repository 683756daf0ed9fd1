"""What counts as evidence, and that it still counts when its proof arrives later than its news."""

from datetime import date, timedelta

from sqlalchemy import select

from arrears.ladder.evidence import record_evidence
from arrears.ladder.layers import load_policy
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import evidence
from arrears.store.tables.feeds import document, outcome

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
