"""What goes wrong between people, files and money on the way of an order, each thing once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from order_world import ACCOUNT, DAY, POLICY, World, fresh_world
from sqlalchemy import delete, insert, select, update

from arrears.approvals.questions import list_open
from arrears.core.clock import PinnedClock, utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.repossession.agencies import open_agency
from arrears.repossession.orders import propose_orders
from arrears.repossession.reported import apply_reports
from arrears.repossession.stand_down import stand_down
from arrears.sandbox.agency import AgencySandbox
from arrears.store.engine import reading, writing
from arrears.store.tables import decisions, feeds, people
from arrears.store.tables.repossession import approval, repossession_order


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


BEFORE = DAY - timedelta(days=1)


def test_money_dated_yesterday_that_reached_us_since_the_proposal_keeps_the_machine_where_it_is(world):
    world.pay(4_000_000, paid_on=BEFORE)
    assert world.hand_off().blocked == {"C1": 1, "C6": 1}
    assert world.orders()[0].blocked_by == "C1 paid_since_proposal; C6 recent_payment"
    assert world.witness.orders == {}


def test_money_dated_yesterday_that_reached_us_after_the_hand_off_calls_the_order_back(world):
    world.hand_off()
    world.pay(4_000_000, paid_on=BEFORE)
    assert world.stand_down().recalled == {"payment": 1}
    assert world.witness.working_on == set()


def test_money_counts_from_the_day_its_file_reached_us_whatever_business_date_the_file_was_given(world):
    with writing(world.engine) as connection:
        connection.execute(insert(feeds.delivery).values(
            delivery_id="d" * 64, feed="payments", file_name="f", sha256="e" * 64, rows=1, accepted=1, quarantined=0,
            received_at=utc_text(world.rt.clock.now()), business_date=BEFORE, delivery_no=1, run_id="r",
        ))  # fmt: skip
    world.pay(1, paid_on=BEFORE, business_date=BEFORE)
    assert world.hand_off().offered == 1, "known before the order was proposed"
    world.change(feeds.payment, delivery_id="d" * 64)
    assert world.stand_down().recalled == {"payment": 1}


def test_a_payment_of_the_past_that_reached_us_today_lets_nobody_be_proposed_today(furnished_home):
    with fresh_world(furnished_home) as world:
        world.pay(paid_on=BEFORE)
        assert world.propose().proposed == 0


@pytest.mark.parametrize(
    ("amounts", "found", "reason"),
    [((1_000_000,) * 2, "fewer_than_three_overdue", "cured"), ((1_000_000,) * 3, None, None)],
)
def test_a_later_ledger_that_nothing_was_decided_on_yet_blocks_the_hand_off_and_calls_back(
    world, amounts, found, reason
):
    world.accept(amounts, decided=False)
    assert world.hand_off().blocked == ({"C1": 1} if found else {})
    assert world.orders()[0].blocked_by == (f"C1 {found}" if found else None)
    world.change(repossession_order, state="acknowledged", offered_at="2026-11-12T02:00:00Z", document_sha256="0" * 64)
    world.change(approval, state="used")
    assert world.stand_down().recalled == ({reason: 1} if reason else {})


def test_arrears_taken_off_by_what_was_told_before_the_ledger_came_are_staged_again(world):
    world.accept()
    with writing(world.engine) as connection:
        connection.execute(update(repossession_order).values(proposed_on=DAY + timedelta(days=1)))
    world.pay(2_000_000, paid_on=BEFORE)
    assert world.hand_off().blocked == {"C1": 1, "C6": 1}
    assert world.orders()[0].blocked_by == "C1 fewer_than_three_overdue; C6 recent_payment"


def test_who_is_cured_and_so_has_no_decision_any_more_is_not_searched_for(world):
    world.hand_off()
    world.travel(1)
    world.accept()
    with writing(world.engine) as connection:
        connection.execute(delete(decisions.decision).where(decisions.decision.c.business_date == world.today))
    assert world.stand_down().recalled == {"cured": 1}


@pytest.mark.parametrize("decided", [True, False])
def test_whose_row_was_refused_today_is_called_back_for_its_data_and_not_as_cured(world, decided):
    world.hand_off()
    world.travel(1)
    world.change(feeds.account, data_incomplete=True)
    world.accept(decided=decided, subject="-")
    with writing(world.engine) as connection:
        connection.execute(delete(decisions.decision).where(decisions.decision.c.business_date == world.today))
    assert world.stand_down().recalled == {"hold_data_incomplete": 1}


def test_running_an_earlier_date_again_judges_no_order_by_what_was_known_then(world):
    world.ledger(stage=2, overdue_instalments=2)
    world.travel(1)
    world.ledger()
    world.confirm()
    assert world.hand_off().offered == 1
    assert stand_down(world.rt, world.engine, "r", DAY, POLICY, world.witness).recalled == {}
    world.ledger(stage=2, overdue_instalments=2)
    assert stand_down(world.rt, world.engine, "r", DAY, POLICY, world.witness).recalled == {"cured": 1}


def test_an_earlier_date_run_again_proposes_and_voids_nothing(furnished_home):
    with fresh_world(furnished_home) as world:
        world.travel(1)
        world.ledger(stage=2, overdue_instalments=2)
        done = propose_orders(world.rt, world.engine, "r", DAY, POLICY)
        assert (done.proposed, done.voided, done.renewed) == (0, 0, 0)


def another_borrower(world: World) -> None:
    """Let the account belong to somebody else."""
    with writing(world.engine) as connection:
        connection.execute(insert(people.party).values(party_id="P9", name="无关"))
        tie = people.account_party
        connection.execute(update(tie).where(tie.c.role == "borrower").values(party_id="P9"))


ANOTHER = {
    "serial": lambda world: world.change(feeds.account, asset_serial="1M8GDM9A0KP042788"),
    "plate": lambda world: world.change(feeds.account, plate="京A99999"),
    "colour": lambda world: world.change(feeds.account, asset_colour="blue"),
    "borrower": another_borrower,
}
"""What a file at noon or the next ledger may say: the order would name what nobody approved."""


@pytest.mark.parametrize("change", ANOTHER.values(), ids=ANOTHER)
def test_what_is_handed_off_names_the_machine_and_people_that_two_people_approved_or_nothing_leaves(world, change):
    change(world)
    assert "C11" in world.hand_off().blocked
    assert "C11 facts_changed" in world.orders()[0].blocked_by
    assert world.witness.orders == {}
    done = world.propose()
    assert (done.voided, done.proposed) == (1, 1)
    assert [(order.state, order.closed_reason) for order in world.orders()] == [
        ("void", "facts_changed"), ("awaiting_approval", None)]  # fmt: skip


@pytest.mark.parametrize("change", ANOTHER.values(), ids=ANOTHER)
def test_an_order_that_is_out_comes_back_when_its_machine_or_people_are_others(world, change):
    world.hand_off()
    change(world)
    assert world.stand_down().recalled == {"facts_changed": 1}
    assert world.witness.working_on == set()


def test_a_vote_on_a_machine_that_changed_since_the_order_was_proposed_is_not_counted(furnished_home):
    with fresh_world(furnished_home) as world:
        world.propose()
        (waiting,) = list_open(world.engine)
        world.change(feeds.account, plate="京A99999")
        with pytest.raises(BadArguments, match="facts have changed"):
            world.vote(waiting.approval_id, "LAW")
        assert world.propose().proposed == 1


def test_an_order_of_an_older_release_is_asked_anew_and_comes_back_for_no_want_of_what_it_could_not_keep(world):
    world.change(repossession_order, target_sha256=None)
    assert world.hand_off().blocked == {"C11": 1}
    world.change(repossession_order, state="acknowledged", offered_at="2026-11-12T02:00:00Z", document_sha256="0" * 64)
    world.change(approval, state="used")
    assert world.stand_down().recalled == {}


def test_hours_and_value_of_a_machine_change_nothing_about_which_one_it_is(world):
    world.change(feeds.account, asset_hours=1234, asset_value_minor=19_000_000)
    assert world.hand_off().offered == 1


JULY = date(2026, 7, 1)


def test_money_of_the_past_that_the_ledger_holds_and_a_statement_lists_again_calls_no_order_back(world):
    amounts = (5_000_000, 1_000_000, 1_000_000, 1_000_000)
    world.accept(amounts, held={"B1": (JULY, 4_000_000)})
    assert world.hand_off().offered == 1
    for _ in range(2):
        world.rt = replace(world.rt, clock=PinnedClock(world.rt.clock.now() + timedelta(hours=1)))
        world.deliver(4_000_000, JULY, "B1")
        assert world.stand_down().recalled == {}
    world.travel(1)
    world.accept(amounts, held={"B1": (JULY, 4_000_000)})
    assert world.stand_down().recalled == {}, "nor on the next day, whose ledger was frozen after it was told"


def test_money_told_late_that_the_next_ledger_books_calls_the_order_back_all_the_same(world):
    world.accept()
    world.hand_off()
    world.deliver(4_000_000, BEFORE)
    world.travel(1)
    world.accept(held={"N1": (BEFORE, 4_000_000)})
    assert world.stand_down().recalled == {"payment": 1}


def test_a_listed_payment_of_another_amount_than_the_ledger_holds_is_news(world):
    world.accept(held={"B1": (JULY, 3_000_000)})
    world.hand_off()
    world.rt = replace(world.rt, clock=PinnedClock(world.rt.clock.now() + timedelta(hours=1)))
    world.deliver(4_000_000, JULY, "B1")
    assert world.stand_down().recalled == {"payment": 1}


@pytest.mark.parametrize(("paid_on", "recalled"), [(JULY, {}), (BEFORE, {"payment": 1})])
def test_beside_open_items_money_counts_that_was_paid_while_it_may_be_in_flight(world, paid_on, recalled):
    world.accept(form="open_items")
    assert world.hand_off().offered == 1
    world.rt = replace(world.rt, clock=PinnedClock(world.rt.clock.now() + timedelta(hours=1)))
    world.deliver(100, paid_on)
    assert world.stand_down().recalled == recalled


def test_a_payment_told_again_keeps_the_day_it_was_told_of_and_a_corrected_one_does_not(world):
    def told() -> list[tuple[date, str | None]]:
        with reading(world.engine) as connection:
            return [(row.business_date, row.delivery_id) for row in connection.execute(select(feeds.payment))]

    world.deliver(100, BEFORE)
    first = told()
    world.travel(1)
    world.deliver(100, BEFORE)
    assert told() == first
    world.travel(1)
    world.deliver(200, BEFORE)
    assert [day for day, _ in told()] == [world.today]


@pytest.mark.parametrize(("amount", "blocked"), [(1_000_000, {"C6": 1}), (999_999, {})])
def test_a_whole_instalment_told_yesterday_and_not_booked_is_a_recent_payment(furnished_home, amount, blocked):
    with fresh_world(furnished_home) as world:
        world.deliver(amount, DAY)
        world.travel(1)
        world.accept((1_000_000,) * 5, overdue_amount_minor=[1_000_000] * 5)
        world.confirm()
        world.propose()
        world.approve()
        assert world.hand_off().blocked == blocked


def test_what_was_told_and_not_booked_counts_towards_the_share_that_is_paid(world):
    world.change(feeds.account, contract_type="instalment_sale")
    world.accept((1_000_000,) * 12, paid_minor=23_000_000, overdue_minor=12_000_000, schedule_minor=36_000_000)
    world.hand_off()
    assert "mostly_paid" not in (world.orders()[0].blocked_by or "")
    world.deliver(4_000_000, DAY)
    assert world.hand_off().blocked["C6"] == 1
    assert "mostly_paid" in world.orders()[0].blocked_by
