"""What nobody took up in time is told with its age, and what has a good reason to wait is not."""

from datetime import date, timedelta
from typing import Any

import pytest
from outreach_world import CALL, DAY, World
from sqlalchemy import Table, select, update

from arrears.core.keys import natural_key
from arrears.ladder.promises import holding, horizon_of
from arrears.reports.behind import LISTED, accounts_behind
from arrears.reports.control import OWNERS, waiting_now
from arrears.reports.neglected import neglected
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import assignment, committee, hold, outcome, promise, staff, visit_request
from arrears.store.tables.legal import packet
from arrears.store.tables.outreach import contact, item

EPISODE = date(2026, 11, 2)
HELD = {"step": "borrower_call", "channel": "call", "audience": "borrower", "reasons": ["hold_dispute"]}


def told(world: World) -> dict[str, tuple[int, date | None]]:
    with reading(world.engine) as connection:
        return {kind: (count, since) for kind, count, since in neglected(connection, DAY, None, world.policy) if count}


def behind(world: World, kind: str, branch: str | None = None) -> list[tuple[str, date | None]]:
    with reading(world.engine) as connection:
        total, rows = accounts_behind(connection, kind, DAY, branch, world.policy, 0, 50)
    assert total == len(rows)
    return rows


def overdue(world: World, number: int, *actions: dict, **more: object) -> None:
    world.person(f"P{number}", mobile=f"1380000000{number}")
    world.account(f"A{number}", {f"P{number}": "borrower"})
    world.decide(f"A{number}", list(actions), **more)


def test_untreated_arrears_are_told_with_their_age(world):
    overdue(world, 1)
    overdue(world, 2, CALL)
    overdue(world, 3, suppressed=[HELD])
    world.plan()
    assert told(world) == {"untreated": (1, date(2026, 11, 2))}, "A2 is called today, A3 is on hold"
    assert behind(world, "untreated") == [("A1", date(2026, 11, 2))]
    assert behind(world, "untreated", "elsewhere") == []


def test_a_dispute_of_eleven_working_days_is_overdue_and_one_of_ten_is_not(world):
    for number, since in ((1, date(2026, 10, 28)), (2, date(2026, 10, 29))):
        overdue(world, number, CALL)
        with writing(world.engine) as connection:
            connection.execute(hold.insert().values(
                hold_key=f"h{number}", account_id=f"A{number}", kind="dispute", from_on=since))  # fmt: skip
    world.plan()
    assert told(world)["answer_overdue"] == (1, date(2026, 10, 28))


def test_a_promise_that_reaches_further_than_it_may_hold_is_told(world):
    for number, due in ((1, date(2026, 11, 28)), (2, date(2026, 11, 11))):
        overdue(world, number, CALL)
        with writing(world.engine) as connection:
            connection.execute(promise.insert().values(
                promise_key=f"p{number}", account_id=f"A{number}", made_on=date(2026, 11, 1), due_on=due,
                amount_minor=1))  # fmt: skip
    world.plan()
    assert told(world) == {"promise_too_far": (1, date(2026, 11, 1))}
    assert behind(world, "promise_too_far") == [("A1", date(2026, 11, 1))]
    assert behind(world, "promise_too_far", "elsewhere") == []


def test_a_broken_promise_and_a_doubtful_contact_lead_to_their_accounts(world):
    for number in (1, 2):
        overdue(world, number, CALL)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(promise.insert().values(
            promise_key="p", account_id="A1", made_on=date(2026, 11, 5), due_on=date(2026, 11, 10), amount_minor=1,
            state="broken"))  # fmt: skip
        of_the_second = select(item.c.contact_id).where(item.c.account_id == "A2")
        connection.execute(
            update(contact)
            .where(contact.c.contact_id.in_(of_the_second))
            .values(state="in_doubt", intent_at="2026-11-12T02:00:00Z", payload_sha256="0" * 64)
        )
    with reading(world.engine) as connection:
        waiting = {line.kind: line.count for line in waiting_now(connection, DAY, None, world.policy)}
    for kind, expected in (("broken_promises", ("A1", date(2026, 11, 10))), ("in_doubt", ("A2", DAY))):
        assert (waiting[kind], behind(world, kind)) == (1, [expected])
        assert behind(world, kind, "elsewhere") == []


def test_every_kind_with_a_list_can_be_asked_for_it(world):
    """Of an empty department each list is empty; a kind that is about no account has none."""
    assert {kind for kind in OWNERS if kind not in LISTED} == {
        "quarantined_rows", "unknown_accounts", "certificate_expired", "calendar_unconfirmed",
        "code_unnamed"
    }  # fmt: skip
    assert {kind: behind(world, kind) for kind in LISTED} == {kind: [] for kind in LISTED}


@pytest.mark.parametrize(("within_month", "far"), [(True, 1), (False, 0)])
def test_a_promise_holds_no_longer_than_to_the_end_of_its_month(world, within_month, far):
    """Source: domain.md 5e and 5f: month end is the horizon of promises; later ones are recorded and told."""
    promises = world.policy.promises.model_copy(update={"within_month": within_month})
    policy = world.policy.model_copy(update={"promises": promises})
    made, due = date(2026, 11, 27), date(2026, 12, 4)
    assert horizon_of(made, policy) == (date(2026, 11, 30) if within_month else date(2026, 12, 7))
    with writing(world.engine) as connection:
        connection.execute(promise.insert().values(
            promise_key="p", account_id="A1", made_on=made, due_on=due, amount_minor=1))  # fmt: skip
        days = [due - timedelta(days=count) for count in range(3, -1, -1)]
        held = [day for day in days if holding(connection, day, policy)]
        reached = {kind: count for kind, count, _ in neglected(connection, due, None, policy)}
    assert held == ([date(2026, 12, 1)] if within_month else days), "its grace is one working day"
    assert reached["promise_too_far"] == far


PACKET = {"packet_id": "p1", "version": 1, "facts_sha256": "f", "open_remedies": [], "missing": [], "reasons": [],
          "clocks": [], "pdf_sha256": "f", "pdf_path": "p", "manifest_sha256": "f", "built_on": EPISODE,
          "run_id": "daily-2026-11-12-1"}  # fmt: skip


def put(world: World, table: Table, **columns: Any) -> None:
    with writing(world.engine) as connection:
        connection.execute(table.insert().values(**columns))


def people(world: World) -> None:
    for staff_id, roles in (("S1", "supervisor;collector"), ("S2", "supervisor"), ("C1", "collector"), ("L1", "legal")):
        put(world, staff, staff_id=staff_id, name=staff_id, roles=roles, skills="", dialects="", branch="B")


def since(world: World, day: date, *numbers: int, days_past_due: int = 10) -> None:
    """Let some accounts be overdue since a day of their own."""
    with writing(world.engine) as connection:
        those = decision.c.account_id.in_([f"A{number}" for number in numbers])
        connection.execute(update(decision).where(those).values(
            oldest_unpaid_due=day, episode_due=day, days_past_due=days_past_due))  # fmt: skip


def said(world: World, number: int, at: str, **more: Any) -> None:
    key = natural_key(number, at)
    put(world, outcome, outcome_key=key, account_id=f"A{number}", party_id=f"P{number}", at=at,
        **({"channel": "call", "outcome": "contacted"} | more))  # fmt: skip


def decided(world: World, number: int, on: date, word: str, **more: Any) -> None:
    two = {"decided_by": "S1", "second_decided_by": "L1"} | more
    put(world, committee, committee_key=natural_key(number, str(on)), account_id=f"A{number}", decided_on=on,
        decision=word, reason="-", **two)  # fmt: skip


def asked_to_visit(world: World, number: int, on: date, approved_by: str | None = None) -> None:
    put(world, visit_request, visit_request_key=f"v{number}", account_id=f"A{number}", asked_on=on, reason="-",
        asked_by="C1", approved_by=approved_by)  # fmt: skip


def test_arrears_of_fifteen_working_days_wait_for_a_supervisor_until_one_has_looked(world):
    """Due on 22 October, the 15th working day after it is 12 November; due on the 23rd, it is the 13th."""
    people(world)
    for number in range(1, 9):
        overdue(world, number, CALL, **({"suppressed": [HELD]} if number == 8 else {}))
    since(world, date(2026, 10, 22), 1, 3, 4, 5, 6, 7, 8)
    since(world, date(2026, 10, 23), 2)
    said(world, 3, "2026-11-05T02:00:00Z", staff_id="S1")
    said(world, 4, "2026-11-05T02:00:00Z", staff_id="C1")
    asked_to_visit(world, 5, date(2026, 11, 4), approved_by="S2")
    put(world, assignment, account_id="A6", from_on=date(2026, 11, 9), staff_id="C1")
    decided(world, 7, date(2026, 11, 5), "continue")
    world.plan()
    assert told(world)["review_due"] == (2, date(2026, 10, 22)), "A1 and A4: a collector's word is no look"


def test_a_visit_waits_until_a_supervisor_approved_it(world):
    people(world)
    for number, on, approved in ((1, date(2026, 11, 6), None), (2, date(2026, 11, 9), None), (3, EPISODE, "S1")):
        overdue(world, number, CALL)
        asked_to_visit(world, number, on, approved)
    overdue(world, 5, CALL)
    asked_to_visit(world, 5, date(2026, 11, 10), approved_by="C1")  # a collector's word is none
    asked_to_visit(world, 4, date(2026, 11, 13))  # tomorrow's is none of today's
    world.plan()
    assert told(world)["visit_waits"] == (3, date(2026, 11, 6))


@pytest.mark.parametrize(
    ("willingness", "ability", "instalments", "early"),
    [("low", "low", 1, True), ("low", "low", 3, False), ("low", "high", 1, False), ("high", "low", 2, False)],
)
def test_papers_are_prepared_early_for_who_neither_will_nor_can_before_the_third_instalment(
    world, willingness, ability, instalments, early
):
    overdue(world, 1, CALL, instalments=instalments)
    said(world, 1, "2026-11-05T02:00:00Z", reason="inertia", willingness=willingness, ability=ability)
    world.plan()
    assert told(world).get("prepare_early") == ((1, EPISODE) if early else None)


def test_papers_are_prepared_for_whom_the_committee_sent_to_court_until_the_packet_is_ready(world):
    people(world)
    for number in range(1, 6):
        overdue(world, number, CALL, instalments=3)
    decided(world, 1, date(2026, 11, 5), "legal")
    decided(world, 2, date(2026, 11, 5), "legal", second_decided_by="nobody")
    decided(world, 3, date(2026, 11, 5), "legal", review_on=DAY)
    decided(world, 4, date(2026, 11, 5), "legal")
    decided(world, 4, date(2026, 11, 6), "continue")
    decided(world, 5, date(2026, 11, 5), "legal")
    put(world, packet, **PACKET | {"account_id": "A5", "state": "ready"})
    world.plan()
    assert told(world)["prepare_early"] == (1, EPISODE), "A1 alone"


def test_the_committee_is_due_for_the_aged_and_for_two_packets_and_not_for_what_it_decided_lately(world):
    """Over 180 days, or with two complete packets before; a decision rests for 90 days or until its review."""
    people(world)
    for number in range(1, 8):
        overdue(world, number, CALL)
    since(world, date(2026, 5, 15), 1, 3, 4, 5, days_past_due=181)
    since(world, date(2026, 5, 16), 2, days_past_due=180)
    decided(world, 3, date(2026, 8, 14), "continue")  # 90 days ago: it may come again
    decided(world, 4, date(2026, 8, 15), "continue")
    decided(world, 5, date(2026, 11, 1), "continue", review_on=DAY)
    for number, times in ((6, 2), (7, 1)):
        for time in range(times):
            gone = {"account_id": f"A{number}", "state": "ready", "superseded_on": date(2026, 11, 3)}
            put(world, packet, **PACKET | gone | {"packet_id": natural_key(number, time), "version": time + 1})
    world.plan()
    assert told(world)["committee_due"] == (4, date(2026, 5, 15)), "A1, A3, A5 by age or review, A6 by its packets"
