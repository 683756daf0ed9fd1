"""A person chooses the remedy: who may, among which, on which facts, and what the next packet makes of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from order_world import ACCOUNT, POLICY, SUBJECT, World, fresh_world
from sqlalchemy import insert, select, update

from arrears.approvals.remedy import TAKEN_BACK, Choice, choose
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.legal.case_file import load
from arrears.legal.case_rows import cases_until, chosen_remedy
from arrears.reports.control import exceptions_of
from arrears.store.engine import reading, writing
from arrears.store.tables import audit, feeds, legal, runs

OPEN = "terminate_and_recover"
BY_LAW = Choice(ACCOUNT, OPEN, "LAW", "packet read", "shell")


@pytest.fixture
def world(furnished_home: Path) -> Iterator[World]:
    """A store with one ready packet."""
    with fresh_world(furnished_home) as world:
        yield world


def decide(world: World, choice: Choice) -> None:
    choose(world.rt, world.engine, choice, POLICY, "test")


def standing(world: World) -> str | None:
    """What the next packet is built with."""
    with reading(world.engine) as connection:
        rows = [row._asdict() for row in connection.execute(select(feeds.court_case))]
    return chosen_remedy(cases_until({"court_case": rows}, "Asia/Shanghai", world.today))


def test_the_next_packet_is_built_with_the_remedy_chosen_last(world):
    assert standing(world) is None
    decide(world, BY_LAW)
    assert standing(world) == OPEN
    decide(world, replace(BY_LAW, remedy=TAKEN_BACK))
    assert standing(world) is None, "taken back in the same second"
    decide(world, replace(BY_LAW, staff_id="BOTH"))
    assert standing(world) == OPEN


def test_a_choice_is_an_event_with_person_role_and_facts_and_its_note_is_outside_the_log(world):
    decide(world, BY_LAW)
    with reading(world.engine) as connection:
        body = connection.execute(select(audit.audit_pending.c.body)).scalars().one().decode()
        facts = connection.execute(select(legal.packet.c.facts_sha256)).scalar_one()
    for said in ('"remedy.chosen"', '"LAW"', SUBJECT, OPEN, facts, '"role":"legal"', '"identity":"shell"'):
        assert said in body
    assert "packet read" not in body
    assert f'"{ACCOUNT}"' not in body


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"staff_id": "RISK"}, "may not choose a remedy"),
        ({"staff_id": "COL"}, "collects this account"),
        ({"staff_id": "NOBODY"}, "not in the staff feed"),
        ({"remedy": "agency"}, "is not open"),
        ({"note": " "}, "needs a note"),
        ({"facts_sha256": "f" * 64}, "the facts have changed"),
        ({"account_id": "A2"}, "no packet to decide on"),
    ],
)
def test_who_may_not_choose_or_what_is_not_open_is_refused_and_leaves_no_trace(world, change, why):
    with pytest.raises(BadArguments, match=why):
        decide(world, replace(BY_LAW, **change))
    assert standing(world) is None
    assert world.events() == []


@pytest.mark.parametrize("state", ["withheld", "incomplete"])
def test_a_packet_that_a_hold_or_doubtful_data_keeps_back_leaves_nothing_to_choose(world, state):
    world.change(legal.packet, state=state)
    with pytest.raises(BadArguments, match="no packet to decide on"):
        decide(world, BY_LAW)


def test_nothing_is_taken_back_that_was_not_chosen(world):
    world.change(legal.packet, chosen_remedy=None)
    with pytest.raises(BadArguments, match="nothing to take back"):
        decide(world, replace(BY_LAW, remedy=TAKEN_BACK))


def test_in_a_live_store_a_choice_counts_from_a_logged_in_person_only(world):
    with world.engine.begin() as connection:
        connection.execute(update(runs.store_identity).values(mode="live"))
    with pytest.raises(BadArguments, match="on the desk, not from the shell"):
        decide(world, BY_LAW)
    decide(world, replace(BY_LAW, identity="airflow"))
    assert standing(world) == OPEN


def deliver(world: World, person: str | None) -> None:
    """Let a choice of yesterday arrive by the feed ``cases``."""
    key = natural_key("delivery")
    with writing(world.engine) as connection:
        connection.execute(
            insert(feeds.delivery).values(
                delivery_id=key, feed="cases", file_name="cases.csv", sha256=key, rows=1, accepted=1, quarantined=0,
                received_at="2026-11-12T01:00:00Z", business_date=world.today, delivery_no=1, run_id="-",
            )
        )  # fmt: skip
        connection.execute(
            insert(feeds.court_case).values(
                court_case_key="k", account_id=ACCOUNT, case_id="K", kind="remedy", state="chosen", remedy=OPEN,
                at="2026-11-11T01:00:00Z", staff_id=person, delivery_id=key, row_no=1, row_sha256=key,
            )
        )  # fmt: skip


def counts(world: World) -> bool:
    """Whether the next packet is made by the choice that came; what does not count is an exception."""
    with reading(world.engine) as connection:
        ledger = SimpleNamespace(row=lambda _: None, schedule=lambda _: [], payments=lambda _: [])
        (case,) = load(connection, ledger, POLICY, world.today, [ACCOUNT])
        kinds = [line.kind for line in exceptions_of(connection, world.today, None, POLICY)]
    assert ("remedy_unentitled" in kinds) is (case.facts.chosen_remedy is None)
    return case.facts.chosen_remedy == OPEN


def not_built_yet(world: World) -> None:
    """Let the packet that stands be older than the choice."""
    world.change(legal.packet, built_on=date(2026, 11, 10))


@pytest.mark.parametrize(
    ("person", "entitled"), [("LAW", True), ("RISK", False), ("COL", False), ("NOBODY", False), (None, False)]
)
def test_a_delivered_choice_counts_only_by_who_may_choose_and_any_other_is_an_exception(world, person, entitled):
    not_built_yet(world)
    deliver(world, person)
    assert counts(world) is entitled
    decide(world, BY_LAW)
    with reading(world.engine) as connection:
        assert "remedy_unentitled" not in [one.kind for one in exceptions_of(connection, world.today, None, POLICY)]


@pytest.mark.parametrize(("from_on", "entitled"), [("2026-11-11", False), ("2026-11-12", True), ("2026-12-01", True)])
def test_a_choice_is_judged_by_who_collected_the_account_on_its_day(world, from_on, entitled):
    not_built_yet(world)
    deliver(world, "LAW")
    world.put(feeds.assignment, None, from_on=date.fromisoformat(from_on), staff_id="LAW")
    assert counts(world) is entitled


def test_who_collected_before_the_choice_and_not_on_its_day_may_choose(world):
    not_built_yet(world)
    deliver(world, "LAW")
    world.put(feeds.assignment, None, from_on=date(2026, 11, 1), staff_id="LAW")
    world.put(feeds.assignment, None, from_on=date(2026, 11, 10), staff_id="COL")
    assert counts(world)


def test_who_collects_another_account_since_is_no_matter(world):
    not_built_yet(world)
    deliver(world, "LAW")
    world.put(feeds.assignment, None, from_on=date(2026, 11, 5), staff_id="LAW")
    with writing(world.engine) as connection:
        mine = connection.execute(feeds.court_case.select()).one()._asdict()
        connection.execute(insert(feeds.court_case).values(mine | {"court_case_key": "o", "account_id": "OTHER"}))
        mine = connection.execute(feeds.assignment.select()).one()._asdict()
        other = mine | {"account_id": "OTHER", "staff_id": "COL", "from_on": date(2026, 11, 11)}
        connection.execute(insert(feeds.assignment).values(other))
    assert not counts(world)


def test_a_choice_that_a_packet_was_made_by_goes_on_counting_when_the_person_loses_the_role(world):
    deliver(world, "LAW")
    with writing(world.engine) as connection:
        connection.execute(update(feeds.staff).where(feeds.staff.c.staff_id == "LAW").values(roles="finance"))
    not_built_yet(world)
    assert not counts(world), "nothing shows that it ever counted"
    world.change(legal.packet, built_on=date(2026, 11, 12))
    assert counts(world)
    world.change(legal.packet, chosen_remedy="agency")
    assert not counts(world), "the packet was made by another choice"
