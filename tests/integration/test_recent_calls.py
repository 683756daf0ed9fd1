"""Whose calls count against whom: a guarantor's are not the borrower's, and one call about five contracts is one."""

from datetime import date, datetime

from arrears.ladder.gather import gather_background
from arrears.ladder.policy import load_policy
from arrears.outreach.moment import _history
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import evidence
from arrears.store.tables.feeds import outcome
from arrears.store.tables.people import account_party, party

POLICY = load_policy()
DAY = date(2026, 11, 12)
NOON = "2026-11-12T04:00:00Z"


def answered(connection, number, party_id):
    connection.execute(
        evidence.insert().values(
            evidence_key=str(number) * 64, account_id="A1", party_id=party_id, kind="call_answered", counts=True,
            happened_at=NOON, local_date=DAY, channel="call", source="outcome", source_key=str(number) * 64,
        )
    )  # fmt: skip


def test_a_talk_with_the_guarantor_uses_up_nothing_of_the_borrowers_week(store):
    with writing(store) as connection:
        for person, role in (("P1", "borrower"), ("P2", "guarantor")):
            connection.execute(party.insert().values(party_id=person))
            connection.execute(account_party.insert().values(account_id="A1", party_id=person, role=role))
        answered(connection, 1, "P2")
    with reading(store) as connection:
        assert gather_background(connection, DAY, POLICY, {}).calls == {}
    with writing(store) as connection:
        answered(connection, 2, "P1")
    with reading(store) as connection:
        found = gather_background(connection, DAY, POLICY, {})
    assert (found.calls, found.conversation) == ({"A1": 1}, {"A1": 0})


def test_one_call_about_five_contracts_is_one_attempt(store):
    with writing(store) as connection:
        connection.execute(party.insert().values(party_id="P1"))
        for number in range(1, 6):
            connection.execute(
                outcome.insert().values(
                    outcome_key=str(number) * 64, account_id=f"A{number}", party_id="P1", channel="call", at=NOON,
                    outcome="contacted",
                )
            )  # fmt: skip
    with reading(store) as connection:
        people = {row.party_id: row for row in connection.execute(party.select())}
        history = _history(connection, people, POLICY, datetime.fromisoformat("2026-11-13T02:00:00Z"))
    assert history["P1"]["call"] == {DAY: 1}
