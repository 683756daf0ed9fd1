"""A visit asked for with a reason waits for a supervisor, who rules on it once, from the shell or on the desk."""

from datetime import date
from typing import Any

import pytest
from outreach_world import CALL, DAY, World
from sqlalchemy import insert, update

from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.ladder.visit_requests import approved_visits
from arrears.ledger.intake import import_feed
from arrears.steps.visits import open_visits, rule_on
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import staff, visit_request
from arrears.store.tables.repossession import approval
from arrears.store.tables.runs import store_identity

ASKED = "account_id,asked_on,reason,asked_by,approved_by\nA1,2026-11-10,客户约定当面谈,S2,\n"
KEY = natural_key("A1", "2026-11-10")


@pytest.fixture
def asked(world: World, tmp_path) -> World:
    world.person("P1")
    for account_id in ("A1", "A2"):
        world.account(account_id, {"P1": "borrower"})
        world.decide(account_id, [CALL])
    with writing(world.engine) as connection:
        for staff_id, roles in (("S1", "supervisor"), ("S2", "supervisor;collector"), ("C1", "collector")):
            connection.execute(staff.insert().values(
                staff_id=staff_id, name=staff_id, roles=roles, skills="", dialects="", branch="B"))  # fmt: skip
        for account_id in ("A1", "A2"):
            opened = {"first_unpaid_due": date(2026, 11, 2), "opened_on": date(2026, 11, 3)}
            connection.execute(episode.insert().values(account_id=account_id, **opened))
    deliver(world, tmp_path, ASKED)
    return world


def deliver(world: World, folder, text: str, name: str = "visit_requests.csv") -> None:
    file = folder / name
    file.write_text(text, "utf-8")
    import_feed(world.rt, world.engine, "daily-2026-11-12-1", "visit_requests", file, DAY)


def ruled(world: World, by: str, decision: str = "approve", **more: Any) -> str | None:
    given = {"name": KEY[:10], "note": "looked at the file", "identity": "shell"} | more
    found = rule_on(world.rt, world.engine, world.policy, staff_id=by, decision=decision, **given)
    return found and found.state


def approved(world: World, on: date = DAY) -> set[str]:
    with reading(world.engine) as connection:
        return approved_visits(connection, on)


def test_a_supervisors_word_makes_the_visit_due_and_nobody_approves_their_own_request(asked):
    assert [(one.kind, one.account_id, one.missing) for one in open_visits(asked.engine)] == [
        ("visit", "A1", ("supervisor",))]  # fmt: skip
    for person, says in (("C1", "role supervisor"), ("S2", "asked for this visit"), ("nobody", "role supervisor")):
        with pytest.raises(BadArguments, match=says):
            ruled(asked, person)
    assert approved(asked) == set()
    assert ruled(asked, "S1") == "approved"
    assert (approved(asked), approved(asked, date(2026, 11, 11))) == ({"A1"}, set())
    assert open_visits(asked.engine) == []
    assert ruled(asked, "S1", "refuse") is None, "what has its answer waits no longer"
    [told] = [event for event in asked.events() if event["type"] == "visit.approved"]
    assert (told["actor"], told["subject_ref"]) == ("S1", "ref-A1")
    assert "looked at the file" not in str(told)


def test_a_refused_visit_waits_no_longer_and_is_not_made(asked):
    assert ruled(asked, "S1", "refuse") == "refused"
    assert (approved(asked), open_visits(asked.engine)) == (set(), [])


def test_the_same_request_delivered_again_takes_no_ruling_back(asked, tmp_path):
    ruled(asked, "S1")
    deliver(asked, tmp_path, ASKED, "visit_requests-again.csv")
    deliver(asked, tmp_path, ASKED.replace("当面谈", "当面谈一次"), "visit_requests-reworded.csv")
    assert approved(asked) == {"A1"}
    assert [row.approved_by for row in asked.rows(visit_request)] == [None]


@pytest.mark.parametrize("nobody", ["S2", "C1", "gone"])
def test_a_request_approved_by_who_may_not_still_waits_and_is_ruled_on(asked, tmp_path, nobody):
    deliver(asked, tmp_path, ASKED.replace("S2,", f"S2,{nobody}"), "visit_requests-again.csv")
    assert [row.approved_by for row in asked.rows(visit_request)] == [nobody]
    assert [one.account_id for one in open_visits(asked.engine)] == ["A1"]
    assert approved(asked) == set()
    assert ruled(asked, "S1") == "approved"
    assert (approved(asked), open_visits(asked.engine)) == ({"A1"}, [])


def test_an_approval_delivered_after_a_refusal_given_here_makes_no_visit(asked, tmp_path):
    ruled(asked, "S1", "refuse")
    deliver(asked, tmp_path, ASKED.replace("S2,", "S2,S1"), "visit_requests-again.csv")
    assert [row.approved_by for row in asked.rows(visit_request)] == ["S1"]
    assert (approved(asked), open_visits(asked.engine)) == (set(), [])


def test_a_ruling_needs_a_note_and_in_a_live_store_a_logged_in_person(asked):
    with pytest.raises(BadArguments, match="needs a note"):
        ruled(asked, "S1", note=" ")
    with writing(asked.engine) as connection:
        connection.execute(update(store_identity).values(mode="live"))
    with pytest.raises(BadArguments, match="this store is live"):
        ruled(asked, "S1")
    assert ruled(asked, "S1", identity="airflow") == "approved"


def test_what_is_no_visit_is_left_to_the_other_questions(asked):
    assert ruled(asked, "S1", name="ffffffffffff") is None
    assert ruled(asked, "S1", name="") is None


def test_letters_that_begin_a_visit_and_an_approval_rule_on_neither(asked):
    with writing(asked.engine) as connection:
        row = {"kind": "order", "subject_key": "s", "ordinal": 1, "roles": "supervisor", "state": "open"}
        values = row | {
            "approval_id": KEY[:4] + "0" * 60,
            "facts_sha256": "0" * 64,
            "requested_on": DAY,
            "requested_at": "2026-11-12T00:00:00Z",
            "run_id": "r",
        }
        connection.execute(insert(approval).values(values))
    with pytest.raises(BadArguments, match="more than one visit or approval begins so"):
        ruled(asked, "S1", name=KEY[:4])
    assert ruled(asked, "S1", name=KEY[:10]) == "approved"


def test_letters_of_a_visit_that_has_its_answer_are_left_to_the_other_questions(asked):
    ruled(asked, "S1")
    assert ruled(asked, "S1", name=KEY[:4]) is None
