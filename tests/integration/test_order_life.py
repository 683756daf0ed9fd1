"""An order from looking for the machine to what became of it, and what a killed worker leaves behind."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from order_world import ACCOUNT, DAY, POLICY, RUN, World, fresh_world, furnished
from sqlalchemy import delete, event, insert

from arrears.approvals.questions import list_open
from arrears.core.clock import utc_text
from arrears.core.errors import TemporaryFailure
from arrears.core.keys import natural_key
from arrears.reports.control import exceptions_of
from arrears.repossession import stand_down
from arrears.repossession.agencies import open_agency
from arrears.repossession.agencies_http import AgencyHttp
from arrears.repossession.agency import Answer
from arrears.repossession.reported import apply_reports
from arrears.sandbox.agency import AgencySandbox
from arrears.store.engine import open_engine, reading, writing
from arrears.store.tables import feeds


@pytest.fixture
def world(furnished_home: Path) -> Iterator[World]:
    with fresh_world(furnished_home) as world:
        yield world


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[AgencySandbox]:
    with AgencySandbox(tmp_path / "agency") as agency:
        yield agency


def lose(world: World) -> None:
    """Forget where the machine is."""
    with writing(world.engine) as connection:
        connection.execute(delete(feeds.location))


def report(world: World, state: str, minutes: int = 0, **more: object) -> dict[str, dict[str, int]]:
    """Let the agency report on the newest order, and take the report in."""
    at = utc_text(world.rt.clock.now() + timedelta(minutes=minutes - 60))
    order_no = world.orders()[-1].order_no
    key = natural_key(ACCOUNT, order_no, state, at)
    with writing(world.engine) as connection:
        row = {"order_report_key": key, "account_id": ACCOUNT, "order_no": order_no, "state": state, "at": at}
        connection.execute(insert(feeds.order_report), row | more)
    done = apply_reports(world.rt, world.engine, RUN, POLICY)
    return {"applied": done.applied, "refused": done.refused}


def handed_over(world: World, agency: object) -> None:
    world.propose()
    world.approve()
    assert world.hand_off(agency).acknowledged == 1


def test_without_a_fresh_position_the_order_is_to_locate_and_gives_no_right_to_touch(world, sandbox):
    lose(world)
    handed_over(world, open_agency(sandbox.url))
    (order,) = world.orders()
    assert order.kind == "locate"
    (call,) = sandbox.received()
    body = call["body"]
    assert body["may"] == ["look_for", "report_position"]
    assert (body["legal_basis"], body["ask_for"]) == ({}, [])
    assert "do_not_touch" in body["do_not"]
    assert report(world, "recovered")["refused"] == {"locate_gives_no_right": 1}
    assert world.state() == "acknowledged"


def test_a_machine_that_was_located_may_then_be_recovered_by_an_order_with_approvals_of_its_own(world, sandbox):
    lose(world)
    agency = open_agency(sandbox.url)
    handed_over(world, agency)
    assert report(world, "located", lat="38.5", lon="82.5", site_type="public")["applied"] == {"located": 1}
    assert world.stand_down(agency).recalled == {}, "the work is done: nothing is called back"
    assert world.propose().proposed == 1
    located, recover = world.orders()
    assert (located.state, recover.kind, recover.state) == ("located", "recover", "awaiting_approval")
    assert world.hand_off(agency).offered == 0, "the approvals were for looking, not for taking"
    world.approve()
    assert world.hand_off(agency).blocked == {}
    assert world.state() == "acknowledged"


def test_a_position_that_grows_old_turns_the_order_into_one_to_locate_and_voids_its_approvals(world):
    world.propose()
    world.approve()
    lose(world)
    done = world.propose()
    assert (done.voided, done.proposed) == (1, 1)
    first, second = world.orders()
    assert (first.state, first.closed_reason) == ("void", "position_too_old")
    assert (second.kind, second.state) == ("locate", "awaiting_approval")


def refuse(world: World) -> None:
    """Let the legal officer refuse the newest order."""
    world.vote(world.orders()[-1].order_no, "LAW", "refuse", note="not this way")
    assert world.state() == "void"


def test_who_refused_a_search_may_still_be_asked_to_recover_once_the_machine_is_seen(world):
    lose(world)
    world.propose()
    refuse(world)
    assert world.propose().proposed == 0, "the same question on the same facts is not asked twice"
    world.confirm()
    assert world.propose().proposed == 1
    search, recovery = world.orders()
    assert (search.kind, recovery.kind, recovery.state) == ("locate", "recover", "awaiting_approval")
    assert search.facts_sha256 == recovery.facts_sha256


def test_who_refused_a_recovery_may_still_be_asked_to_search_once_the_position_is_old(world):
    world.propose()
    refuse(world)
    assert world.propose().proposed == 0
    lose(world)
    assert world.propose().proposed == 1
    recovery, search = sorted(world.orders(), key=lambda order: order.kind, reverse=True)
    assert (recovery.kind, search.kind, search.state) == ("recover", "locate", "awaiting_approval")


@pytest.mark.parametrize("end", ["redeemed", "sold", "un_recovered"])
def test_a_recovered_machine_is_stored_and_then_redeemed_sold_or_given_back(world, end):
    handed_over(world, world.witness)
    steps = ("accepted", "located", "recovered", "stored", end)
    for minute, state in enumerate(steps):
        assert report(world, state, minute)["applied"] == {state: 1}
    (order,) = world.orders()
    assert (order.state, order.machine) == ("recovered", end)
    assert report(world, "stored", 30)["refused"] == {f"is_{end}": 1}
    assert [name for name in world.events() if name.startswith("order.")][1:6] == [f"order.{state}" for state in steps]


def test_while_a_recovered_machine_stands_in_the_yard_no_second_order_is_made(world):
    handed_over(world, world.witness)
    report(world, "recovered")
    assert world.propose().proposed == 0
    report(world, "un_recovered", 5)
    assert world.propose().proposed == 1


def test_a_recovery_reported_after_the_recall_is_refused_shown_and_leaves_the_recall_standing(world):
    handed_over(world, world.witness)
    world.witness.silent = True
    world.hold()
    assert world.stand_down().recalled == {"hold_dispute": 1}
    assert report(world, "recovered")["refused"] == {"is_recall_sent": 1}
    assert world.state() == "recall_sent"
    with reading(world.engine) as connection:
        kinds = [line.kind for line in exceptions_of(connection, DAY, None, POLICY)]
    assert "report_refused" in kinds


def test_a_recall_unanswered_for_the_policys_hours_is_the_first_exception(world):
    handed_over(world, world.witness)
    world.witness.silent = True
    world.hold()
    world.stand_down()
    since = world.orders()[0].recalled_at
    assert stand_down.unacknowledged_recalls(world.engine) == ["RO-20261112-0001"]
    assert stand_down.unacknowledged_recalls(world.engine, world.rt.clock.now() - timedelta(hours=24)) == []
    with reading(world.engine) as connection:
        today = [line.kind for line in exceptions_of(connection, DAY, None, POLICY)]
        later = exceptions_of(connection, DAY + timedelta(days=2), None, POLICY)
    assert "recall_overdue" not in today
    assert "recall_unanswered" in today
    assert later[0].kind == "recall_overdue"
    assert later[0].oldest_on.isoformat() == since[:10]


def test_what_was_spent_on_looking_counts_against_taking(world):
    lose(world)
    handed_over(world, world.witness)
    report(world, "located", lat="38.5", lon="82.5", cost_minor=17_000_000, cost_kind="search")
    world.propose()
    world.approve()
    assert world.hand_off().blocked == {"C13": 1}


class Boundaries:
    """Counts the moments between two steps and kills this process at the one it was told."""

    def __init__(self, kill_at: int) -> None:
        self.left = kill_at

    def pass_one(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(home: Path, kill_at: int, work: Callable[[World, Boundaries], None]) -> bool:
    """Do a piece of work in a process that dies at its n-th boundary; say whether it lived to the end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            boundaries = Boundaries(kill_at)
            open_engine.cache_clear()
            here = furnished(home)
            event.listen(here.engine, "begin", boundaries.pass_one)
            event.listen(here.engine, "commit", boundaries.pass_one)
            work(here, boundaries)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


def calls_counted(url: str, boundaries: Boundaries) -> AgencyHttp:
    """Return the way to the agency, with a boundary before each call and after it."""

    class Counted(AgencyHttp):
        def _post(self, path: str, key: str, body: bytes):
            boundaries.pass_one()
            answer = super()._post(path, key, body)
            boundaries.pass_one()
            return answer

    return Counted(url)


@pytest.mark.parametrize("deed", ["hand_off", "recall"])
def test_a_worker_killed_between_any_two_steps_leaves_one_order_and_one_recall_both_acknowledged(
    furnished_home, tmp_path, deed
):
    killed = 0
    for kill_at in range(1, 60):
        with fresh_world(furnished_home) as world, AgencySandbox(tmp_path / f"agency-{kill_at}") as agency:
            world.propose()
            world.approve()
            if deed == "recall":
                world.hand_off(open_agency(agency.url))
                world.hold()
            world.engine.dispose()
            home, url = world.rt.settings.home, agency.url

            def work(here: World, boundaries: Boundaries, url: str = url) -> None:
                getattr(here, "hand_off" if deed == "hand_off" else "stand_down")(calls_counted(url, boundaries))

            lived = in_a_child(home, kill_at, work)
            killed += not lived
            world.hand_off(open_agency(url))
            if deed == "hand_off":
                world.hold()
            world.stand_down(open_agency(url))
            (order,) = world.orders()
            new = [(call["kind"], call["key"]) for call in agency.received() if call["new"]]
            assert new == [("order", order.idempotency_key), ("recall", order.idempotency_key)]
            assert (order.state, order.acknowledged_at is not None) == ("recalled", True)
            assert order.recall_acknowledged_at is not None
        if lived:
            break
    assert lived, "the work has more boundaries than were tried"
    assert killed >= 6


def test_a_worker_killed_while_it_proposes_a_batch_leaves_each_order_once_with_one_question(furnished_home):
    lived, kill_at = False, 1
    while not lived:
        with fresh_world(furnished_home) as world:
            for name in ("A2", "A3"):
                world.join(name)
            world.engine.dispose()

            def work(here: World, boundaries: Boundaries) -> None:
                event.listen(here.engine, "before_cursor_execute", boundaries.pass_one)
                here.propose()

            lived = in_a_child(world.rt.settings.home, kill_at, work)
            assert len(world.orders()) == (3 if lived else 0), "all of a batch, or none"
            world.propose()
            assert [order.account_id for order in world.orders()] == ["A1", "A2", "A3"]
            assert len({order.order_no for order in world.orders()}) == 3
            assert len(list_open(world.engine)) == 3
            assert world.events().count("order.proposed") == world.events().count("approval.requested") == 3
        kill_at += 6
    assert kill_at > 40


def test_orders_go_out_come_back_and_are_acknowledged_for_days_while_one_approval_waits(world, sandbox):
    """A1 waits for its second vote from Thursday to Monday; each day another order leaves and the last one returns.

    The agency is silent every other day: what it did not acknowledge is offered, or called back, again the day after.
    """
    for number in range(2, 7):
        world.join(f"A{number}")
    open_server, silent = open_agency(sandbox.url), Silent(sandbox.url)
    world.propose()
    number_of = {order.account_id: order.order_no for order in world.orders()}
    world.vote(number_of["A1"], "LAW")
    question = next(one for one in list_open(world.engine) if one.account_id == ACCOUNT)
    seen = []
    for day, account_id in enumerate(("A2", "A3", "A4", "A5", "A6")):
        if day:
            world.travel(1)
            world.ledger()
            world.confirm()
            world.hold("complaint", f"A{day + 1}")
        for person in ("LAW", "RISK"):
            world.vote(number_of[account_id], person)
        world.propose()
        agency = silent if day % 2 else open_server
        back, out = world.stand_down(agency), world.hand_off(agency)
        seen.append((sum(back.recalled.values()), back.acknowledged, out.offered, out.repeated, out.acknowledged))
        waiting = next(one for one in list_open(world.engine) if one.account_id == ACCOUNT)
        assert (waiting, waiting.given, waiting.missing) == (question, ("legal",), ("risk",))
        assert {order.account_id: order.state for order in world.orders()}[ACCOUNT] == "awaiting_approval"
    assert seen == [
        (0, 0, 1, 0, 1),  # Thursday: A2 leaves
        (1, 0, 1, 0, 0),  # A2 is called back and A3 leaves; the agency says nothing
        (1, 2, 1, 0, 1),  # A2 again, A3 (which it never acknowledged), both confirmed; A4 leaves
        (1, 0, 1, 0, 0),
        (1, 2, 1, 0, 1),
    ]
    world.vote(number_of["A1"], "RISK")
    assert world.hand_off(open_server).offered == 1, "asked on Thursday, answered on Monday: its facts never changed"
    assert world.events().count("handoff.offered") == 6
    assert world.events().count("handoff.withdrawal_acknowledged") == 4
    assert len(sandbox.working_on()) == 2


class Silent:
    """The agency's server on a day when its answers are lost."""

    def __init__(self, url: str) -> None:
        self._server = open_agency(url)

    def offer(self, key: str, document: bytes) -> Answer:
        self._server.offer(key, document)
        raise TemporaryFailure("the answer was lost")

    def recall(self, key: str, document: bytes) -> Answer:
        self._server.recall(key, document)
        raise TemporaryFailure("the answer was lost")
