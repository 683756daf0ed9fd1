"""Packets that go to court: asked of two people, bound to their facts, used by a filing; and filings without them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from order_world import ACCOUNT, DAY, POLICY, RUN, ZONE, World, fresh_world, furnish
from sqlalchemy import Engine, delete, func, select

from arrears.approvals.filings import Judged, judge_filings
from arrears.approvals.packets import Asked, ask_about_packets
from arrears.approvals.questions import list_open
from arrears.core.clock import PinnedClock, at_local, utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.core.runtime import Request, Runtime
from arrears.ladder.holds import holds_in_force
from arrears.proof.explain import explain
from arrears.proof.prove import CHECKS
from arrears.reports.control import exceptions_of
from arrears.reports.deadlines import deadlines_of
from arrears.steps import repossession as steps
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds, legal, runs
from arrears.store.tables.repossession import approval, approval_vote


@pytest.fixture
def world(furnished_home: Path) -> Iterator[World]:
    """A store whose one packet is ready to be taken to court."""
    with fresh_world(furnished_home) as world:
        world.change(legal.packet, chosen_remedy="sue_and_preserve", open_remedies=["sue_and_preserve", "agency"])
        yield world


def ask(world: World) -> Asked:
    with writing(world.engine) as connection:
        return ask_about_packets(connection, world.rt, RUN, world.today, POLICY)


def judge(world: World) -> Judged:
    with writing(world.engine) as connection:
        return judge_filings(connection, world.rt, RUN, world.today, POLICY)


def approve(world: World) -> None:
    (waiting,) = [one for one in list_open(world.engine) if one.kind == "packet"]
    for person in ("LAW", "RISK"):
        world.vote(waiting.approval_id, person)


def file(world: World, case_id: str = "K1", kind: str = "suit", state: str = "filed", hours: int = 1) -> None:
    """Let the court's word arrive: filed some hours from now."""
    at = utc_text(world.rt.clock.now() + timedelta(hours=hours))
    world.put(feeds.court_case, None, court_case_key=natural_key(ACCOUNT, case_id, kind, state, at), case_id=case_id,
              kind=kind, state=state, at=at)  # fmt: skip


def states(world: World) -> list[tuple[str, str | None]]:
    with reading(world.engine) as connection:
        query = select(approval.c.state, approval.c.closed_reason).where(approval.c.kind == "packet")
        return [tuple(row) for row in connection.execute(query.order_by(approval.c.requested_at, approval.c.ordinal))]


def unapproved(world: World) -> int:
    """How often ``prove`` finds a filing without approval."""
    (search,) = [search for name, _, _, search in CHECKS if name == "filings"]
    with reading(world.engine) as connection:
        return sum(1 for _ in search(connection, POLICY))


def first_exception(world: World) -> str | None:
    with reading(world.engine) as connection:
        found = exceptions_of(connection, world.today, None, POLICY)
    return found[0].kind if found else None


def test_a_packet_to_sue_is_asked_of_two_people_once_and_stands_through_a_week_without_news(world):
    assert ask(world) == Asked(1, 0, 0)
    (waiting,) = list_open(world.engine)
    assert (waiting.kind, waiting.missing, waiting.account_id) == ("packet", ("legal", "risk"), ACCOUNT)
    for _ in range(7):
        world.travel(1)
        assert ask(world) == Asked(0, 0, 0)
    assert list_open(world.engine) == [waiting]


def test_an_order_is_not_asked_about_as_a_packet_too(world):
    world.change(legal.packet, chosen_remedy="terminate_and_recover")
    assert ask(world).asked == 0
    world.change(legal.packet, chosen_remedy="realise_security")
    assert ask(world).asked == 0, "a lease gives the right to take the machine by itself"
    world.change(feeds.account, contract_type="chattel_mortgage")
    assert ask(world).asked == 1, "a mortgage is realised by a court"


def test_a_packet_of_an_account_on_hold_is_not_put_before_anybody(world):
    world.hold("promise")
    assert ask(world).asked == 0


@pytest.mark.parametrize(
    ("person", "why"), [("COL", "collects this account"), ("FIN", "none of the roles"), ("LAW", "already voted")]
)
def test_neither_the_collector_nor_another_role_nor_one_person_twice_approves(world, person, why):
    ask(world)
    (waiting,) = list_open(world.engine)
    world.vote(waiting.approval_id, "LAW")
    with pytest.raises(BadArguments, match=why):
        world.vote(waiting.approval_id, person)
    with pytest.raises(BadArguments, match="note"):
        world.vote(waiting.approval_id, "RISK", note=" ")
    assert states(world) == [("open", None)]


@pytest.mark.parametrize("agreed", [False, True])
def test_changed_facts_void_what_was_asked_or_agreed_and_are_asked_about_anew(world, agreed):
    ask(world)
    if agreed:
        approve(world)
    world.packet(2)
    world.change(legal.packet, chosen_remedy="sue_and_preserve")
    assert ask(world) == Asked(1, 1, 0)
    assert states(world) == [("void", "facts_changed"), ("open", None)]


def test_a_packet_made_again_of_the_same_facts_keeps_its_approval(world):
    ask(world)
    approve(world)
    with reading(world.engine) as connection:
        facts = connection.execute(select(legal.packet.c.facts_sha256)).scalar_one()
    world.packet(2)
    world.change(legal.packet, chosen_remedy="sue_and_preserve", facts_sha256=facts)
    assert ask(world) == Asked(0, 0, 0)
    assert states(world) == [("approved", None)]


def test_an_approval_counts_three_working_days_is_told_as_a_last_day_and_is_asked_again_when_unused(world):
    ask(world)
    approve(world)
    with reading(world.engine) as connection:
        told = [line for line in deadlines_of(connection, DAY, POLICY) if line.kind == "filing"]
    assert [(line.subject, line.on) for line in told] == [(ACCOUNT, DAY + timedelta(days=5))], "Thursday to Tuesday"
    world.travel(5)
    assert ask(world) == Asked(0, 0, 0)
    world.travel(1)
    assert ask(world) == Asked(1, 0, 1)
    assert states(world) == [("expired", "not_used_in_time"), ("open", None)]


def test_what_was_refused_is_not_asked_again_and_what_was_sent_back_is_once_somebody_has_chosen_again(world):
    ask(world)
    world.vote(list_open(world.engine)[0].approval_id, "RISK", "send_back", note="the photos are of another machine")
    with reading(world.engine) as connection:
        assert connection.execute(select(approval_vote.c.decision)).scalars().all() == ["send_back"]
        assert connection.execute(select(feeds.court_case.c.state)).scalars().all() == ["withdrawn"]
    assert ask(world).asked == 1, "chosen again, the packet has the facts it had"
    world.vote(list_open(world.engine)[0].approval_id, "RISK", "refuse")
    assert ask(world).asked == 0
    assert states(world) == [("refused", "sent_back"), ("refused", "refused")]


def test_a_suit_filed_under_its_approval_uses_it(world):
    ask(world)
    approve(world)
    file(world)
    assert judge(world) == Judged(1, 0)
    assert judge(world) == Judged(0, 0), "once"
    assert states(world) == [("used", None)]
    assert world.events()[-1] == "filing.approved"
    assert (unapproved(world), first_exception(world) == "filed_unapproved") == (0, False)
    world.change(runs.policy_text, body=POLICY.canonical())
    story = explain(world.engine, ACCOUNT, None)
    assert [(row["kind"], row["is_unapproved"]) for row in story["filings"]] == [("suit", False)]
    assert [(row["state"], len(row["votes"])) for row in story["packet"]["approvals"]] == [("used", 2)]


def test_one_approval_covers_the_preservation_and_the_suit_while_it_counts(world):
    ask(world)
    approve(world)
    file(world, "P1", "preservation", "preserved")
    assert judge(world) == Judged(1, 0)
    assert ask(world).asked == 0, "what was approved and used still counts"
    file(world, "K1", hours=2)
    assert judge(world) == Judged(1, 0)


def test_a_suit_that_follows_a_preservation_late_needs_an_approval_of_its_own(world):
    ask(world)
    approve(world)
    file(world, "P1", "preservation", "preserved")
    judge(world)
    world.travel(6)
    assert ask(world).asked == 1, "the suit has thirty days, the approval three working days"
    file(world, "K1")
    assert judge(world) == Judged(0, 1)


def test_an_approval_in_force_on_the_day_counts_though_the_court_was_heard_of_after_it_had_run_out(world):
    ask(world)
    approve(world)
    file(world)
    world.travel(9)
    ask(world)
    assert judge(world) == Judged(1, 0)
    assert states(world)[0] == ("expired", "not_used_in_time"), "what the house did not know it does not rewrite"


def _nobody_asked(_world: World) -> None: ...


def _one_vote(world: World) -> None:
    ask(world)
    world.vote(list_open(world.engine)[0].approval_id, "LAW")


def _too_late(world: World) -> None:
    ask(world)
    approve(world)
    world.travel(6)


def _of_other_facts(world: World) -> None:
    ask(world)
    approve(world)
    world.packet(2)
    ask(world)
    world.rt = replace(world.rt, clock=PinnedClock(world.rt.clock.now() + timedelta(hours=1)))


def _to_an_agency(world: World) -> None:
    world.change(legal.packet, chosen_remedy="agency")
    assert ask(world).asked == 0, "the case committee places an account with an agency; nothing is filed"


def _withdrawn(world: World) -> None:
    ask(world)
    approve(world)
    world.vote(approvals(world)[0], "RISK", "refuse")


def approvals(world: World) -> list[str]:
    with reading(world.engine) as connection:
        return list(connection.execute(select(approval.c.approval_id)).scalars())


@pytest.mark.parametrize("before", [_nobody_asked, _one_vote, _too_late, _of_other_facts, _to_an_agency, _withdrawn])
def test_a_suit_filed_without_a_valid_approval_is_the_first_exception_and_a_violation_until_two_people_attest_it(
    world, before
):
    before(world)
    file(world)
    assert judge(world) == Judged(0, 1)
    assert (first_exception(world), unapproved(world)) == ("filed_unapproved", 1)
    assert world.events()[-2:] == ["filing.unapproved", "approval.requested"]
    with reading(world.engine) as connection:
        held = holds_in_force(connection, world.today + timedelta(days=1), POLICY, [ACCOUNT])
    assert "litigation" in held[ACCOUNT][0], "the court's fact stands"
    (waiting,) = [one for one in list_open(world.engine) if one.kind == "attestation"]
    assert (waiting.about, waiting.account_id, waiting.missing) == ("filing", ACCOUNT, ("supervisor", "legal"))
    world.put_staff("SUP", "supervisor")
    world.vote(waiting.approval_id, "SUP")
    assert unapproved(world) == 1
    world.vote(waiting.approval_id, "LAW")
    assert (first_exception(world) == "filed_unapproved", unapproved(world)) == (False, 0)
    assert judge(world) == Judged(0, 0)


def test_a_case_that_comes_first_in_a_later_state_was_filed_all_the_same(world):
    file(world, state="hearing")
    assert judge(world) == Judged(0, 1)


def test_a_case_of_before_the_first_day_is_of_those_taken_over_and_one_that_is_only_approved_is_not_at_court(world):
    file(world, "K0", hours=-48)
    file(world, "K1", state="approved")
    assert judge(world) == Judged(0, 0)


def test_a_corrected_day_of_filing_is_judged_anew(world):
    ask(world)
    approve(world)
    file(world, hours=200)
    assert judge(world) == Judged(0, 1)
    file(world, hours=1)
    assert judge(world) == Judged(1, 0)
    with reading(world.engine) as connection:
        assert connection.execute(select(func.count()).select_from(legal.court_filing)).scalar_one() == 1
    assert unapproved(world) == 0


@pytest.mark.parametrize("given_up", ["withdrawn", "rejected"])
@pytest.mark.parametrize(("kind", "meant"), [("preservation", "asked"), ("suit", "approved")])
def test_a_case_that_was_only_meant_and_then_given_up_never_went_to_court(world, kind, meant, given_up):
    file(world, kind=kind, state=meant, hours=1)
    file(world, kind=kind, state=given_up, hours=2)
    assert judge(world) == Judged(0, 0)
    file(world, kind=kind, hours=3)
    assert judge(world) == Judged(0, 1), "taken up again, it went there after all"
    with reading(world.engine) as connection:
        filed_at = connection.execute(select(legal.court_filing.c.filed_at)).scalar_one()
    assert filed_at == utc_text(world.rt.clock.now() + timedelta(hours=3))


@pytest.mark.parametrize("given_up", ["withdrawn", "rejected"])
def test_a_case_that_is_heard_of_only_when_it_is_over_went_to_court(world, given_up):
    file(world, state=given_up)
    assert judge(world) == Judged(0, 1)


@pytest.mark.parametrize(("states", "told"), [(("approved", "withdrawn"), 1), (("approved", "filed"), 0)])
def test_a_suit_that_was_given_up_before_it_was_filed_leaves_the_last_day_to_sue(world, states, told):
    with writing(world.engine) as connection:
        connection.execute(delete(legal.packet))
    file(world, "P1", "preservation", "preserved")
    for hour, state in enumerate(states, start=2):
        file(world, state=state, hours=hour)
    with reading(world.engine) as connection:
        near = deadlines_of(connection, world.today + timedelta(days=20), POLICY)
    lines = [line for line in near if line.kind == "preservation"]
    assert len(lines) == told


def file_on(world: World, days: int = 0) -> None:
    """Let the court's word arrive without an hour: a day some days from now, as its midnight."""
    at = utc_text(at_local(world.today + timedelta(days=days), time.min, ZONE))
    world.put(feeds.court_case, None, court_case_key=natural_key(ACCOUNT, "K1", at), case_id="K1", kind="suit",
              state="filed", at=at)  # fmt: skip


@pytest.mark.parametrize(("days", "judged"), [(-1, Judged(0, 1)), (0, Judged(1, 0)), (5, Judged(1, 0)),
                                              (6, Judged(0, 1))])  # fmt: skip
def test_a_filing_without_an_hour_is_held_against_the_day_of_its_approval(world, days, judged):
    world.travel(1)
    ask(world)
    approve(world)
    file_on(world, days)
    assert judge(world) == judged


def test_an_unapproved_filing_is_told_until_somebody_answers_though_its_case_is_over(world):
    file(world)
    judge(world)
    file(world, state="withdrawn", hours=2)
    assert (first_exception(world), unapproved(world)) == ("filed_unapproved", 1)
    attest(world)
    assert (first_exception(world) == "filed_unapproved", unapproved(world)) == (False, 0)


def test_what_nobody_would_attest_is_told_until_it_has_been_withdrawn_from_the_court(world):
    file(world)
    judge(world)
    refuse(world)
    assert (first_exception(world), unapproved(world)) == ("filed_unapproved", 1)
    file(world, state="hearing", hours=2)
    assert (first_exception(world), unapproved(world)) == ("filed_unapproved", 1)
    file(world, state="withdrawn", hours=3)
    assert (first_exception(world) == "filed_unapproved", unapproved(world)) == (False, 0)


@pytest.mark.parametrize("answered", [False, True])
def test_an_attestation_is_of_one_day_and_a_corrected_day_is_asked_about_anew(world, answered):
    file(world, hours=2)
    judge(world)
    if answered:
        attest(world)
    file(world, hours=1)
    assert judge(world) == Judged(0, 1)
    assert unapproved(world) == 1
    assert attestations(world) == [("void", "facts_changed"), ("open", None)]
    attest(world)
    assert unapproved(world) == 0


def test_a_refused_filing_is_asked_about_again_once_its_day_is_corrected_and_told_until_that_is_answered(world):
    file(world, hours=2)
    file(world, state="withdrawn", hours=3)
    judge(world)
    refuse(world)
    file(world, hours=1)
    assert judge(world) == Judged(0, 1)
    assert (attestations(world), unapproved(world)) == ([("refused", "refused"), ("open", None)], 1)
    refuse(world)
    assert unapproved(world) == 0


def test_a_question_about_a_filing_falls_when_its_corrected_day_has_an_approval(world):
    ask(world)
    approve(world)
    file(world, hours=200)
    judge(world)
    file(world, hours=1)
    assert judge(world) == Judged(1, 0)
    assert attestations(world) == [("void", "facts_changed")]


def attestation_of(world: World) -> str:
    (waiting,) = [one for one in list_open(world.engine) if one.kind == "attestation"]
    return waiting.approval_id


def attest(world: World) -> None:
    question = attestation_of(world)
    with writing(world.engine) as connection:
        connection.execute(delete(feeds.staff).where(feeds.staff.c.staff_id == "SUP"))
    world.put_staff("SUP", "supervisor")
    for person in ("SUP", "LAW"):
        world.vote(question, person)


def refuse(world: World) -> None:
    world.vote(attestation_of(world), "LAW", "refuse")


def attestations(world: World) -> list[tuple[str, str | None]]:
    with reading(world.engine) as connection:
        query = select(approval.c.state, approval.c.closed_reason).where(approval.c.kind == "attestation")
        return sorted((tuple(row) for row in connection.execute(query)), key=lambda row: row[0] == "open")


def test_the_batch_shows_the_number_of_the_packet_and_an_answer_by_it_is_a_vote(world):
    ask(world)
    batch = steps.open_batch(world.rt, Request(asked_at=world.rt.clock.now()))
    (question,) = steps.ask_legal(world.rt, batch, "/legal")
    (waiting,) = list_open(world.engine)
    number = question["options"][0]
    assert number == waiting.number
    assert len(number.split("-")) == 3
    assert f"{number} (packet): facts `{waiting.facts_sha256[:16]}`" in question["body"]
    said = [{"chosen_options": [number], "params_input": {"note": "read"}, "responded_by_user": {"name": "LAW"}}]
    assert steps.record_legal(world.rt, batch, said) == {"recorded": 1}
    world.vote(number, "RISK")
    assert states(world) == [("approved", None)]


def test_what_stands_in_an_open_batch_is_not_asked_again_until_it_ends_there(world):
    ask(world)
    asked = steps.ask_legal(world.rt, "first", "/legal")
    assert steps.ask_legal(world.rt, "first", "/legal") == asked, "a task that is tried again"
    assert steps.ask_legal(world.rt, "second", "/legal") == []
    assert steps.ask_risk(world.rt, "second", "/legal") != [], "the other desk was not asked yet"
    assert steps.record_legal(world.rt, "first", [{"chosen_options": []}]) == {"recorded": 0}, "nobody answered"
    assert steps.ask_legal(world.rt, "second", "/legal") == asked
    assert steps.ask_risk(world.rt, "third", "/legal") == []
    world.travel(POLICY.clocks.answer_days + 1)
    assert steps.ask_risk(world.rt, "third", "/legal") != [], "what was left standing for too long is asked again"


def test_a_batch_that_ends_leaves_nothing_standing(world):
    ask(world)
    batch = steps.open_batch(world.rt, Request(asked_at=world.rt.clock.now()))
    asked = steps.ask_legal(world.rt, batch, "/legal")
    steps.close_batch(world.rt, batch)
    assert steps.ask_legal(world.rt, "next", "/legal") == asked


@pytest.mark.real
def test_postgresql_asks_uses_and_misses_approvals_alike(rt: Runtime, postgres_store: Engine):
    world = World(replace(rt, clock=PinnedClock(at_local(DAY, time(10), ZONE))), postgres_store)
    furnish(world)
    world.change(legal.packet, chosen_remedy="sue_and_preserve", open_remedies=["sue_and_preserve"])
    assert ask(world) == Asked(1, 0, 0)
    approve(world)
    file(world)
    file(world, "K2", hours=200)
    assert judge(world) == Judged(1, 1)
    assert (unapproved(world), states(world)) == (1, [("used", None)])
    assert first_exception(world) == "filed_unapproved"
