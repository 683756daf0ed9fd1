"""A hold or a payment that comes after a packet was made: nobody approves it, no approval stands, no filing has one."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from order_world import ACCOUNT, DAY, POLICY, RUN, World, fresh_world
from sqlalchemy import insert, select, update

from arrears.approvals import in_the_way as in_the_way_of
from arrears.approvals.filings import Judged, judge_filings
from arrears.approvals.in_the_way import in_the_way
from arrears.approvals.packets import Asked, ask_about_emergencies, ask_about_packets
from arrears.approvals.questions import list_open
from arrears.core.clock import utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import digest, natural_key
from arrears.reports.deadlines import deadlines_of
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds, legal
from arrears.store.tables.repossession import approval


@pytest.fixture
def world(furnished_home: Path) -> Iterator[World]:
    """A store whose one packet is ready to be taken to court."""
    with fresh_world(furnished_home) as world:
        world.change(legal.packet, chosen_remedy="sue_and_preserve", open_remedies=["sue_and_preserve"])
        yield world


def ask(world: World) -> Asked:
    with writing(world.engine) as connection:
        return ask_about_packets(connection, world.rt, RUN, world.today, POLICY)


def ask_emergency(world: World) -> Asked:
    with writing(world.engine) as connection:
        return ask_about_emergencies(connection, world.rt, RUN, world.today, POLICY)


def emergency(world: World) -> None:
    """Put an application for preservation there that two people may be asked about."""
    with writing(world.engine) as connection:
        connection.execute(
            insert(legal.emergency_packet).values(
                emergency_id=natural_key("E"), account_id=ACCOUNT, case_id="E1", version=1, state="ready", lacking=[],
                facts_sha256=digest("E"), built_on=world.today, run_id=RUN, pdf_path="e.pdf", pdf_sha256=digest("pdf"),
                manifest_sha256=digest("manifest"),
            )
        )  # fmt: skip


def waiting(world: World, kind: str = "packet") -> str:
    (found,) = [one.approval_id for one in list_open(world.engine) if one.kind == kind]
    return found


def file(world: World, kind: str = "suit", state: str = "filed") -> Judged:
    """Let the court's word arrive and hold it against its approval."""
    at = utc_text(world.rt.clock.now() + timedelta(hours=1))
    world.put(feeds.court_case, None, court_case_key=natural_key(ACCOUNT, kind, at), case_id="K1", kind=kind,
              state=state, at=at)  # fmt: skip
    with writing(world.engine) as connection:
        return judge_filings(connection, world.rt, RUN, world.today, POLICY)


def states(world: World) -> list[tuple[str, str | None]]:
    with reading(world.engine) as connection:
        query = select(approval.c.state, approval.c.closed_reason).order_by(approval.c.requested_at, approval.c.ordinal)
        return [tuple(row) for row in connection.execute(query)]


def to_be_filed(world: World) -> int:
    with reading(world.engine) as connection:
        return sum(line.kind == "filing" for line in deadlines_of(connection, world.today, POLICY))


def dispute(world: World) -> None:
    world.hold("dispute")


def promise(world: World) -> None:
    due = world.today + timedelta(days=2)
    world.put(
        feeds.promise, "promise_key", made_on=world.today, amount_minor=1, due_on=due, state="open", accepted=True
    )


def unbooked(world: World) -> None:
    """Money of yesterday that today's ledger does not hold yet."""
    yesterday = DAY - timedelta(days=1)
    world.accept()
    world.pay(paid_on=yesterday, business_date=yesterday)
    lacking = {"snapshot_id": natural_key("snapshot", world.snapshots), "payment_id": "N1"}
    world.put(feeds.unbooked_payment, None, **lacking)


NEWS = [(dispute, "hold_dispute"), (promise, "hold_promise"), (World.pay, "payment"), (unbooked, "payment")]


@pytest.mark.parametrize(("news", "reason"), NEWS)
def test_the_second_vote_on_a_packet_does_not_approve_what_a_hold_or_a_payment_keeps(
    world, news: Callable[[World], None], reason: str
):
    ask(world)
    world.vote(waiting(world), "LAW")
    news(world)
    with pytest.raises(BadArguments, match=reason):
        world.vote(waiting(world), "RISK")
    assert (states(world), to_be_filed(world)) == ([("void", reason)], 0)
    assert ask(world).asked == 0
    assert file(world) == Judged(0, 1)


def test_a_packet_that_is_held_may_still_be_refused(world):
    ask(world)
    dispute(world)
    world.vote(waiting(world), "RISK", "refuse")
    assert states(world) == [("refused", "refused")]


@pytest.mark.parametrize(("news", "reason"), [NEWS[0], NEWS[2]])
def test_the_second_vote_on_a_preservation_does_not_approve_what_a_hard_hold_or_a_payment_keeps(world, news, reason):
    emergency(world)
    assert ask_emergency(world) == Asked(1, 0, 0)
    world.vote(waiting(world, "preservation"), "LAW")
    news(world)
    with pytest.raises(BadArguments, match=reason):
        world.vote(waiting(world, "preservation"), "RISK")
    assert states(world) == [("void", reason)]
    assert ask_emergency(world).asked == 0


@pytest.mark.parametrize("suits_it", [promise, World.place, lambda world: world.hold("asset_loss")])
def test_a_promise_a_placement_and_a_lost_machine_keep_no_preservation(world, suits_it):
    emergency(world)
    ask_emergency(world)
    world.vote(waiting(world, "preservation"), "LAW")
    suits_it(world)
    world.vote(waiting(world, "preservation"), "RISK")
    assert ask_emergency(world) == Asked(0, 0, 0)
    assert file(world, "preservation", "preserved") == Judged(1, 0)


@pytest.mark.parametrize(("news", "reason"), NEWS)
def test_what_was_approved_is_void_once_the_account_is_held_and_asked_anew_when_it_may_leave(world, news, reason):
    ask(world)
    for person in ("LAW", "RISK"):
        world.vote(waiting(world), person)
    assert to_be_filed(world) == 1
    news(world)
    assert ask(world) == Asked(0, 1, 0)
    assert (states(world), to_be_filed(world)) == ([("void", reason)], 0)
    yesterday = world.today
    world.travel(10)
    with writing(world.engine) as connection:
        connection.execute(update(feeds.hold).values(until_on=yesterday))
    world.ledger()
    assert ask(world) == Asked(1, 0, 0)


def test_an_approval_is_not_behind_a_filing_of_a_day_on_which_the_account_was_held(world):
    ask(world)
    for person in ("LAW", "RISK"):
        world.vote(waiting(world), person)
    dispute(world)
    assert file(world) == Judged(0, 1), "no run has voided it yet"


def test_a_hold_that_begins_after_the_filing_takes_nothing_from_it(world):
    ask(world)
    for person in ("LAW", "RISK"):
        world.vote(waiting(world), person)
    with writing(world.engine) as connection:
        connection.execute(insert(feeds.hold).values(hold_key=natural_key("later"), account_id=ACCOUNT, kind="dispute",
                                                     from_on=world.today + timedelta(days=1)))  # fmt: skip
    assert file(world) == Judged(1, 0)


def test_however_many_packets_wait_each_is_asked_about(world, monkeypatch):
    dispute(world)
    accounts = [ACCOUNT, *(f"Z{n}" for n in range(5))]
    with reading(world.engine) as connection:
        whole = in_the_way(connection, world.today, POLICY, "packet", accounts)
        monkeypatch.setattr(in_the_way_of, "AT_ONCE", 2)
        assert in_the_way(connection, world.today, POLICY, "packet", accounts) == whole == {ACCOUNT: "hold_dispute"}


def test_a_packet_to_an_agency_is_asked_of_nobody_for_the_committee_places_it(world):
    world.change(legal.packet, chosen_remedy="agency")
    assert ask(world) == Asked(0, 0, 0)
