"""A machine is kept from starting only where the policy wants it, at rest off the road, by two people; and unlocked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from order_world import ACCOUNT, DAY, POLICY, RUN, VEHICLE, World, fresh_world
from pydantic import ValidationError
from sqlalchemy import delete, insert, update

from arrears.approvals.questions import list_open
from arrears.core.clock import utc_text
from arrears.core.keys import natural_key
from arrears.ladder.policy import Policy
from arrears.ladder.policy_law import RemoteLock
from arrears.reports.control import exceptions_of
from arrears.reports.wording import words
from arrears.repossession.agencies import open_agency
from arrears.repossession.reported import apply_reports
from arrears.sandbox.agency import AgencySandbox
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds

LOCK = RemoteLock(allowed=True, enabled=True)
LOCKING = POLICY.model_copy(update={"repossession": POLICY.repossession.model_copy(update={"remote_lock": LOCK})})


@pytest.fixture
def world(furnished_home: Path) -> Iterator[World]:
    """A machine that has stood on a site since six, seen an hour ago, and a maker who can keep it from starting."""
    with fresh_world(furnished_home) as bare:
        world = replace(bare, policy=LOCKING)
        with writing(world.engine) as connection:
            connection.execute(delete(feeds.location))
            papers = {
                "licence_no": "T1",
                "licence_until": DAY + timedelta(90),
                "insurance_until": DAY + timedelta(90),
                "data_agreement_ref": "DPA-2",
            }
            maker = {"agency_id": "MAKER", "name": "示例主机厂", "region": "", "channel": "http"}
            connection.execute(insert(feeds.agency), maker | papers | {"services": "remote_lock"})
        world.ledger()  # the day is decided under the policy that locks
        see(world, 240)
        see(world, 60)
        yield world


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[AgencySandbox]:
    with AgencySandbox(tmp_path / "agency") as agency:
        yield agency


def see(world: World, minutes_ago: int, lat: str = "38.1", site: str | None = "site") -> None:
    at = utc_text(world.rt.clock.now() - timedelta(minutes=minutes_ago))
    row = {"location_key": natural_key(ACCOUNT, at, "gps"), "account_id": ACCOUNT, "at": at, "lat": lat, "lon": "82.1",
           "source": "gps", "site_type": site}  # fmt: skip
    with writing(world.engine) as connection:
        connection.execute(insert(feeds.location), row)


def locked(world: World, agency: object = None) -> None:
    world.propose()
    world.approve()
    assert world.hand_off(agency).acknowledged == 1


def kinds(world: World) -> list[tuple[str, str]]:
    return [(order.kind, order.state) for order in world.orders()]


def test_a_lock_takes_two_people_and_says_what_must_not_be_done(world, sandbox):
    agency = open_agency(sandbox.url)
    world.propose()
    assert kinds(world) == [("lock", "awaiting_approval")]
    assert [one.order_kind for one in list_open(world.engine)] == ["lock"], "who approves is told what"
    assert world.hand_off(agency).offered == 0
    world.approve()
    assert world.hand_off(agency).acknowledged == 1
    (order,), (call,) = world.orders(), sandbox.received()
    assert (order.order_no, order.agency_id) == ("RL-20261112-0001", "MAKER")
    body = call["body"]
    assert (body["may"], body["ask_for"], body["asset"]["serial"]) == (["keep_from_starting"], [], VEHICLE)
    assert {"do_not_stop_a_running_engine", "do_not_lock_on_a_road"} <= set(body["do_not"])
    assert body["recall"]["unlock_within_hours"] == 4
    assert body["legal_basis"]["remedy"] == "terminate_and_recover"


def test_without_the_policys_word_nothing_is_locked_and_a_profile_may_forbid_it(world):
    world = replace(world, policy=POLICY)
    world.propose()
    assert kinds(world) == [("recover", "awaiting_approval")]
    with pytest.raises(ValidationError, match="does not allow locking"):
        RemoteLock(enabled=True)


def test_a_step_of_the_ladder_cannot_lock():
    step = POLICY.steps[-1].model_copy(update={"name": "lock", "channel": "remote_lock", "after": None})
    body = POLICY.model_dump() | {"steps": [*(one.model_dump() for one in POLICY.steps), step.model_dump()]}
    with pytest.raises(ValidationError, match="order of two people"):
        Policy.model_validate(body)


MOVED = [
    ("a machine that was elsewhere half an hour before", lambda world: see(world, 30, lat="38.2"), "not_at_rest"),
    ("a machine on a road", lambda world: see(world, 30, site="public"), "not_off_road"),
    ("a machine at a place of unknown kind", lambda world: see(world, 30, site=None), "not_off_road"),
]


@pytest.mark.parametrize(("what", "event", "reason"), MOVED, ids=[one[0] for one in MOVED])
def test_a_machine_in_motion_or_on_a_road_is_neither_proposed_nor_locked(world, what, event, reason):
    world.propose()
    world.approve()
    event(world)
    assert world.hand_off().blocked == {"C9": 1}, "the approval was for a machine at rest"
    assert reason in world.orders()[0].blocked_by
    assert world.propose().voided == 1
    assert kinds(world) == [("lock", "void"), ("recover", "awaiting_approval")]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_reason_not_to_lock_has_its_words(language):
    for reason in ("lock_not_enabled", "no_location", "location_too_old", "not_off_road", "not_at_rest", "not_judged"):
        assert words(language).label("check", reason) != reason
    assert words(language).label("order_note", "lock_not_enabled")
    assert words(language).label("approval", "lock")


def test_a_single_or_an_old_sighting_proves_no_rest(world):
    with writing(world.engine) as connection:
        connection.execute(delete(feeds.location))
    see(world, 10)
    world.propose()
    assert kinds(world) == [("recover", "awaiting_approval")]
    world.travel(1)
    world.ledger()
    world.propose()
    assert kinds(world)[-1][0] == "recover", "a position of yesterday says nothing of where it stands now"


def test_a_payment_unlocks_at_the_next_dispatch_and_the_unlock_must_be_acknowledged(world, sandbox):
    agency = open_agency(sandbox.url)
    locked(world, agency)
    world.pay()
    done = world.stand_down(agency)
    assert (done.recalled, done.acknowledged) == ({"payment": 1}, 1)
    assert sandbox.received()[-1]["body"]["instruction"] == "unlock_and_acknowledge"
    assert world.state() == "recalled"


def test_an_unlock_that_nobody_confirms_within_hours_is_among_the_first_exceptions(world):
    locked(world)
    world.witness.silent = True
    world.pay()
    world.stand_down()
    with reading(world.engine) as connection:
        early = [line.kind for line in exceptions_of(connection, DAY, None, LOCKING)]
        late = exceptions_of(connection, DAY + timedelta(1), None, LOCKING)
    assert "unlock_overdue" not in early
    assert late[0].kind == "unlock_overdue"
    assert world.stand_down().waiting == 1, "it is asked again at every dispatch"


def test_a_policy_that_no_longer_locks_unlocks(world):
    locked(world)
    assert replace(world, policy=POLICY).stand_down().recalled == {"lock_not_enabled": 1}


def test_a_lock_ends_with_its_days_and_then_the_machine_may_be_recovered(world):
    locked(world)
    world.travel(LOCKING.repossession.order_expiry_days + 1)
    world.ledger()
    world.confirm()
    see(world, 300)
    see(world, 30)
    assert world.propose().proposed == 0, "one order at a time"
    assert world.stand_down().recalled == {"expired": 1}
    world.propose()
    assert kinds(world) == [("lock", "recalled"), ("recover", "awaiting_approval")]


def test_a_refused_lock_leaves_the_recovery_open(world):
    world.propose()
    world.vote(world.orders()[0].order_no, "LAW", "refuse")
    world.propose()
    assert kinds(world) == [("lock", "void"), ("recover", "awaiting_approval")]


def test_a_firm_that_only_locks_is_never_told_to_recover(world):
    with writing(world.engine) as connection:
        connection.execute(update(feeds.agency).where(feeds.agency.c.agency_id == "AG").values(services="collection"))
    replace(world, policy=POLICY).propose()
    assert world.orders()[0].agency_id is None


def test_a_lock_gives_no_right_to_take(world):
    locked(world)
    at = utc_text(world.rt.clock.now())
    row = {"order_report_key": "1" * 64, "account_id": ACCOUNT, "order_no": world.orders()[0].order_no, "at": at}
    with writing(world.engine) as connection:
        connection.execute(insert(feeds.order_report), row | {"state": "recovered"})
    assert apply_reports(world.rt, world.engine, RUN, LOCKING).refused == {"lock_gives_no_right": 1}
