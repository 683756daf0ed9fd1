"""What a month came to, who did what in it, and what is expected, over a handful of rows worked out by hand."""

import csv
from dataclasses import fields
from datetime import date

import pytest
from sqlalchemy import Boolean, Date, Engine, Integer, Table

from arrears.core.runtime import Runtime
from arrears.ladder.facts import Facts
from arrears.ladder.layers import load_policy
from arrears.reports.expected import bands_of, estimate, write_estimates
from arrears.reports.month import Case, Share, month_before, month_of
from arrears.reports.performance import Measure, Span, performance_of
from arrears.reports.scorecard import keep_scores, newest_scores, scorecard
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import decision, episode, evidence, fact_set, verdict
from arrears.store.tables.feeds import account, hold, outcome, promise
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import account_party
from arrears.store.tables.repossession import approval, repossession_order
from arrears.store.tables.runs import policy_text, run

FIRST, LAST, AFTER = date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1)
POLICY = load_policy()
SENT = {"provider_code": "250", "sent_at": "x", "intent_at": "x", "payload_sha256": "x"}


def row_of(table: Table, **values: object) -> dict[str, object]:
    """Fill what a table insists on with something of its kind."""
    filled: dict[str, object] = {}
    for column in table.columns:
        if column.nullable or column.server_default is not None:
            continue
        kind = column.type
        filled[column.name] = (False if isinstance(kind, Boolean) else 0 if isinstance(kind, Integer)
                               else FIRST if isinstance(kind, Date) else "x")  # fmt: skip
    return filled | values


@pytest.fixture
def october(store: Engine) -> Engine:
    """A cured after one message; B was messaged and called and is still overdue; both wait on 1 November."""
    rows: list[tuple[Table, dict[str, object]]] = [
        (policy_text, {"policy_sha256": "p", "body": "{}"}),
        (run, {"run_id": "R", "kind": "daily", "status": "completed", "policy_sha256": "p"}),
        (fact_set, {"facts_sha256": "f", "body": "{}"}),
        (verdict, {"verdict_sha256": "v", "body": "{}"}),
    ]
    for name, value in (("A", 200_000_00), ("B", 1_00)):
        rows += [
            (account, {"account_id": name, "subject_ref": f"ref-{name}", "contract_type": "loan", "currency": "CNY",
                       "branch": "North", "asset_value_minor": value, "principal_outstanding_minor": 100_000_00}),
            (episode, {"account_id": name, "first_unpaid_due": date(2026, 9, 30), "opened_on": FIRST,
                       "clean_since": date(2026, 10, 20) if name == "A" else None}),
        ]  # fmt: skip
    rows.append((account_party, {"account_id": "A", "party_id": "G", "role": "guarantor"}))
    for key, name, step, channel, day in (("1", "A", "arrears_sms", "sms", 5), ("2", "B", "arrears_sms", "sms", 5),
                                          ("3", "B", "borrower_call", "call", 7)):  # fmt: skip
        on = date(2026, 10, day)
        rows += [
            (contact, {"contact_id": key, "channel": channel, "state": "sent", "business_date": on, "run_id": "R",
                       "audience": "borrower", "tone": "firm", "stage": 1, "party_id": name, **SENT}),
            (item, {"item_key": key, "contact_id": key, "account_id": name, "step": step, "channel": channel,
                    "occasion": "episode:2026-09-30", "business_date": on}),
        ]  # fmt: skip
    for key, name, result, reason, at in (("o1", "A", "promised", "inertia", "2026-10-05T03:00:00Z"),
                                          ("o2", "B", "no_answer", None, "2026-10-07T03:00:00Z")):  # fmt: skip
        rows.append((outcome, {"outcome_key": key, "account_id": name, "party_id": name, "channel": "call",
                               "outcome": result, "reason": reason, "at": at,
                               "staff_id": "S1", "row_sha256": key}))  # fmt: skip
    rows += [
        (promise, {"promise_key": "p1", "account_id": "A", "made_on": date(2026, 10, 5), "amount_minor": 500_00,
                   "due_on": date(2026, 10, 9), "state": "kept", "row_sha256": "o1"}),
        (promise, {"promise_key": "p2", "account_id": "B", "made_on": date(2026, 10, 5), "amount_minor": 900_00,
                   "due_on": date(2026, 10, 9), "state": "broken", "row_sha256": "elsewhere"}),
        (hold, {"hold_key": "h", "account_id": "B", "kind": "complaint", "from_on": date(2026, 10, 8)}),
    ]  # fmt: skip
    for name, days, owed in (("A", 38, 6_000_00), ("B", 38, 1_000_00)):
        rows.append((decision, {"account_id": name, "business_date": AFTER, "run_id": "R", "stage": 2,
                                "currency": "CNY",
                                "days_past_due": days, "overdue_minor": owed, "episode_due": date(2026, 9, 30),
                                "facts_sha256": "f", "verdict_sha256": "v", "policy_sha256": "p", "branch": "North",
                                "lane": "good_faith"}))  # fmt: skip
    with writing(store) as connection:
        for table, values in rows:
            connection.execute(table.insert(), row_of(table, **values))
    return store


def test_what_came_of_each_kind_of_contact_and_of_few_and_many(october):
    with reading(october) as connection:
        month = month_of(connection, Span(FIRST, LAST, None), POLICY)
    assert month.steps == [Share("step", "arrears_sms", 2, 1), Share("step", "borrower_call", 1, 0)]
    assert month.cadence == [Share("cadence", "1", 1, 1), Share("cadence", "2", 1, 0)]
    assert month.steps[0].cure_rate == 5000


def test_a_success_with_the_fewest_contacts_and_a_failure_with_the_most_are_there_to_be_talked_about(october):
    with reading(october) as connection:
        assert month_of(connection, Span(FIRST, LAST, None), POLICY).cases == [Case("A", 1, True), Case("B", 2, False)]


def test_features_are_set_beside_behaviour_and_no_decision_knows_them(october):
    with reading(october) as connection:
        features = month_of(connection, Span(FIRST, LAST, None), POLICY).features
    assert Share("guarantor", "yes", 1, 1) in features
    assert Share("guarantor", "no", 1, 0) in features
    assert Share("contract_type", "loan", 2, 1) in features
    assert not {one.family for one in features} & {one.name for one in fields(Facts)}


def test_the_month_is_told_once_on_its_first_morning(october):
    with reading(october) as connection:
        assert month_before(connection, AFTER, None, POLICY).first == FIRST
        assert month_before(connection, date(2026, 11, 2), None, POLICY) is None


@pytest.fixture
def worked(october: Engine) -> Engine:
    """October with two visits, letters, orders and answers; A was cured once before, in July, and C too."""
    rows: list[tuple[Table, dict[str, object]]] = [
        (account, {"account_id": "C", "subject_ref": "ref-C", "contract_type": "loan", "currency": "CNY",
                   "branch": "North"}),
        (episode, {"account_id": "A", "first_unpaid_due": date(2026, 6, 30), "opened_on": date(2026, 7, 1),
                   "clean_since": date(2026, 7, 30)}),
        (episode, {"account_id": "C", "first_unpaid_due": date(2026, 6, 30), "opened_on": date(2026, 7, 1),
                   "clean_since": date(2026, 7, 25)}),
    ]  # fmt: skip
    for key, name, result, at in (("v1", "A", "visit_met", "2026-10-14T03:00:00Z"),
                                  ("v2", "B", "visit_not_met", "2026-10-15T03:00:00Z")):  # fmt: skip
        rows.append((outcome, {"outcome_key": key, "account_id": name, "party_id": name, "channel": "visit",
                               "outcome": result, "at": at, "row_sha256": key}))  # fmt: skip
    kinds = ("message_delivered", "message_delivered", "message_failed", "letter_served", "letter_returned")
    for number, kind in enumerate(kinds):
        rows.append((evidence, {"evidence_key": f"e{number}", "account_id": "A", "kind": kind, "source": "outcome",
                                "local_date": date(2026, 10, 6), "counts": True}))  # fmt: skip
    for day, stage, owed in ((10, 3, 1_00), (15, 3, 1_00), (18, 3, 1_00)):
        rows.append((decision, {"account_id": "B", "business_date": date(2026, 10, day), "run_id": "R", "stage": stage,
                                "currency": "CNY", "overdue_minor": owed, "episode_due": date(2026, 9, 30),
                                "facts_sha256": "f", "verdict_sha256": "v", "policy_sha256": "p", "branch": "North",
                                "lane": "good_faith"}))  # fmt: skip
    for key, state, more in (("1", "approved", {"approved_on": date(2026, 10, 12), "expires_on": date(2026, 10, 15)}),
                             ("2", "refused", {"closed_at": "2026-10-13T03:00:00Z"})):  # fmt: skip
        rows.append((approval, {"approval_id": key, "kind": "order", "subject_key": key, "account_id": "B",
                                "state": state, **more}))  # fmt: skip
    recalled = {
        "recalled_at": "2026-10-21T00:00:00Z",
        "recall_acknowledged_at": "2026-10-21T06:00:00Z",
        "recall_reason": "payment",
    }
    for key, name, state, more in (("1", "B", "recovered", {"recovered_at": "2026-10-22T03:00:00Z"}),
                                   ("2", "A", "recalled", recalled)):  # fmt: skip
        rows.append((repossession_order, {"order_id": key, "order_no": key, "account_id": name, "kind": "recover",
                                          "ordinal": 1, "episode_due": date(2026, 9, 30), "state": state,
                                          "idempotency_key": key, "offered_at": "2026-10-20T03:00:00Z",
                                          "document_sha256": "x", "packet_id": "x",
                                          **more}))  # fmt: skip
    with writing(october) as connection:
        for table, values in rows:
            connection.execute(table.insert(), row_of(table, **values))
    return october


def test_how_the_work_of_a_month_went_is_told_with_what_it_was_divided_by(worked):
    with reading(worked) as connection:
        found = {one.name: one for one in performance_of(connection, Span(FIRST, LAST, None), POLICY)}
    counted = {name: (one.part, one.whole) for name, one in found.items()}
    assert counted == {
        "connect": (1, 2),
        "right_party_month": (2, 4),
        "promise_to_contact": (1, 2),
        "attempts_per_cure": (4, 1),
        "promise_kept_amount": (500_00, 1_400_00),
        "first_contact": (8, 2),
        "arrival_proof": (2, 3),
        "letter_service": (1, 2),
        "visit_success": (1, 2),
        "complaints_per_thousand": (1000, 3),
        "redefault": (1, 2),
        "approved": (1, 2),
        "handoff_days": (10, 1),
        "recovered_orders": (1, 1),
        "recall_hours": (6, 1),
    }
    assert found["promise_kept_amount"].share == 3571
    assert (found["first_contact"].each, found["complaints_per_thousand"].each) == (40, 3333)


def test_what_there_was_none_of_is_left_out(october):
    with reading(october) as connection:
        elsewhere = performance_of(connection, Span(FIRST, LAST, "South"), POLICY)
    assert elsewhere == []
    assert Measure("connect", 0, 0).share is None
    assert Measure("recall_hours", 0, 0, is_share=False).each is None


def test_a_scorecard_is_never_money_alone(october):
    with reading(october) as connection:
        [score] = scorecard(connection, FIRST, LAST)
    assert (score.attempts, score.reached_rate, score.reasoned_rate, score.kept_rate) == (2, 5000, 10_000, 10_000)
    assert score.kept == {"CNY": 500_00}
    assert score.complaints == 1


def test_the_scores_of_a_month_are_kept_for_the_page_and_told_anew_they_take_the_place_of_the_first(october):
    with writing(october) as connection:
        scores = scorecard(connection, FIRST, LAST)
        assert scores
        for _ in range(2):
            keep_scores(connection, FIRST, scores)
        assert newest_scores(connection) == (FIRST, scores)


@pytest.mark.parametrize(
    ("bucket", "more", "percent", "band"),
    [
        ("M2", {"guaranteed": True, "broken": True}, 70, "high"),
        ("M2", {"broken": True}, 60, "middle"),
        ("M7", {"broken": True}, 0, "low"),
        ("M1", {"secured": True, "guaranteed": True}, 100, "high"),
    ],
)
def test_what_is_expected_falls_with_age_and_rises_with_security(bucket, more, percent, band):
    found = estimate(bucket, **{"secured": False, "guaranteed": False, "broken": False} | more, rules=POLICY.expected)
    assert (found.percent, found.band) == (percent, band)


def test_the_expected_amount_of_a_band_is_the_sum_over_its_accounts(october):
    with reading(october) as connection:
        bands = {line.band: line for line in bands_of(connection, AFTER, None, POLICY)}
    assert bands["high"].owed.overdue == bands["high"].expected.overdue == {"CNY": 6_000_00}
    assert bands["middle"].expected.overdue == {"CNY": 600_00}


def test_the_estimate_is_kept_with_its_inputs_under_a_random_name(october, rt: Runtime):
    path = write_estimates(rt, october, AFTER, POLICY)
    with (rt.settings.home / "artifacts" / path).open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["subject_ref"], row["percent"], row["bucket"], row["broken"]) for row in rows] == [
        ("ref-A", "100", "M2", "False"), ("ref-B", "60", "M2", "True")]  # fmt: skip
    assert write_estimates(rt, october, date(2026, 11, 2), POLICY) is None
