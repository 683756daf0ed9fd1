"""What was right at dawn may be wrong by noon: money, holds, ties, consent, zone, calendar and policy at sending."""

from dataclasses import replace
from datetime import date, time, timedelta
from functools import partial
from pathlib import Path

import pytest
from outreach_world import CALL, DAY, EMAIL, GUARANTOR_CALL, LETTER, SMS, ZERO, Witness, World, one_customer
from sqlalchemy import delete, event, update

from arrears.core.calendar import ONE_DAY
from arrears.core.errors import GateHeld
from arrears.core.keys import natural_key
from arrears.ladder import balance
from arrears.ladder.balance import Balance, Balances
from arrears.ledger.gates import check_gates
from arrears.ledger.intake import import_feed
from arrears.ledger.pull import pull
from arrears.outreach.batches import open_days
from arrears.outreach.channels import Channels
from arrears.outreach.dispatch import dispatch
from arrears.outreach.verdict import not_sent
from arrears.store import snapshot
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import debit, hold, outcome, plan, promise, unbooked_payment
from arrears.store.tables.outreach import contact, item, suppression
from arrears.store.tables.people import account_party, party
from arrears.store.tables.runs import policy_text, run

RUN = "daily-2026-11-12-1"
ACCOUNTS = "account_id,closed_on\nA1,\nA2,\n"
SCHEDULE = [("A1", n, f"2026-{n:02}-02", "100.00") for n in range(9, 13)] + [("A2", 1, "2026-11-02", "80.00")]


def freeze(world: World, folder: Path, *, open_items: bool = False, paid: str = "", run_id: str = RUN) -> None:
    """Pull a ledger in which A1 owes September to November and A2 owes November, and accept it."""
    folder.mkdir(parents=True)
    (folder / "accounts.csv").write_text(ACCOUNTS)
    head, cell = ("account_id,instalment_no,due_date,amount_due", "")
    if open_items:
        head, cell = head + ",amount_paid", ",0.00"
    (folder / "instalments.csv").write_text(
        "\n".join([head, *(f"{a},{n},{due},{amount}{cell}" for a, n, due, amount in SCHEDULE)]) + "\n"
    )
    if not open_items:
        (folder / "payments.csv").write_text(f"payment_id,account_id,paid_on,amount\nB1,A2,2026-10-01,0.01\n{paid}")
    pulled = pull(world.rt, world.engine, run_id, folder, DAY, world.policy)
    with writing(world.engine) as connection:
        connection.execute(update(run).where(run.c.run_id == run_id).values(snapshot_id=pulled.snapshot_id))
    assert all(gate.passed for gate in check_gates(world.rt, world.engine, run_id, pulled.snapshot_id, world.policy))


def customer(world: World, *actions: dict[str, object], rung: int = 1, behind: int = 3) -> None:
    world.person("P1")
    for account_id, owed, count in (("A1", behind * 100_00, behind), ("A2", 79_99, 1)):
        world.account(account_id, {"P1": "borrower"})
        world.decide(account_id, [action | {"rung": rung} for action in actions], overdue=owed, instalments=count)


def pay(world: World, folder: Path, *rows: str, name: str = "payments.csv", on: date = DAY) -> None:
    file = folder / name
    file.write_text("payment_id,account_id,paid_on,amount\n" + "\n".join(rows) + "\n")
    import_feed(world.rt, world.engine, RUN, "payments", file, on)


def reasons(world: World) -> dict[str, str | None]:
    return {row.account_id: row.dropped_reason for row in world.rows(item)}


@pytest.fixture(params=[False, True], ids=["payments", "open_items"])
def ledger(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> World:
    customer(world, SMS)
    freeze(world, tmp_path / "feeds", open_items=request.param)
    world.plan()
    return world.at(time(11))


def test_who_paid_at_noon_hears_nothing_in_the_afternoon(ledger, witnesses, tmp_path):
    pay(ledger, tmp_path, "N1,A1,2026-11-12,300.00", "N2,A2,2026-11-12,80.00")
    assert ledger.send(witnesses)["withheld"] == 1
    assert [row.reason for row in ledger.rows(contact)] == ["paid"]
    assert witnesses.messages["sms"].got == []


def test_a_contract_paid_at_noon_is_left_out_and_a_part_payment_is_taken_off(ledger, witnesses, tmp_path):
    pay(ledger, tmp_path, "N1,A1,2026-11-12,120.00", "N2,A2,2026-11-12,80.00")
    assert ledger.send(witnesses)["sent"] == 1
    (message,) = witnesses.messages["sms"].got
    assert "合同A1逾期2期" in message.text
    assert "合计180.00元" in message.text
    assert "A2" not in message.text
    assert reasons(ledger) == {"A1": None, "A2": "paid"}
    assert [row.total_minor for row in ledger.rows(contact)] == [180_00]
    attempted = next(event for event in ledger.events() if event["type"] == "action.attempted")
    assert list(attempted["data"]["amounts"].values()) == [180_00]


def test_a_reversal_at_noon_takes_the_payment_back(world, witnesses, tmp_path):
    customer(world, SMS, behind=2)
    freeze(world, tmp_path / "feeds", paid="B2,A1,2026-11-05,100.00\n")
    world.plan()
    pay(world.at(time(11)), tmp_path, "N1,A1,2026-11-12,-100.00")
    world.at(time(11)).send(witnesses)
    assert "合同A1逾期3期" in witnesses.messages["sms"].got[0].text


def test_a_payment_that_the_ledger_holds_already_is_not_taken_off_twice(world, witnesses, tmp_path):
    customer(world, SMS)
    early = world.at(time(5))
    freeze(world, tmp_path / "feeds", paid="B2,A1,2026-11-11,100.00\n")
    pay(early, tmp_path, "B2,A1,2026-11-11,100.00")
    world.plan()
    with reading(world.engine) as connection:
        found = Balances(world.rt, DAY, world.policy).of(connection, {"A1": "ref-A1", "A2": "ref-A2"})
    assert {account_id: one.overdue_minor for account_id, one in found.items()} == {"A1": 200_00}


def test_a_payment_dated_tomorrow_changes_nothing_today(ledger, witnesses, tmp_path):
    pay(ledger, tmp_path, "N1,A1,2026-11-13,300.00")
    ledger.send(witnesses)
    assert "合计379.99元" in witnesses.messages["sms"].got[0].text


def test_a_payment_that_arrives_while_a_dispatch_is_sending_is_seen_by_its_next_batch(world, tmp_path):
    customer(world, EMAIL, SMS)
    freeze(world, tmp_path / "feeds")
    world.plan()
    late = world.at(time(11))

    class Paying(Witness):
        def send(self, message, still_ours):
            pay(late, tmp_path, "N1,A1,2026-11-12,300.00", "N2,A2,2026-11-12,80.00")
            return super().send(message, still_ours)

    channels = Channels(world.policy, {"sms": Paying("sms"), "email": Paying("email")})
    first = late.send(channels, limit=1)
    assert (first["sent"], late.send(channels)["withheld"]) == (1, 1)
    balances = Balances(late.rt, DAY, world.policy)
    with reading(world.engine) as connection:
        assert balances.of(connection, {"A1": "ref-A1"})["A1"].overdue_minor == 0
    pay(late, tmp_path, "N3,A1,2026-11-12,-300.00", name="more.csv")
    with reading(world.engine) as connection:
        assert balances.of(connection, {"A1": "ref-A1"})["A1"].overdue_minor == 300_00


TOLD = ("N1,A1,2026-11-11,300.00", "N2,A2,2026-11-11,79.99")
"""Both customers paid all they owe, and we were told on the day before the ledger."""


def test_who_paid_yesterday_hears_nothing_though_the_ledger_of_today_does_not_know_it_yet(world, witnesses, tmp_path):
    customer(world, SMS)
    pay(world.at(time(5)), tmp_path, *TOLD, on=DAY - ONE_DAY)
    freeze(world, tmp_path / "feeds")
    world.plan()
    world.at(time(11)).send(witnesses)
    assert [row.reason for row in world.rows(contact)] == ["paid"]
    assert witnesses.messages["sms"].got == []


@pytest.mark.parametrize(("told_on", "still_owed"), [(date(2026, 11, 9), 79_99), (date(2026, 11, 10), 0)])
def test_a_payment_that_no_ledger_brings_counts_as_long_as_money_may_be_in_flight(
    world, witnesses, tmp_path, told_on, still_owed
):
    customer(world, SMS)
    pay(world.at(time(5)), tmp_path, "N2,A2,2026-11-09,79.99", on=told_on)
    freeze(world, tmp_path / "feeds")
    with reading(world.engine) as connection:
        found = Balances(world.rt, DAY, world.policy).of(connection, {"A2": "ref-A2"})
    assert found.get("A2", Balance(79_99, 1, 1, 0)).overdue_minor == still_owed


def test_a_ledger_of_open_items_is_taken_to_hold_all_that_was_told_before_it(world, tmp_path):
    customer(world, SMS)
    pay(world.at(time(5)), tmp_path, *TOLD, on=DAY - ONE_DAY)
    freeze(world, tmp_path / "feeds", open_items=True)
    with reading(world.engine) as connection:
        assert Balances(world.rt, DAY, world.policy).of(connection, {"A1": "ref-A1", "A2": "ref-A2"}) == {}


@pytest.mark.parametrize(("paid_on", "owed"), [("2026-07-01", None), ("2026-11-11", 0)])
def test_beside_open_items_money_paid_long_ago_that_is_listed_again_takes_nothing_off(world, tmp_path, paid_on, owed):
    customer(world, SMS)
    freeze(world, tmp_path / "feeds", open_items=True)
    pay(world.at(time(11)), tmp_path, f"N1,A1,{paid_on},300.00")
    with reading(world.engine) as connection:
        found = Balances(world.rt, DAY, world.policy).of(connection, {"A1": "ref-A1"})
    assert {one.overdue_minor for one in found.values()} == (set() if owed is None else {owed})


def test_of_what_was_told_yesterday_only_what_the_ledger_lacks_counts_beside_it(world, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "batches", partial(snapshot.batches, rows=1))
    customer(world, SMS)
    pay(world.at(time(5)), tmp_path, *TOLD, "B2,A1,2026-11-11,1.00", on=DAY - ONE_DAY)
    freeze(world, tmp_path / "feeds", paid="N1,A1,2026-11-11,300.00\nB2,A1,2026-11-11,1.00\n")
    assert [(row.account_id, row.payment_id) for row in world.rows(unbooked_payment)] == [("A2", "N2")]


def test_however_many_paid_no_question_names_more_accounts_than_a_database_takes(world, tmp_path, monkeypatch):
    customer(world, SMS)
    freeze(world, tmp_path / "feeds")
    world.plan()
    pay(world.at(time(11)), tmp_path, "N1,A1,2026-11-12,300.00", "N2,A2,2026-11-12,80.00")
    monkeypatch.setattr(balance, "AT_ONCE", 1)
    balances, both, named = Balances(world.rt, DAY, world.policy), {"A1": "ref-A1", "A2": "ref-A2"}, []
    counting = event.listens_for(world.engine, "before_cursor_execute")
    counting(lambda _c, _cursor, _statement, values, _context, _many: named.append(len(both.keys() & set(values))))
    with reading(world.engine) as connection:
        balances.of(connection, {})
        found = balances.of(connection, both)
    assert {account_id: one.overdue_minor for account_id, one in found.items()} == {"A1": 0, "A2": 0}
    assert max(named) == 1


def test_who_fell_below_a_rung_by_a_payment_gets_no_step_of_that_rung(world, witnesses, tmp_path):
    customer(world, LETTER, rung=3)
    freeze(world, tmp_path / "feeds")
    world.plan()
    pay(world.at(time(11)), tmp_path, "N1,A1,2026-11-12,200.00", "N2,A2,2026-11-12,79.99")
    world.at(time(11)).send(witnesses)
    assert [(row.state, row.reason) for row in world.rows(contact)] == [("withheld", "every_item_held")]
    (held,) = [event for event in world.events() if event["type"] == "action.withheld"]
    assert sorted(held["data"]["dropped"].values()) == ["no_longer_due", "paid"]


def test_a_trifle_left_after_a_payment_causes_no_contact(world, witnesses, tmp_path):
    customer(world, SMS | {"step": "visit"}, rung=2)
    freeze(world, tmp_path / "feeds")
    world.plan()
    pay(world.at(time(11)), tmp_path, "N1,A1,2026-11-12,299.50", "N2,A2,2026-11-12,80.00")
    world.at(time(11)).send(witnesses)
    assert witnesses.messages["sms"].got == []


def test_a_newer_ledger_that_nothing_was_decided_on_yet_is_asked_before_anything_leaves(world, witnesses, tmp_path):
    customer(world, SMS)
    freeze(world, tmp_path / "feeds")
    world.plan()
    second = world.run("daily-2026-11-12-2")
    freeze(world.at(time(11)), tmp_path / "corrected", paid="B2,A1,2026-11-11,250.00\nB3,A2,2026-11-11,80.00\n",
           run_id=second)  # fmt: skip
    world.at(time(11)).send(witnesses)
    (message,) = witnesses.messages["sms"].got
    assert "合计50.00元" in message.text
    assert reasons(world) == {"A1": None, "A2": "paid"}


def test_a_debit_sent_to_the_bank_after_the_plan_stops_the_message(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(
            debit.insert().values(debit_id="D1", account_id="A1", requested_on=DAY, amount_minor=1, result="pending")
        )
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == ["hold_payment_in_flight"]


def test_an_agreement_approved_after_the_plan_stops_the_message(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(
            plan.insert().values(
                plan_key=ZERO, account_id="A1", signed_on=DAY, first_due_on=DAY + timedelta(days=9), instalments=3,
                amount_each_minor=1, approved_by="S-1",
            )
        )  # fmt: skip
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == ["hold_plan"]


def test_who_is_no_longer_a_party_of_a_contract_does_not_hear_of_it(world, witnesses):
    one_customer(world, SMS, accounts=2)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(delete(account_party).where(account_party.c.account_id == "A2"))
    world.send(witnesses)
    assert "A2" not in witnesses.messages["sms"].got[0].text
    assert reasons(world) == {"A1": None, "A2": "no_longer_a_party"}


def test_a_talk_this_morning_takes_the_call_off_the_list(world, witnesses):
    one_customer(world, CALL, SMS)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(
            outcome.insert().values(
                outcome_key=natural_key("talk"), account_id="A1", party_id="P1", channel="call",
                at="2026-11-12T01:15:00Z", outcome="contacted",
            )
        )  # fmt: skip
    world.send(witnesses)
    assert {(row.channel, row.state, row.reason) for row in world.rows(contact)} == {
        ("sms", "sent", None),
        ("call", "withheld", "recent_conversation"),
    }


def told(world: World, party_id: str, channel: str, word: str, at: str, account_id: str = "A1") -> None:
    key = natural_key(account_id, party_id, channel, at, word)
    row = {"outcome_key": key, "account_id": account_id, "party_id": party_id, "channel": channel, "at": at}
    with writing(world.engine) as connection:
        connection.execute(outcome.insert().values(row | {"outcome": word}))


@pytest.mark.parametrize(
    ("at", "state"),
    [("2026-11-12T01:15:00Z", "withheld"), ("2026-11-06T01:15:00Z", "withheld"), ("2026-11-05T01:15:00Z", "sent")],
)
def test_who_refused_at_the_door_is_not_called_for_a_week_about_any_contract(world, witnesses, at, state):
    one_customer(world, CALL, SMS, accounts=2)
    world.plan()
    told(world, "P1", "visit", "refused", at)
    world.send(witnesses)
    reason = "recent_refusal" if state == "withheld" else None
    assert {(row.channel, row.state, row.reason) for row in world.rows(contact)} == {
        ("sms", "sent", None),
        ("call", state, reason),
    }


def test_a_refusal_of_the_co_borrower_takes_the_borrowers_call_off_the_list_and_not_the_guarantors(world, witnesses):
    for number in (1, 2, 3):
        world.person(f"P{number}", mobile=f"1380000000{number}")
    world.account("A1", {"P1": "borrower", "P2": "co_borrower", "P3": "guarantor"})
    world.account("B1", {"P1": "borrower"})
    for account_id in ("A1", "B1"):
        world.decide(account_id, [CALL, GUARANTOR_CALL])
    with writing(world.engine) as connection:
        connection.execute(episode.insert().values(account_id="A1", first_unpaid_due=date(2026, 11, 2), opened_on=DAY))
    world.plan()
    told(world, "P2", "visit", "refused", "2026-11-12T01:15:00Z")
    world.send(witnesses)
    left = {(row.account_id, row.party_id): row.dropped_reason for row in world.rows(item)}
    assert left["A1", "P1"] == "recent_refusal"
    assert left["B1", "P1"] is None
    assert {row.party_id: row.state for row in world.rows(contact)} == {"P1": "sent", "P2": "withheld", "P3": "sent"}


REMINDER = SMS | {"step": "promise_reminder", "tone": "courteous", "occasion": "promise"}
THANKS = SMS | {"step": "thank_you", "tone": "courteous", "occasion": "cured"}
TOMORROW = DAY + timedelta(days=1)


def promised(
    world: World, account_id: str, amount_minor: int = 50_00, due_on: date = TOMORROW, made_on: date = date(2026, 11, 5)
) -> None:
    row = {"account_id": account_id, "made_on": made_on, "due_on": due_on, "amount_minor": amount_minor}
    with writing(world.engine) as connection:
        connection.execute(promise.insert().values(promise_key=natural_key(account_id, str(due_on)), **row))


def test_a_promise_is_reminded_of_with_its_own_amount_and_day_though_it_holds_everything_else(world, witnesses):
    one_customer(world, REMINDER, EMAIL)
    promised(world, "A1")
    world.plan()
    world.send(witnesses)
    [message] = witnesses.messages["sms"].got
    assert "2026-11-13" in message.text
    assert "合计50.00元" in message.text
    assert {(row.channel, row.state, row.reason) for row in world.rows(contact)} == {
        ("sms", "sent", None), ("email", "withheld", "promise_open")}  # fmt: skip


def test_an_instalment_of_a_plan_is_reminded_of_though_the_plan_holds_everything_else(world, witnesses):
    one_customer(world, REMINDER, EMAIL)
    agreed = {"signed_on": date(2026, 11, 1), "first_due_on": TOMORROW, "instalments": 3, "amount_each_minor": 70_00}
    with writing(world.engine) as connection:
        connection.execute(
            plan.insert().values(plan_key=ZERO, account_id="A1", approved_by="S-1", state="active", **agreed)
        )
    world.plan()
    world.send(witnesses)
    [message] = witnesses.messages["sms"].got
    assert "2026-11-13" in message.text
    assert "合计70.00元" in message.text
    assert {(row.channel, row.state, row.reason) for row in world.rows(contact)} == {
        ("sms", "sent", None), ("email", "withheld", "hold_plan")}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"withdrawn_on": DAY}, "no_longer_due"),
        ({"state": "kept"}, "no_longer_due"),
        ({"due_on": DAY + timedelta(days=5)}, "no_longer_due"),
        ({"amount_minor": 60_00}, "no_longer_due"),
    ],
)
def test_a_promise_taken_back_kept_or_changed_since_the_plan_is_not_reminded_of(world, witnesses, change, reason):
    one_customer(world, REMINDER)
    promised(world, "A1")
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(update(promise).values(**change))
    world.send(witnesses)
    assert [(row.state, row.reason) for row in world.rows(contact)] == [("withheld", reason)]


def test_who_paid_what_was_promised_at_noon_is_not_reminded_and_who_paid_less_is(world, witnesses, tmp_path):
    customer(world, REMINDER)
    for account_id in ("A1", "A2"):
        promised(world, account_id)
    freeze(world, tmp_path / "feeds")
    world.plan()
    pay(world, tmp_path, "N1,A1,2026-11-12,48.00", "N2,A2,2026-11-12,40.00")
    world.at(time(13)).send(witnesses)
    assert reasons(world) == {"A1": "paid", "A2": None}
    assert "付款10.00元" in witnesses.messages["sms"].got[0].text, "what is left at that moment, not in the morning"
    assert [(row.total_minor, row.currency) for row in world.rows(contact)] == [(10_00, "CNY")]


def test_a_reminder_tried_again_after_more_money_came_names_what_is_left_then(world, tmp_path):
    customer(world, REMINDER)
    promised(world, "A1")
    freeze(world, tmp_path / "feeds")
    world.plan()
    pay(world, tmp_path, "N1,A1,2026-11-12,20.00")
    silent, open_again = Witness("sms", not_sent("no_route")), Witness("sms")
    world.at(time(13)).send(Channels(world.policy, {"sms": silent}))
    assert "付款30.00元" in silent.got[0].text
    pay(world, tmp_path, "N2,A1,2026-11-12,5.00", name="later.csv")
    world.at(time(15)).send(Channels(world.policy, {"sms": open_again}))
    assert "付款25.00元" in open_again.got[0].text


def test_of_a_promise_kept_in_part_the_rest_is_reminded_of_and_the_rest_alone_keeps_it(world, witnesses, tmp_path):
    customer(world, REMINDER)
    for account_id in ("A1", "A2"):
        promised(world, account_id, 100_00 if account_id == "A1" else 50_00)
    freeze(world, tmp_path / "feeds", paid="B8,A1,2026-11-08,60.00\nB9,A2,2026-11-08,20.00\n")
    world.decide("A1", [REMINDER | {"rung": 1}], overdue=240_00, instalments=3, revision=2)
    world.decide("A2", [REMINDER | {"rung": 1}], overdue=59_99, instalments=1, revision=2)
    world.plan()
    assert {row.account_id: row.amount_minor for row in world.rows(item)} == {"A1": 40_00, "A2": 30_00}
    pay(world, tmp_path, "N1,A1,2026-11-12,40.00")
    world.at(time(13)).send(witnesses)
    assert reasons(world) == {"A1": "paid", "A2": None}
    assert "付款30.00元" in witnesses.messages["sms"].got[0].text


def test_the_promise_that_falls_due_unpaid_is_reminded_of_and_not_one_kept_before_its_day(world, witnesses, tmp_path):
    customer(world, REMINDER)
    promised(world, "A1", 50_00, due_on=DAY)
    promised(world, "A1", 70_00, made_on=DAY)
    freeze(world, tmp_path / "feeds", paid="B8,A1,2026-11-11,50.00\n")
    world.decide("A1", [REMINDER | {"rung": 1}], overdue=250_00, instalments=3, revision=2)
    world.plan()
    assert {row.account_id: (row.amount_minor, row.due_on) for row in world.rows(item)} == {"A1": (70_00, TOMORROW)}
    world.send(witnesses)
    assert "您约定于2026-11-13付款70.00元" in witnesses.messages["sms"].got[0].text


def test_a_part_payment_pause_stops_the_reminder_of_a_promise_and_a_dispute_the_thanks(world, witnesses):
    one_customer(world, REMINDER)
    promised(world, "A1")
    world.person("P2", mobile="13800000002")
    world.account("B1", {"P2": "borrower"})
    world.decide("B1", [THANKS], overdue=0, instalments=0)
    world.plan()
    with writing(world.engine) as connection:
        since = {"first_unpaid_due": date(2026, 11, 2), "opened_on": date(2026, 11, 3)}
        connection.execute(episode.insert().values(account_id="A1", quiet_until=DAY, **since))
        held = {"kind": "dispute", "from_on": DAY, "hold_key": natural_key("B1")}
        connection.execute(hold.insert().values(account_id="B1", **held))
    world.send(witnesses)
    assert {row.party_id: row.reason for row in world.rows(contact)} == {
        "P1": "hold_part_payment", "P2": "hold_dispute"}  # fmt: skip


ALONE = {"step": "guarantor_demand", "channel": "letter", "audience": "guarantors", "tone": "serious", "rung": 1}


@pytest.mark.parametrize(
    ("holds", "reason"),
    [
        (("bankrupt",), None),
        (("bankrupt", "dispute"), "hold_dispute"),
        (("deceased",), "hold_deceased"),
        ((), "no_longer_due"),
    ],
)
def test_the_letter_to_guarantors_alone_leaves_while_nothing_but_the_debtors_own_fate_holds(
    world, witnesses, holds, reason
):
    world.person("P1")
    world.person("P2", mobile="13800000002")
    world.account("A1", {"P1": "borrower", "P2": "guarantor"})
    world.decide("A1", [ALONE, EMAIL])
    world.plan()
    with writing(world.engine) as connection:
        for kind in holds:
            connection.execute(
                hold.insert().values(account_id="A1", kind=kind, from_on=DAY, hold_key=natural_key(kind))
            )
    world.send(witnesses)
    [letter] = world.rows(contact, channel="letter")
    assert (letter.party_id, letter.state, letter.reason) == ("P2", "withheld" if reason else "sent", reason)
    [mail] = world.rows(contact, channel="email")
    assert (mail.state == "sent") is not bool(holds), "the debtor hears nothing"


def test_who_paid_everything_is_thanked_and_asked_for_nothing(world, witnesses):
    one_customer(world)
    world.decide("A1", [THANKS], overdue=0, instalments=0, revision=2)
    world.plan()
    world.send(witnesses)
    [message] = witnesses.messages["sms"].got
    assert "感谢您付清逾期款项" in message.text
    assert "付款：" not in message.text
    assert [row.amount_minor for row in world.rows(item)] == [0]


def test_who_is_in_arrears_again_by_noon_is_not_thanked(world, witnesses, tmp_path):
    world.person("P1")
    world.account("A1", {"P1": "borrower"})
    world.account("A2", {"P1": "borrower"})
    world.decide("A1", [SMS], overdue=300_00, instalments=3)
    world.decide("A2", [THANKS], overdue=0, instalments=0)
    freeze(world, tmp_path / "feeds", paid="B2,A2,2026-11-10,79.99\n")
    world.plan()
    pay(world, tmp_path, "N1,A2,2026-11-12,-79.99")
    world.at(time(13)).send(witnesses)
    assert reasons(world) == {"A1": None, "A2": "no_longer_due"}


@pytest.mark.parametrize(
    ("step", "days", "reason"),
    [
        (THANKS, (6, 9), None),
        (THANKS, (7, 9), "cap_reserved"),
        (REMINDER, (7, 9), "cap_reserved"),
        (SMS, (7, 9), None),
    ],
)
def test_thanks_and_reminders_of_promises_leave_the_week_room_for_the_message_of_the_13th(
    world, witnesses, step, days, reason
):
    one_customer(world)
    paid = step is THANKS
    world.decide("A1", [step], overdue=0 if paid else 100_00, instalments=0 if paid else 1, revision=2)
    if step is REMINDER:
        promised(world, "A1")
    world.plan()
    with writing(world.engine) as connection:
        for day in days:
            told = {"account_id": "A1", "party_id": "P1", "channel": "sms", "outcome": "delivered"}
            connection.execute(outcome.insert().values(
                outcome_key=natural_key(day), at=f"2026-11-{day:02}T02:00:00Z", **told))  # fmt: skip
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == [reason]


@pytest.mark.parametrize(("consents", "state"), [(None, "withheld"), ("email", "withheld"), ("email;sms", "sent")])
def test_where_consent_is_required_only_who_gave_it_is_reached(world, witnesses, consents, state):
    asking = world.policy.model_copy(
        update={"contact": world.policy.contact.model_copy(update={"consent_required": ["sms"]})}
    )
    with writing(world.engine) as connection:
        connection.execute(update(run).values(policy_sha256=asking.sha256))
    one_customer(world, SMS, consents="sms")
    replace(world, policy=asking).plan()
    with writing(world.engine) as connection:
        connection.execute(update(party).values(consents=consents))
    world.send(Channels(asking, dict(witnesses.messages)))
    assert [row.state for row in world.rows(contact)] == [state]


def test_without_consent_nothing_is_planned(world):
    asking = world.policy.model_copy(
        update={"contact": world.policy.contact.model_copy(update={"consent_required": ["sms"]})}
    )
    one_customer(world, SMS)
    assert replace(world, policy=asking).plan().suppressed == {"no_consent": 1}


def test_a_time_zone_that_does_not_exist_is_a_question_for_a_person_not_a_guess(world):
    one_customer(world, SMS, time_zone="Asia/Nowhere")
    assert world.plan().suppressed == {"time_zone_unknown": 1}
    assert [row.reason for row in world.rows(suppression)] == ["time_zone_unknown"]


def test_without_a_zone_on_file_the_hours_are_those_of_every_place_the_number_allows(world, witnesses):
    one_customer(world, SMS, mobile="+12125551234")
    world.plan()
    assert [row.slot_opens_at for row in world.rows(contact)] == ["2026-11-12T14:00:00Z"], "nine in New York"
    assert world.send(witnesses)["sent"] == 0, "ten in the morning here is nine at night there"
    assert world.at(time(23)).send(witnesses)["sent"] == 1


def test_a_number_that_may_be_anywhere_is_a_question_for_a_person_not_a_guess(world):
    one_customer(world, SMS, LETTER, mobile="+18005551234")
    assert world.plan().suppressed == {"time_zone_unknown": 1}
    assert [row.channel for row in world.rows(contact)] == ["letter"], "paper needs no hour"


def test_who_prefers_mail_gets_the_message_by_mail_and_others_as_the_step_says(world, witnesses):
    step = SMS | {"step": "arrears_sms"}
    one_customer(world, step, preferred_channel="email")
    world.person("P2", preferred_channel="call")
    world.person("P3", preferred_channel="email", email=None)
    for number, party_id in ((2, "P2"), (3, "P3")):
        world.account(f"A{number}", {party_id: "borrower"})
        world.decide(f"A{number}", [step], overdue=100_00, instalments=1)
    world.plan()
    assert {row.party_id: row.channel for row in world.rows(contact)} == {"P1": "email", "P2": "sms", "P3": "sms"}
    assert world.send(witnesses)["sent"] == 3, "at the moment of sending it is still what the day asked for"


def test_a_step_that_leaves_no_choice_goes_by_its_own_channel(world):
    one_customer(world, SMS | {"step": "courtesy_sms_first"}, preferred_channel="email")
    world.plan()
    assert [row.channel for row in world.rows(contact)] == ["sms"]


def test_far_west_the_day_goes_on_after_the_offices_midnight(world, witnesses):
    one_customer(world, SMS, time_zone="America/Los_Angeles")
    world.plan()
    after_midnight = world.at(time(1, 30), DAY + timedelta(days=1))
    assert open_days(world.engine, after_midnight.rt.clock.now()) == [DAY]
    assert after_midnight.send(witnesses)["sent"] == 1, "half past nine in the morning of the same day there"


def test_no_work_list_item_is_issued_on_a_holiday(world, witnesses):
    holiday = date(2026, 10, 1)
    run_id = world.run("daily-2026-10-01-1", day=holiday)
    one_customer(world.at(time(10), holiday), CALL)
    with writing(world.engine) as connection:
        from arrears.store.tables.decisions import decision

        connection.execute(update(decision).values(business_date=holiday))
    later = world.at(time(10), holiday)
    later.plan(run_id, holiday)
    dispatch(later.rt, later.engine, run_id, witnesses, business_date=holiday)
    assert [row.reason for row in world.rows(contact)] == ["not_a_working_day"]


def test_another_policy_than_the_days_sends_nothing_and_says_so(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    other = world.policy.model_copy(update={"version": "9.9"})
    with pytest.raises(GateHeld, match=r"cn 9\.9"):
        world.send(Channels(other, dict(witnesses.messages)))
    assert world.states() == {"planned": 1}
    assert world.send(witnesses)["sent"] == 1


def test_a_day_decided_anew_under_another_policy_stops_who_is_sending_under_the_old_one(world, witnesses, monkeypatch):
    monkeypatch.setattr("arrears.outreach.dispatch.BATCH", 1)
    one_customer(world, SMS, EMAIL)
    world.plan()
    other = world.policy.model_copy(update={"version": "9.9"})

    class Deciding(Witness):
        def send(self, message, still_ours):
            with writing(world.engine) as connection:
                text = {"policy_id": "cn", "version": "9.9", "effective_from": DAY, "body": "{}"}
                connection.execute(policy_text.insert().values(policy_sha256=other.sha256, **text))
                connection.execute(update(run).values(policy_sha256=other.sha256))
            return super().send(message, still_ours)

    with pytest.raises(GateHeld, match="was decided under"):
        world.send(Channels(world.policy, {"sms": Deciding("sms"), "email": Deciding("email")}))
    assert world.states() == {"sent": 1, "planned": 1}
