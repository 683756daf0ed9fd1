"""A day is planned in portions of persons: what is written, told and sealed is what planning at once would give."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from outreach_world import CALL, EMAIL, GUARANTOR_CALL, LETTER, SMS, World
from sqlalchemy import Engine, select, update

from arrears.audit.seal import seal
from arrears.core.runtime import Runtime
from arrears.outreach import new_contacts, owners, wishes
from arrears.outreach.next_dues import NextDues
from arrears.outreach.plan import PlanResult
from arrears.store.account_range import AccountRange
from arrears.store.engine import open_engine, reading, writing
from arrears.store.sorted_runs import SortedRuns
from arrears.store.spool import Spool
from arrears.store.tables.feeds import assignment, staff
from arrears.store.tables.outreach import contact, item, suppression, work_item

PEOPLE, ACCOUNTS = 60, 100
FIRST, SECOND = "daily-2026-11-12-1", "daily-2026-11-12-2"
STEPS = ([SMS], [SMS, CALL], [EMAIL, CALL, GUARANTOR_CALL], [LETTER, SMS], [CALL, LETTER, EMAIL, GUARANTOR_CALL])
LANES = ("good_faith", "high_risk", "habitual", "aged")


@pytest.fixture
def other_store(tmp_path: Path, store_template: Path) -> Iterator[Engine]:
    shutil.copyfile(store_template, tmp_path / "other.sqlite")
    engine = open_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a portion have seven wishes, every one wait on disk, and owners be named for three accounts at a time."""
    monkeypatch.setattr(owners, "AT_A_TIME", 3)
    monkeypatch.setattr(wishes, "PORTION", 7)
    monkeypatch.setattr(wishes, "Spool", lambda width: Spool(limit=0, width=width))


def peopled(rt: Runtime, engine: Engine) -> World:
    """Return a day on which contracts share borrowers and guarantors, and nobody has room for all calls."""
    world = World(rt, engine).start()
    for number in range(PEOPLE):
        zone = ("Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin")[number % 3]
        world.person(
            f"P{number:03}", mobile=f"139{number:08}", time_zone=zone, preferred_time=("10:30", None)[number % 2]
        )
    with writing(engine) as connection:
        connection.execute(staff.insert(), [
            {"staff_id": f"S{n}", "name": "员工", "roles": "collector", "branch": "B", "language": "zh", "capacity": 9,
             "skills": ("phone", "difficult", "")[n], "dialects": ""} for n in range(3)])  # fmt: skip
    for number in range(ACCOUNTS):
        joint = {f"P{number * 7 % PEOPLE:03}": "co_borrower"} if number % 5 == 0 else {}
        sureties = {f"P{(number + 11) % PEOPLE:03}": "guarantor"} if number % 3 == 0 else {}
        borrower = {f"P{number * 2 % PEOPLE:03}": "borrower"}
        world.account(f"A{number:03}", joint | sureties | borrower, owner=f"S{number % 4}")
        held = [{"step": "visit", "channel": "visit", "reasons": ["hold_dispute", "not_a_contact_day"]}]
        decided(world, number, suppressed=held if number % 4 == 0 else [])
    return world


def decided(world: World, number: int, *, steps: int = 0, more: int = 0, **given: Any) -> None:
    world.decide(f"A{number:03}", STEPS[(number + steps) % len(STEPS)], overdue=100_00 * (number % 17 + 1) + more,
                 instalments=number % 3 + 1, lane=LANES[number % 4], **given)  # fmt: skip


def corrected(world: World) -> None:
    """Let some contacts leave, and a second run of the day find other amounts, other steps and fewer accounts due."""
    world.run(SECOND)
    with writing(world.engine) as connection:
        some = connection.execute(select(contact.c.contact_id).order_by(contact.c.contact_id)).scalars().all()[::3]
        left = {"state": "sent", "intent_at": "2026-11-12T02:00:00Z", "sent_at": "2026-11-12T02:00:00Z"}
        connection.execute(update(contact).where(contact.c.contact_id.in_(some)).values(
            provider_code="0", payload_sha256="f" * 64, **left))  # fmt: skip
    for number in range(0, ACCOUNTS, 3):
        decided(world, number, steps=number % 2, more=number, revision=2, run_id=SECOND)
    for number in range(1, ACCOUNTS, 9):
        world.decide(f"A{number:03}", [], revision=2, run_id=SECOND)


def stored(world: World) -> dict[str, list[str]]:
    tables = (assignment, contact, item, work_item, suppression)
    return {table.name: sorted(str(row._mapping) for row in world.rows(table)) for table in tables}


def planned_twice(world: World) -> tuple[list[PlanResult], dict[str, list[str]], str]:
    results = [world.plan()]
    corrected(world)
    results += [world.plan(SECOND), world.plan(SECOND)]
    sealed = seal(world.rt, world.engine)
    shutil.rmtree(world.rt.settings.home / "checkpoints")  # another store has a log of its own
    return results, stored(world), sealed.root


def test_in_portions_of_seven_wishes_the_same_is_planned_left_out_and_sealed(
    rt: Runtime, store: Engine, other_store: Engine, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_contacts, "MESSAGES_PER_BATCH", 2)  # so that a stage has several batches
    whole = planned_twice(peopled(rt, store))
    request.getfixturevalue("small")
    assert planned_twice(peopled(rt, other_store)) == whole
    first, second, again = whole[0]
    assert first.items > 2 * first.planned > 100, "contracts share a contact"
    assert first.suppressed["not_reached_capacity"]
    assert len(whole[1]["assignment"]) == ACCOUNTS / 4, "every fourth account has an owner who is not of the staff"
    assert second.withdrawn
    assert second.items
    assert again.withdrawn == 0
    assert again.planned <= second.withdrawn, "only the hours of calls that were taken back are given away"


def test_a_portion_holds_a_contact_whole_and_no_more_than_it_must(
    rt: Runtime, store: Engine, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    keep = wishes.Waiting._keep

    def watched(waiting: wishes.Waiting, portion: wishes.Portion) -> wishes.Portion:
        seen.append(set(portion.wishes.column("contact_id").to_pylist()))
        return keep(waiting, portion)

    monkeypatch.setattr(wishes.Waiting, "_keep", watched)
    peopled(rt, store).plan()
    assert len(seen) > 10
    assert sum(map(len, seen)) == len(set().union(*seen))


def test_rows_come_back_in_order_whatever_parts_they_came_in() -> None:
    rows = [(number * 37 % 1000, f"{number}", None if number % 2 else "x") for number in range(1000)]
    runs = SortedRuns()
    for start in range(0, 1000, 300):
        runs.add(rows[start : start + 300])
    assert list(runs.merged()) == sorted(rows, key=lambda row: row[0])
    assert list(SortedRuns().merged()) == []


def test_a_run_without_a_ledger_knows_of_no_next_instalment(rt: Runtime, store: Engine) -> None:
    World(rt, store).start()
    with reading(store) as connection:
        assert NextDues(connection, rt, FIRST).of(AccountRange("A1", "A2"), ["ref-A1"]) == {}
