"""What goes wrong between people, files and money on the way of an order, each thing once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from order_world import ACCOUNT, DAY, POLICY, World, fresh_world
from sqlalchemy import insert, select

from arrears.core.clock import utc_text
from arrears.core.keys import natural_key
from arrears.repossession.agencies import open_agency
from arrears.repossession.reported import apply_reports
from arrears.sandbox.agency import AgencySandbox
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds
from arrears.store.tables.repossession import approval


@pytest.fixture
def world(furnished_home: Path) -> Iterator[World]:
    """A store whose one order two people have approved."""
    with fresh_world(furnished_home) as world:
        world.propose()
        world.approve()
        yield world


def report(world: World, state: str, order_no: str, at: object = None) -> dict[str, int]:
    """Let the agency report a step and return what was refused, by reason."""
    moment = utc_text(at or world.rt.clock.now())
    row = {"order_report_key": natural_key(order_no, state, moment), "account_id": ACCOUNT, "order_no": order_no}
    with writing(world.engine) as connection:
        connection.execute(insert(feeds.order_report), row | {"state": state, "at": moment})
    return apply_reports(world.rt, world.engine, "test", POLICY).refused


def test_a_policy_edited_after_the_day_was_decided_lets_nothing_leave_until_a_day_is_decided_under_it(world):
    longer = POLICY.repossession.model_copy(update={"approval_valid_working_days": 9})
    world.policy = POLICY.model_copy(update={"repossession": longer})
    assert world.hand_off().blocked == {"C1": 1}
    assert world.orders()[0].blocked_by == "C1 policy_changed"
    world.ledger()
    assert world.hand_off().offered == 1


def test_costs_of_the_policy_are_not_held_against_a_value_in_another_currency(world):
    world.change(feeds.account, currency="JPY")
    assert world.hand_off().blocked == {"C13": 1}
    assert world.orders()[0].blocked_by == "C13 other_currency"


def test_an_agency_whose_licence_ran_out_between_offer_and_acceptance_is_told_to_stop(world, tmp_path):
    with AgencySandbox(tmp_path / "agency") as sandbox:
        world.hand_off(open_agency(sandbox.url))
        world.change(feeds.agency, licence_until=DAY - timedelta(days=1))
        assert report(world, "accepted", world.orders()[0].order_no) == {}
        assert world.state() == "accepted"
        assert world.stand_down(open_agency(sandbox.url)).recalled == {"agency_not_valid": 1}
        assert (world.state(), sandbox.working_on()) == ("recalled", set())
        assert report(world, "recovered", world.orders()[0].order_no) == {"is_recalled": 1}


def test_a_report_on_an_order_nobody_gave_is_refused_and_shown(world):
    world.hand_off()
    assert report(world, "accepted", "RO-19990101-0001") == {"no_such_order": 1}
    assert world.state() == "acknowledged"


def test_a_payment_after_the_recovery_calls_nothing_back_and_takes_no_approval_away(world):
    world.hand_off()
    assert report(world, "recovered", world.orders()[0].order_no) == {}
    world.pay()
    world.hold("hardship")
    done = world.stand_down()
    assert (done.recalled, done.waiting, world.witness.recalled) == ({}, 0, set())
    with reading(world.engine) as connection:
        assert connection.execute(select(approval.c.state)).scalar_one() == "used"


@pytest.mark.parametrize(
    "odd",
    [
        b"", b"{", b"\xff\xfe", b"\x00" * 40, b"[" * 100_000, b"[1]", b'"ok"', b"null", b"\xef\xbb\xbf{",
        b'{"acknowledged": false}', b'{"acknowledged": "yes"}', b'{"idempotency_key": "another"}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_acknowledgement_of_this_order_leaves_it_offered(world, tmp_path, odd):
    agency = open_agency((tmp_path / "outbox").as_uri())
    world.hand_off(agency)
    answer = tmp_path / "outbox" / f"{world.orders()[0].idempotency_key}.order.ack.json"
    answer.write_bytes(odd)
    done = world.hand_off(agency)
    assert (done.repeated, done.acknowledged, done.failed, world.state()) == (1, 0, 0, "offered")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b'{"receipt": "A\\u0000B\\ud800\\nC"}', "ABC"),
        ('{"receipt": "收到"}'.encode(), "收到"),
        (b'{"receipt": {"no": 7}}', "{'no': 7}"),
        (b'{"receipt": "' + b"x" * 5_000 + b'"}', "x" * 200),
    ],
)
def test_a_receipt_is_kept_as_far_as_it_can_be_printed_and_stored(world, tmp_path, said, kept):
    agency = open_agency((tmp_path / "outbox").as_uri())
    world.hand_off(agency)
    (tmp_path / "outbox" / f"{world.orders()[0].idempotency_key}.order.ack.json").write_bytes(said)
    assert world.hand_off(agency).acknowledged == 1
    assert world.orders()[0].receipt == kept


def test_an_acknowledgement_of_an_order_nobody_gave_is_left_lying(world, tmp_path):
    agency = open_agency((tmp_path / "outbox").as_uri())
    world.hand_off(agency)
    (tmp_path / "outbox" / f"{'f' * 64}.order.ack.json").write_text('{"receipt": "X"}')
    assert world.hand_off(agency).acknowledged == 0
    assert world.state() == "offered"
