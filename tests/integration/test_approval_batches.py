"""A batch of questions in Airflow: what the desks are shown, and what each choice becomes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from order_world import DAY, World, fresh_world
from sqlalchemy import select, update

from arrears.approvals.questions import list_open
from arrears.core.clock import SystemClock
from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Request
from arrears.legal.case_rows import cases_until, chosen_remedy
from arrears.steps import repossession as steps
from arrears.steps.repossession import options_of
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds, runs
from arrears.store.tables.repossession import approval, approval_vote


@pytest.fixture
def world(furnished_home: Path) -> Iterator[World]:
    """A store whose one order waits for two people."""
    with fresh_world(furnished_home) as world:
        world.propose()
        yield world


def answer(*options: str, by: str = "LAW", note: str = "packet read") -> list[dict[str, object]]:
    """What Airflow hands on when a person has answered."""
    return [{"chosen_options": list(options), "params_input": {"note": note}, "responded_by_user": {"name": by}}]


def batch(world: World) -> str:
    return steps.open_batch(world.rt, Request(asked_at=world.rt.clock.now()))


def votes(world: World) -> list[tuple[str, ...]]:
    with reading(world.engine) as connection:
        query = select(approval_vote.c.role, approval_vote.c.staff_id, approval_vote.c.decision)
        return [tuple(row) for row in connection.execute(query.order_by(approval_vote.c.role))]


def test_a_desk_is_shown_what_it_decides_on_what_each_choice_means_and_who_may_answer(world):
    (question,) = steps.ask_risk(world.rt, batch(world), "/arrears/legal")
    (order,) = world.orders()
    assert question["options"] == [f"{order.order_no}{ending}" for ending in ("", " refuse 不同意", " send back 退回")]
    assert f"{order.order_no} (recover): facts `{order.facts_sha256[:16]}`" in question["body"]
    assert question["body"].count("facts `") == 1, "by this the question is called: so many orders"
    assert "](/arrears/legal)" in question["body"]
    named = question["body"].rsplit(": ", 1)[1].split(", ")
    assert "RISK" in named
    assert "LAW" not in named, "the question to the risk desk"


@pytest.mark.parametrize(
    ("choice", "ends", "why"), [(0, "open", None), (1, "refused", "refused"), (2, "refused", "sent_back")]
)
def test_an_answer_approves_refuses_or_sends_back(world, choice, ends, why):
    option = options_of(world.orders()[0].order_no)[choice]
    assert steps.record_legal(world.rt, batch(world), answer(option)) == {"recorded": 1}
    assert votes(world) == [("legal", "LAW", ("approve", "refuse", "send_back")[choice])]
    with reading(world.engine) as connection:
        assert tuple(connection.execute(select(approval.c.state, approval.c.closed_reason)).one()) == (ends, why)
    assert (world.state(), world.orders()[0].closed_reason) == ("void" if choice else "awaiting_approval", why)


def test_two_choices_about_one_order_are_none_and_it_is_asked_again(world):
    both = options_of(world.orders()[0].order_no)[:2]
    assert steps.record_legal(world.rt, batch(world), answer(*both)) == {"recorded": 0}
    assert steps.ask_legal(world.rt, "next", "/arrears/legal")[0]["options"][:2] == both


def test_an_answer_without_a_reason_or_by_somebody_who_may_not_leaves_no_vote(world):
    option = world.orders()[0].order_no
    with pytest.raises(BadInput, match="note"):
        steps.record_legal(world.rt, batch(world), answer(option, note=" "))
    assert steps.record_legal(world.rt, batch(world), answer(option, by="RISK")) == {"recorded": 0}
    assert steps.record_risk(world.rt, batch(world), [{"chosen_options": []}]) == {"recorded": 0}, "nobody answered"
    assert votes(world) == []


def test_what_is_sent_back_waits_for_a_new_choice_of_remedy_and_may_then_be_asked_again_on_the_same_facts(world):
    (waiting,) = list_open(world.engine)
    world.vote(waiting.approval_id, "RISK", "send_back", note="the photos are of another machine")
    with reading(world.engine) as connection:
        cases = {"court_case": [row._asdict() for row in connection.execute(select(feeds.court_case))]}
    assert [row["state"] for row in cases["court_case"]] == ["withdrawn"]
    assert chosen_remedy(cases_until(cases, "Asia/Shanghai", DAY)) is None
    assert world.events()[-2:] == ["approval.refused", "remedy.withdrawn"]
    assert world.propose().proposed == 1, "chosen again, the packet has the facts it had"
    assert [order.state for order in world.orders()] == ["void", "awaiting_approval"]


def test_only_what_is_about_a_packet_is_sent_back_and_nothing_after_it_was_approved(world):
    (waiting,) = list_open(world.engine)
    with writing(world.engine) as connection:
        connection.execute(update(approval).values(kind="release"))
    with pytest.raises(BadArguments, match="no packet to send back"):
        world.vote(waiting.approval_id, "LAW", "send_back")
    with writing(world.engine) as connection:
        connection.execute(update(approval).values(kind="order"))
    world.approve()
    with pytest.raises(BadArguments, match="takes no more votes"):
        world.vote(waiting.approval_id, "LAW", "send_back")


def test_a_batch_about_a_rehearsed_day_stands_on_that_day(world):
    with writing(world.engine) as connection:
        connection.execute(update(runs.run).where(runs.run.c.kind == "daily").values(rehearsal=True))
    late = replace(world.rt, clock=SystemClock())
    run_id = steps.open_batch(late, Request(asked_at=late.clock.now()))
    assert run_id == f"repossession-{DAY}-1"
    option = world.orders()[0].order_no
    assert steps.record_legal(late, run_id, answer(option)) == {"recorded": 1}
    assert steps.record_risk(late, run_id, answer(option, by="RISK")) == {"recorded": 1}
    with reading(world.engine) as connection:
        assert connection.execute(select(approval.c.approved_on)).scalar_one() == DAY
