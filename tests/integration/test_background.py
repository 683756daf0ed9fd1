"""What is known of an account beside its ledger: whose calls count, who is malicious, late by habit, or in flight."""

from datetime import date, datetime

import pytest
from sqlalchemy import event

from arrears.ladder.gather import gather_background, own_of
from arrears.ladder.holds import holds_in_force
from arrears.ladder.layers import load_policy
from arrears.outreach.moment import _history
from arrears.reports.neglected import neglected
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import episode, evidence
from arrears.store.tables.feeds import account, debit, hold, outcome, staff
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


def test_where_nobody_gave_a_mandate_no_overdue_account_is_looked_up_for_one(store):
    asked: list[str] = []

    def listen(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    def lookups() -> int:
        return sum("debit_mandate IS NOT NULL" in one and "episode" in one for one in asked)

    common = {"contract_type": "loan", "currency": "CNY", "branch": "B"}
    with writing(store) as connection:
        for name in ("A1", "A2"):
            connection.execute(account.insert().values(account_id=name, subject_ref=name, **common))
            connection.execute(episode.insert().values(account_id=name, first_unpaid_due=DAY, opened_on=DAY))
    event.listen(store, "before_cursor_execute", listen)
    with reading(store) as connection:
        assert (gather_background(connection, DAY, POLICY, {}).mandates, lookups()) == (set(), 0)
    with writing(store) as connection:
        connection.execute(account.update().where(account.c.account_id == "A2").values(debit_mandate="M-1"))
    with reading(store) as connection:
        assert (gather_background(connection, DAY, POLICY, {}).mandates, lookups()) == ({"A2"}, 1)


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


def said(store, number, reason, staff_id, at=NOON):
    with writing(store) as connection:
        connection.execute(
            outcome.insert().values(
                outcome_key=f"{number:x}" * 64, account_id="A1", party_id="P1", channel="call", at=at,
                outcome="contacted", reason=reason, staff_id=staff_id,
            )
        )  # fmt: skip


def called_malicious(store, on=DAY):
    with reading(store) as connection:
        return bool(gather_background(connection, on, POLICY, {}).malice)


@pytest.fixture
def episodic(store):
    """A store with an open episode of A1, two collectors and a supervisor."""
    with writing(store) as connection:
        connection.execute(episode.insert().values(account_id="A1", first_unpaid_due=DAY, opened_on=DAY))
        for staff_id, roles in (("C1", "collector"), ("C2", "collector"), ("S1", "supervisor;collector")):
            connection.execute(
                staff.insert().values(staff_id=staff_id, name="", roles=roles, skills="", dialects="", branch="")
            )
    return store


def test_one_collectors_word_or_two_do_not_mark_an_account_malicious_but_a_supervisors_beside_it_does(episodic):
    said(episodic, 1, "malice", "C1")
    assert not called_malicious(episodic)
    said(episodic, 2, "malice", "C2")
    assert not called_malicious(episodic), "two collectors are no supervisor"
    said(episodic, 3, "malice", "S1")
    assert called_malicious(episodic)


def test_a_supervisor_alone_is_not_two_people(episodic):
    said(episodic, 1, "malice", "S1")
    said(episodic, 2, "malice", "S1", at="2026-11-12T05:00:00Z")
    assert not called_malicious(episodic)


def test_the_newest_reason_wins_over_malice(episodic):
    said(episodic, 1, "malice", "C1")
    said(episodic, 2, "malice", "S1")
    said(episodic, 3, "cash_flow", "C2", at="2026-11-12T06:00:00Z")
    assert not called_malicious(episodic)
    said(episodic, 4, "malice", "C1", at="2026-11-12T07:00:00Z")
    assert called_malicious(episodic)


def test_malice_ends_with_the_episode_it_was_said_in(episodic):
    said(episodic, 1, "malice", "C1")
    said(episodic, 2, "malice", "S1")
    with writing(episodic) as connection:
        connection.execute(episode.update().values(cured_on=DAY))
    assert not called_malicious(episodic)
    with writing(episodic) as connection:
        later = date(2026, 12, 15)
        connection.execute(episode.insert().values(account_id="A1", first_unpaid_due=later, opened_on=later))
    assert not called_malicious(episodic, date(2026, 12, 20)), "a new episode begins without the word"


def test_habit_is_counted_as_far_as_the_visit_asks_even_where_the_lane_asks_less(store):
    lanes = POLICY.lanes.model_copy(update={"habitual_count": 2})
    policy = POLICY.model_copy(update={"lanes": lanes})
    assert policy.visit_triggers.habitual_count == 3
    with writing(store) as connection:
        for month in range(1, 5):
            day = date(2026, month, 15)
            connection.execute(episode.insert().values(account_id="A1", first_unpaid_due=day, opened_on=day))
    with reading(store) as connection:
        found = gather_background(connection, DAY, policy, {})
    assert own_of(found.known()["A1"], policy).late_episodes == 3, (
        "the visit of who pays late by habit cannot be switched off so"
    )


@pytest.mark.parametrize(
    ("until_on", "kinds"),
    [
        (None, (("dispute",), ())),
        ("2026-11-12", (("dispute",), ())),
        ("2026-11-11", ((), ("dispute_answered",))),
        ("2026-11-09", ((), ("dispute_answered",))),
        ("2026-11-08", None),  # today is the fourth working day after
    ],
)
def test_after_the_answer_to_a_dispute_treatment_waits_three_working_days(store, until_on, kinds):
    """Source: domain.md 5e."""
    with writing(store) as connection:
        since = {"hold_key": "0" * 64, "account_id": "A1", "from_on": date(2026, 11, 2)}
        until = until_on and date.fromisoformat(until_on)
        connection.execute(hold.insert().values(kind="dispute", until_on=until, **since))
    with reading(store) as connection:
        assert holds_in_force(connection, DAY, POLICY) == ({} if kinds is None else {"A1": kinds})
        assert holds_in_force(connection, DAY, POLICY, ["A1"]) == ({} if kinds is None else {"A1": kinds})


@pytest.mark.parametrize(("asked_on", "holds"), [("2026-11-10", True), ("2026-11-09", False), ("2026-11-01", False)])
def test_a_direct_debit_the_bank_does_not_answer_holds_for_two_working_days(store, asked_on, holds):
    with writing(store) as connection:
        connection.execute(
            debit.insert().values(
                debit_id="D1", account_id="A1", requested_on=date.fromisoformat(asked_on), amount_minor=1,
                result="pending",
            )
        )  # fmt: skip
    with reading(store) as connection:
        found = holds_in_force(connection, DAY, POLICY)
        silent = {kind: (count, since) for kind, count, since in neglected(connection, DAY, None, POLICY)}
    assert (found == {"A1": (("payment_in_flight",), ())}) is holds
    assert silent["debit_silent"] == ((0, None) if holds else (1, date.fromisoformat(asked_on)))
