"""The story of a past day says what was known then, and marks what came later."""

import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event

from arrears.proof.explain import explain
from arrears.store.engine import reading

DAY, LATER = date(2026, 11, 12), date(2026, 11, 20)


@pytest.fixture(scope="module")
def place(new_place, tmp_path_factory):
    return new_place(tmp_path_factory.mktemp("later"))


@pytest.fixture(scope="module")
def told(place) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stories of one account on a day and some days later, when news of the day had come."""
    place.write("promises.csv", "account_id,made_on,due_on,amount\nK1,2026-11-11,2026-11-13,1000.00\n")
    assert place.run(DAY).code == 0
    place.write("holds.csv", "account_id,kind,from_on\nK1,dispute,2026-11-10\n")
    calls = "K1,PK1,call,2026-11-12T15:30:00Z,no_answer\nK1,PK1,call,2026-11-12T16:30:00Z,busy\n"
    place.write("outcomes.csv", f"account_id,party_id,channel,at,outcome\n{calls}")
    assert place.run(LATER).code == 0
    then, now = (place.call("explain", "K1", "--date", on.isoformat(), "--json") for on in (DAY, LATER))
    return json.loads(then.out), json.loads(now.out)


def test_what_came_later_is_marked_and_a_promise_is_told_as_it_stood(told):
    then, now = told
    assert [(row["kind"], row["came_later"]) for row in then["holds"]] == [("dispute", True)]
    assert [(row["kind"], row["came_later"]) for row in now["holds"]] == [("dispute", False)]
    assert [(row["kind"], row["came_later"]) for row in then["evidence"]] == [
        ("call_attempt", True),
        ("message_delivered", True),
    ]
    assert {row["came_later"] for row in now["evidence"]} == {False}
    assert [(row["state"], row["became"], row["came_later"]) for row in then["promises"]] == [("open", "broken", False)]
    assert [(row["state"], row["became"]) for row in now["promises"]] == [("broken", None)]


def test_what_happened_afterwards_begins_where_the_local_day_ended(told):
    then, _ = told
    assert [row["outcome"] for row in then["afterwards"]["outcomes"]] == ["busy"]
    assert {row["local_date"] for row in then["evidence"]} == {DAY.isoformat()}


def test_a_reader_sees_which_hold_nobody_knew_of_yet(told, place):
    said = place.call("explain", "K1", "--date", DAY.isoformat(), "--language", "en").out
    assert f"(not known before {LATER})" in said
    assert "not yet due (later: broken)" in said


def test_a_story_is_found_by_its_account_and_walks_through_no_log(told, place):
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(place.store, "before_cursor_execute", note)
    explain(place.store, "K1", DAY)
    event.remove(place.store, "before_cursor_execute", note)
    with reading(place.store) as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", found).all()
            for text, found in asked
            if "audit_" in text
        ]
    steps = {str(step[-1]) for plan in plans for step in plan}
    assert {step for step in steps if "SCAN audit" in step or "index_type" in step or "index_run" in step} == set()
    assert any("ix_audit_event_index_subject (subject_ref=? AND business_date=?)" in step for step in steps)
