"""From decisions to people: planned once per person, gated again at the moment of sending, sent at most once."""

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, time, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from outreach_world import CALL, DAY, EMAIL, GUARANTOR_CALL, LETTER, SMS, ZERO, Witness, World, one_customer
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.outreach.batches import batches_of
from arrears.outreach.channels import Channels, open_channels
from arrears.outreach.message import Message
from arrears.outreach.planned import refresh_totals
from arrears.outreach.sms_length import segments
from arrears.outreach.totals import date_totals, run_actions
from arrears.outreach.verdict import Outcome, Verdict, not_sent
from arrears.reports.worklist_rows import rows_by_desk
from arrears.sandbox.mail import MailSandbox
from arrears.sandbox.sms import SmsSandbox
from arrears.store.engine import reading, writing
from arrears.store.identity import set_pause
from arrears.store.tables.feeds import account, hold, outcome, promise
from arrears.store.tables.outreach import contact, contact_attempt, item, person_budget, suppression
from arrears.store.tables.people import account_party, party
from arrears.store.tables.runs import run


@contextmanager
def sandboxes(world: World):
    home = world.rt.settings.home / "sandbox"
    with MailSandbox(home / "mail") as mail, SmsSandbox(home / "sms") as sms:
        settings = world.rt.settings.model_copy(update={"smtp_url": mail.url, "sms_url": sms.url})
        with open_channels(settings, world.policy, world.rt.clock) as channels:
            yield channels, mail, sms


# --- planning ---


def test_two_steps_of_a_day_for_one_contract_are_one_debt_in_the_total_and_one_row_on_the_list(world):
    one_customer(world, CALL, CALL | {"step": "reminder_call"}, accounts=2)
    assert world.plan().items == 4
    (row,) = world.rows(contact)
    assert row.total_minor == 300_00
    with writing(world.engine) as connection:
        refresh_totals(connection, {row.contact_id})
    assert [row.total_minor for row in world.rows(contact)] == [300_00]
    with reading(world.engine) as connection:
        lists = [[row.account_id for row in rows] for _desk, rows in rows_by_desk(connection, DAY)]
    assert lists == [["A1", "A2"]]


def test_a_promise_beside_arrears_counts_neither_in_the_contacts_total_nor_in_its_message(world, witnesses):
    one_customer(world, SMS)
    world.account("B1", {"P1": "borrower"})
    world.decide("B1", [SMS | {"step": "promise_reminder", "occasion": "promise"}])
    made = {"made_on": date(2026, 11, 5), "due_on": DAY + timedelta(days=1), "amount_minor": 50_00}
    with writing(world.engine) as connection:
        connection.execute(promise.insert().values(promise_key="0" * 64, account_id="B1", **made))
    world.plan()
    (row,) = world.rows(contact)
    with writing(world.engine) as connection:
        refresh_totals(connection, {row.contact_id})
    assert [row.total_minor, *(one.total_minor for one in world.rows(contact))] == [100_00, 100_00]
    world.send(witnesses)
    assert "合计100.00元" in witnesses.messages["sms"].got[0].text


def test_a_contacts_total_is_in_the_currency_of_what_is_owed_though_the_promise_beside_it_is_in_another(
    world, witnesses
):
    one_customer(world, SMS)
    world.account("B1", {"P1": "borrower"})
    world.decide("B1", [SMS | {"step": "promise_reminder", "occasion": "promise"}], currency="USD", instalments=3)
    made = {"made_on": date(2026, 11, 5), "due_on": DAY + timedelta(days=1), "amount_minor": 50_00}
    with writing(world.engine) as connection:
        connection.execute(promise.insert().values(promise_key=ZERO, account_id="B1", **made))
    world.plan()
    [row] = world.rows(contact)
    assert (row.total_minor, row.currency) == (100_00, "CNY")
    with writing(world.engine) as connection:
        connection.execute(item.update().where(item.c.account_id == "A1").values(dropped_reason="paid"))
        refresh_totals(connection, {row.contact_id})
    assert [(one.total_minor, one.currency) for one in world.rows(contact)] == [(50_00, "USD")]


def test_a_person_with_five_contracts_gets_one_message_with_all_of_them_and_the_total(world, witnesses):
    one_customer(world, SMS, accounts=5)
    result = world.plan()
    assert (result.planned, result.items) == (1, 5)
    (row,) = world.rows(contact)
    assert (row.total_minor, row.stage) == (1500_00, 3)
    assert world.send(witnesses)["sent"] == 1
    (message,) = witnesses.messages["sms"].got
    assert all(f"合同A{number}" in message.text for number in range(1, 6))
    assert "合计1,500.00元" in message.text


def test_a_second_plan_of_the_same_day_plans_nothing(world):
    one_customer(world, SMS, CALL)
    first, second = world.plan(), world.plan(world.run("daily-2026-11-12-2"))
    assert (first.planned, second.planned, second.items, second.suppressed) == (2, 0, 0, first.suppressed)
    with reading(world.engine) as connection:
        assert run_actions(connection, "daily-2026-11-12-2", DAY)["planned"] == 0


def test_guarantors_are_their_own_contacts_and_a_borrower_is_never_asked_as_guarantor(world):
    world.person("P1")
    world.person("P2", mobile="13800000002")
    world.account("A1", {"P1": "borrower", "P2": "guarantor"})
    world.decide("A1", [CALL, GUARANTOR_CALL])
    with writing(world.engine) as connection:
        connection.execute(account_party.insert().values(account_id="A1", party_id="P1", role="guarantor"))
    assert world.plan().planned == 2
    assert {(row.party_id, row.audience) for row in world.rows(contact)} == {("P1", "borrower"), ("P2", "guarantors")}


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ({"mobile": None}, "no_contact_point"),
        ({"mobile": "   "}, "no_contact_point"),
        ({"opt_outs": "email;sms"}, "opted_out"),
        ({"mobile": "0571-88886666"}, "land_line"),
        ({"mobile": "abc"}, "invalid"),
        ({"mobile": "1380000\r\nTo: 1"}, "invalid"),
    ],
)
def test_who_cannot_be_reached_is_suppressed_with_the_reason(world, person, reason):
    one_customer(world, SMS, **person)
    assert world.plan().suppressed == {reason: 1}
    assert [row.reason for row in world.rows(suppression, party_id="P1")] == [reason]
    assert [event["data"]["reason"] for event in world.events() if event["type"] == "action.suppressed"] == [reason]


def test_a_number_found_wrong_is_left_alone_until_somebody_is_reached_there(world):
    one_customer(world, SMS)

    def tell(at: str, result: str) -> None:
        with writing(world.engine) as connection:
            connection.execute(
                outcome.insert().values(
                    outcome_key=natural_key(at, result),
                    account_id="A1",
                    party_id="P1",
                    channel="call",
                    at=at,
                    outcome=result,
                )
            )

    tell("2026-09-01T02:00:00Z", "wrong_number")
    assert world.plan().suppressed == {"invalid": 1}
    tell("2026-09-02T02:00:00Z", "contacted")
    assert world.plan().planned == 1


def test_what_decide_suppressed_is_kept_with_every_reason(world):
    one_customer(world)
    world.decide(
        "A1",
        [],
        revision=2,
        suppressed=[
            {
                "step": "visit",
                "channel": "visit",
                "audience": "borrower",
                "reasons": ["evidence_missing", "hold_dispute"],
            }
        ],
    )
    assert world.plan().suppressed == {"evidence_missing": 1, "hold_dispute": 1}
    assert {row.party_id for row in world.rows(suppression)} == {"*"}


def test_a_past_day_is_planned_and_withheld(world, witnesses):
    one_customer(world, SMS, CALL)
    late = world.at(time(10), DAY + timedelta(days=1))
    result = late.plan()
    assert (result.planned, result.withheld) == (2, 2)
    assert {(row.state, row.reason) for row in world.rows(contact)} == {("withheld", "past_date")}
    assert sum(late.send(witnesses).values()) == 0
    assert world.at(time(10)).send(witnesses)["sent"] == 0, "a later clock never revives it"
    with reading(world.engine) as connection:
        assert date_totals(connection, DAY)["withheld"] == {"past_date": 2}


def test_a_correction_joins_what_has_not_left_and_never_resends(any_world, witnesses):
    world = any_world
    one_customer(world, SMS)
    world.plan()
    world.account("A9", {"P1": "borrower"})
    second = world.run("daily-2026-11-12-2")
    world.decide("A9", [SMS], overdue=50_00, run_id=second)
    absorbed = world.plan(second)
    assert (absorbed.planned, absorbed.items) == (0, 1)
    assert [row.total_minor for row in world.rows(contact)] == [150_00]
    assert world.send(witnesses)["sent"] == 1
    world.account("A10", {"P1": "borrower"})
    third = world.run("daily-2026-11-12-3")
    world.decide("A10", [SMS], overdue=70_00, run_id=third)
    assert world.plan(third).suppressed == {"already_contacted_today": 1}
    assert world.send(witnesses)["sent"] == 0


def test_a_correction_that_finds_the_debt_paid_withdraws_the_contact(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    second = world.run("daily-2026-11-12-2")
    world.decide("A1", [], revision=2, overdue=0, instalments=0, run_id=second)
    assert world.plan(second).withdrawn == 1
    assert world.states() == {"withdrawn": 1}
    assert world.send(witnesses)["sent"] == 0
    assert world.plan(second).withdrawn == 0


def test_a_corrected_amount_is_what_the_message_says(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    second = world.run("daily-2026-11-12-2")
    world.decide("A1", [SMS], revision=2, overdue=80_00, run_id=second)
    world.plan(second)
    world.send(witnesses)
    assert "80.00" in witnesses.messages["sms"].got[0].text
    assert "100.00" not in witnesses.messages["sms"].got[0].text


def test_an_amount_corrected_after_the_message_left_is_a_conflict_on_record_and_no_second_message(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    world.send(witnesses)
    second = world.run("daily-2026-11-12-2")
    world.decide("A1", [SMS], revision=2, overdue=70_00, run_id=second)
    assert world.plan(second).planned == 0
    assert world.send(witnesses, second)["sent"] == 0
    (event,) = [one for one in world.events() if one["type"] == "action.conflict"]
    assert event["data"] == {"said_minor": 100_00, "now_minor": 70_00, "currency": "CNY"}


def test_an_item_done_on_an_earlier_day_is_not_done_again(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    world.send(witnesses)
    tomorrow = DAY + timedelta(days=1)
    later = world.at(time(10), tomorrow)
    run_id = world.run("daily-2026-11-13-1", day=tomorrow)
    later.decide("A1", [SMS], day=tomorrow, run_id=run_id)
    assert later.plan(run_id, tomorrow).suppressed == {"already_done": 1}


def test_every_planned_item_has_an_event_that_names_its_decision_and_no_person(world):
    one_customer(world, SMS, CALL, accounts=2)
    world.plan()
    planned = [event for event in world.events() if event["type"] == "action.planned"]
    assert {event["subject_ref"] for event in planned} == {"ref-A1", "ref-A2"}
    assert all(event["causes"] == [natural_key(event["subject_ref"], "2026-11-12", 1)] for event in planned)
    assert len(planned) == 4
    text = json.dumps(world.events(), ensure_ascii=False)
    assert not any(secret in text for secret in ("张三", "13800000001", "zhang@", "P1", "某路"))


def test_calls_carry_the_assigned_owner(world):
    one_customer(world, CALL)
    world.plan()
    assert [row.staff_id for row in world.rows(contact)] == ["S1"]


def test_a_preferred_hour_opens_the_slot_late(world, witnesses):
    one_customer(world, SMS, preferred_time="14:00-16:00")
    world.plan()
    assert world.send(witnesses)["sent"] == 0
    assert world.states() == {"planned": 1}
    assert world.at(time(14, 30)).send(witnesses)["sent"] == 1


# --- the moment of sending ---


def test_sent_is_written_with_intent_attempt_and_events(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    world.send(witnesses)
    (row,), (attempt,) = world.rows(contact), world.rows(contact_attempt)
    assert (row.state, row.provider_code, row.attempts) == ("sent", "250", 1)
    assert row.intent_at
    assert row.sent_at
    assert (attempt.outcome, attempt.payload_sha256) == ("sent", row.payload_sha256)
    kinds = [event["type"] for event in world.events() if event["action_id"] == row.contact_id]
    assert kinds == ["action.planned", "action.attempted", "action.sent"]
    with reading(world.engine) as connection:
        done = run_actions(connection, "daily-2026-11-12-1", DAY)
    assert (done["planned"], done["sent"], done["open"]) == (1, 1, 0)


def test_dispatching_twice_sends_once(any_world, witnesses):
    world = any_world
    one_customer(world, SMS, EMAIL, CALL)
    world.plan()
    assert world.send(witnesses)["sent"] == 3
    assert sum(world.send(witnesses).values()) == 0
    assert [len(channel.got) for channel in witnesses.messages.values()] == [1, 1]


@pytest.mark.parametrize("kind", ["dispute", "hardship", "deceased", "payment_in_flight"])
def test_a_hold_that_came_after_the_plan_stops_the_message(world, witnesses, kind):
    one_customer(world, SMS)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(hold.insert().values(hold_key=natural_key(kind), account_id="A1", kind=kind, from_on=DAY))
    assert world.send(witnesses)["withheld"] == 1
    assert [row.reason for row in world.rows(contact)] == [f"hold_{kind}"]
    assert witnesses.messages["sms"].got == []


def test_one_contract_on_hold_stays_out_and_the_others_are_told(any_world, witnesses):
    world = any_world
    one_customer(world, SMS, accounts=3)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(hold.insert().values(hold_key=ZERO, account_id="A2", kind="dispute", from_on=DAY))
    world.send(witnesses)
    (message,) = witnesses.messages["sms"].got
    assert "合同A2" not in message.text
    assert "合计400.00元" in message.text
    assert [row.account_id for row in world.rows(item, dropped_reason="hold_dispute")] == ["A2"]
    attempted = next(event for event in world.events() if event["type"] == "action.attempted")
    assert attempted["data"]["subjects"] == ["ref-A1", "ref-A3"]


def test_a_hold_that_has_ended_stops_nothing(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(
            hold.insert().values(
                hold_key=ZERO,
                account_id="A1",
                kind="complaint",
                from_on=DAY - timedelta(days=9),
                until_on=DAY - timedelta(days=1),
            )
        )
    assert world.send(witnesses)["sent"] == 1


def test_a_promise_made_since_pauses_calls_and_arrears_messages_but_not_the_courtesy_of_the_cycle(world, witnesses):
    one_customer(world, EMAIL, CALL, SMS | {"step": "courtesy_sms_first", "occasion": "cycle"})
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(
            promise.insert().values(
                promise_key=ZERO,
                account_id="A1",
                made_on=DAY,
                due_on=DAY + timedelta(days=2),
                amount_minor=1,
                state="open",
            )
        )
    world.send(witnesses)
    assert {(row.channel, row.state, row.reason) for row in world.rows(contact)} == {
        ("sms", "sent", None),
        ("email", "withheld", "promise_open"),
        ("call", "withheld", "promise_open"),
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data_incomplete": True}, "hold_data_incomplete"),
        ({"is_missing": True}, "account_missing"),
        ({"closed_on": DAY}, "account_closed"),
    ],
)
def test_an_account_that_changed_since_the_plan_is_left_alone(world, witnesses, change, reason):
    one_customer(world, SMS)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(update(account).values(**change))
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == [reason]


def test_an_opt_out_during_the_day_is_obeyed(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(update(party).values(opt_outs="sms"))
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == ["opted_out"]


def test_a_number_that_turns_out_to_be_a_land_line_gets_no_text_and_is_still_called(world, witnesses):
    one_customer(world, SMS, CALL)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(update(party).values(mobile="+86 571-88886666"))
    world.send(witnesses)
    assert {row.channel: (row.state, row.reason) for row in world.rows(contact)} == {
        "sms": ("withheld", "land_line"),
        "call": ("sent", None),
    }


def test_the_intent_of_an_sms_says_how_many_parts_the_network_bills(world, witnesses):
    one_customer(world, SMS, EMAIL)
    world.plan()
    world.send(witnesses)
    told = [event["data"] for event in world.events() if event["type"] == "action.attempted"]
    parts = {data["channel"]: data.get("segments") for data in told}
    assert parts == {"sms": segments(witnesses.messages["sms"].got[0].text), "email": None}
    assert parts["sms"] > 1


def test_a_newer_decision_that_no_longer_wants_the_step_stops_it(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    world.decide("A1", [EMAIL], revision=2)
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == ["no_longer_due"]


def test_nobody_is_contacted_outside_the_window_and_the_day_expires(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    assert sum(world.at(time(8, 59)).send(witnesses).values()) == 0
    assert world.states() == {"planned": 1}
    assert world.at(time(20)).send(witnesses)["expired"] == 1
    assert witnesses.messages["sms"].got == []


def test_the_window_is_that_of_the_person(world, witnesses):
    one_customer(world, SMS, time_zone="Europe/Berlin")
    world.plan()
    assert world.send(witnesses)["sent"] == 0, "ten in Shanghai is three in the morning in Berlin"
    assert world.at(time(17)).send(witnesses)["sent"] == 1


def test_a_call_made_elsewhere_today_counts_against_the_persons_day(world, witnesses):
    one_customer(world, CALL)
    world.plan()
    with writing(world.engine) as connection:
        for hour in range(3):
            connection.execute(
                outcome.insert().values(
                    outcome_key=natural_key(hour),
                    account_id="A1",
                    party_id="P1",
                    channel="call",
                    at=f"2026-11-12T0{hour}:30:00Z",
                    outcome="no_answer",
                )
            )
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == ["cap_day"]


def test_three_messages_in_a_week_are_enough(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    with writing(world.engine) as connection:
        for day in (6, 8, 10):
            connection.execute(
                outcome.insert().values(
                    outcome_key=natural_key(day),
                    account_id="A1",
                    party_id="P1",
                    channel="sms",
                    at=f"2026-11-{day:02}T02:00:00Z",
                    outcome="delivered",
                )
            )
    world.send(witnesses)
    assert [row.reason for row in world.rows(contact)] == ["cap_7_days"]


def test_the_daily_cap_over_all_channels_holds_in_one_dispatch(any_world, witnesses):
    world = any_world
    visit = {"step": "visit", "channel": "visit", "audience": "borrower", "tone": "firm", "rung": 2}
    one_customer(world, SMS, EMAIL, CALL, LETTER, visit)
    world.plan()
    counts = world.send(witnesses)
    assert (counts["sent"], counts["withheld"]) == (3, 2)
    assert {row.reason for row in world.rows(contact, state="withheld")} == {"daily_cap"}
    assert [row.used for row in world.rows(person_budget, channel="all")] == [3]


def test_a_plan_only_run_sends_nothing_until_it_is_released(world, witnesses):
    run_id = world.run("daily-2026-11-12-2", released=False)
    one_customer(world, SMS)
    world.plan(run_id)
    assert sum(world.send(witnesses).values()) == 0
    with writing(world.engine) as connection:
        connection.execute(update(run).values(released=True))
    assert world.send(witnesses)["sent"] == 1


def test_a_paused_store_sends_nothing(world, witnesses):
    one_customer(world, SMS, CALL)
    world.plan()
    with writing(world.engine) as connection:
        set_pause(connection, world.rt, "head")
    assert sum(world.send(witnesses).values()) == 0
    assert world.states() == {"planned": 2}


def test_a_pause_in_the_middle_lets_nothing_more_out(world):
    for number in range(5):
        world.person(f"P{number}", mobile=f"1380000000{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [SMS])
    world.plan()

    class Pausing(Witness):
        def send(self, message: Message, still_ours: Any) -> Verdict:
            with writing(world.engine) as connection:
                set_pause(connection, world.rt, "head")
            return super().send(message, still_ours)

    channel = Pausing("sms")
    assert world.send(Channels(world.policy, {"sms": channel}))["sent"] == 1
    assert len(channel.got) == 1
    assert world.states() == {"sent": 1, "planned": 4}


def test_a_store_of_one_mode_refuses_effects_of_the_other(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    world.send(witnesses)
    live = replace(world, rt=replace(world.rt, settings=world.rt.settings.model_copy(update={"mode": "live"})))
    with pytest.raises(BadArguments):
        live.send(witnesses)


# --- how it ends ---


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (Verdict(Outcome.REJECTED, "rcpt_550"), "rejected", "provider_refused"),
        (Verdict(Outcome.IN_DOUBT, "no_reply"), "in_doubt", "no_reply"),
        (RuntimeError("boom"), "in_doubt", "no_reply"),
        (not_sent("rcpt_450"), "planned", None),
    ],
)
def test_each_verdict_ends_in_its_state(world, answer, state, reason):
    one_customer(world, SMS)
    world.plan()
    world.send(Channels(world.policy, {"sms": Witness("sms", answer)}))
    assert [(row.state, row.reason) for row in world.rows(contact)] == [(state, reason)]


@pytest.mark.parametrize("answer", [Verdict(Outcome.REJECTED, "550"), Verdict(Outcome.IN_DOUBT, "no_reply")])
def test_only_what_surely_did_not_leave_is_tried_again(world, answer):
    one_customer(world, SMS)
    world.plan()
    channel = Witness("sms", answer)
    for hour in (10, 12, 14, 16, 18):
        world.at(time(hour)).send(Channels(world.policy, {"sms": channel}))
    assert len(channel.got) == 1


def test_what_did_not_leave_is_tried_at_most_three_times_and_costs_no_budget(any_world):
    world = any_world
    one_customer(world, SMS)
    world.plan()
    channel = Witness("sms", not_sent("rcpt_450"))
    for hour in (10, 12, 14, 16, 18):
        world.at(time(hour)).send(Channels(world.policy, {"sms": channel}))
    assert len(channel.got) == 3
    assert [(row.state, row.reason) for row in world.rows(contact)] == [("withheld", "gateway_unavailable")]
    assert [row.outcome for row in world.rows(contact_attempt)] == ["not_sent"] * 3
    assert {row.used for row in world.rows(person_budget)} == {0}


def test_a_dead_channel_stops_after_the_first_and_leaves_the_rest_planned(world):
    for number in range(9):
        world.person(f"P{number}", mobile=f"1380000000{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [SMS])
    world.plan()
    channel = Witness("sms", not_sent("connect_failed", channel_down=True))
    assert world.send(Channels(world.policy, {"sms": channel}))["not_sent"] == 1
    assert len(channel.got) == 1
    assert world.states() == {"planned": 9}


def test_a_sent_contact_can_never_become_anything_else(any_world, witnesses):
    world = any_world
    one_customer(world, SMS)
    world.plan()
    world.send(witnesses)
    for change in ({"state": "planned"}, {"state": "in_doubt"}):
        with pytest.raises(DBAPIError), writing(world.engine) as connection:
            connection.execute(update(contact).values(**change))
    with pytest.raises(DBAPIError), writing(world.engine) as connection:
        connection.execute(contact_attempt.delete())


def test_the_schema_refuses_sent_without_a_reply(world):
    one_customer(world, SMS)
    world.plan()
    with pytest.raises(DBAPIError), writing(world.engine) as connection:
        connection.execute(update(contact).values(state="sent"))


def test_two_dispatchers_at_once_send_each_contact_once(any_world, witnesses):
    world = any_world
    for number in range(40):
        world.person(f"P{number}", mobile=f"13800000{number:03}", email=f"p{number}@example.com")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [SMS, CALL])
    world.plan()
    counts: list[dict[str, int]] = []
    workers = [threading.Thread(target=lambda: counts.append(world.send(witnesses))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(count["sent"] for count in counts) == 80
    keys = [message.key for message in witnesses.messages["sms"].got]
    assert len(keys) == len(set(keys)) == 40
    assert world.states() == {"sent": 80}


def test_stages_and_batches_deal_every_contact_out_exactly_once(world, witnesses):
    for number in range(16):
        world.person(f"P{number}", mobile=f"13800000{number:03}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [SMS], instalments=number % 4, overdue=100_00)
    world.plan()
    sent = 0
    for stage in range(4):
        for batch in batches_of(world.engine, DAY, stage):
            sent += world.send(witnesses, stage=stage, batch_no=batch)["sent"]
    assert sent == 16
    assert [batches_of(world.engine, DAY, stage) for stage in range(4)] == [[], [], [], []]


def test_messages_of_a_stage_are_dealt_to_every_mail_slot_and_calls_stay_together(world, monkeypatch):
    monkeypatch.setattr("arrears.outreach.new_contacts.MESSAGES_PER_BATCH", 10)
    for number in range(80):
        world.person(f"P{number}", mobile=f"13800000{number:03}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [(SMS, CALL)[number % 2]], instalments=1 + number % 2, overdue=100_00)
    world.plan()
    shares = sorted(len(batches_of(world.engine, DAY, stage)) for stage in range(4))
    assert shares == [0, 0, 1, 4]


def test_a_limit_is_kept(world, witnesses):
    for number in range(5):
        world.person(f"P{number}", mobile=f"1380000000{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [SMS])
    world.plan()
    assert world.send(witnesses, limit=2)["sent"] == 2
    assert world.states() == {"sent": 2, "planned": 3}


def test_the_day_always_adds_up(world, witnesses):
    for number in range(8):
        world.person(f"P{number}", mobile=f"1380000000{number}", preferred_time="15:00" if number % 2 else None)
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [SMS, CALL])
    with writing(world.engine) as connection:
        connection.execute(hold.insert().values(hold_key=ZERO, account_id="A1", kind="dispute", from_on=DAY))
    world.plan()
    world.send(witnesses)
    with reading(world.engine) as connection:
        for totals in (date_totals(connection, DAY), run_actions(connection, "daily-2026-11-12-1", DAY)):
            ends = sum(totals[name] for name in ("sent", "rejected", "in_doubt", "withdrawn", "expired", "open"))
            assert totals["planned"] == ends + sum(totals["withheld"].values()) == 16


# --- over real sockets ---


def test_messages_really_travel_by_smtp_and_http_and_are_kept(world):
    one_customer(world, SMS, EMAIL, CALL, accounts=2)
    world.plan()
    with sandboxes(world) as (channels, mail, sms):
        assert world.send(channels)["sent"] == 3
        (mailed,), (texted,) = mail.messages(), sms.messages()
    row = world.rows(contact, channel="email")[0]
    assert mailed["message_id"] == row.message_id == f"<{row.contact_id}@arrears.example>"
    assert row.provider_id == mailed["file"].removesuffix(".eml")
    letter = message_from_bytes((world.rt.settings.home / "sandbox/mail" / mailed["file"]).read_bytes(), policy=default)
    plain, html = (letter.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for text in (plain, html, texted["text"]):
        assert "A1" in text
        assert "300.00" in text
    assert letter["List-Unsubscribe"] == f"<mailto:collections@arrears.example?subject=unsubscribe%20{row.contact_id}>"
    assert b"List-Unsubscribe: <mailto:" in (world.rt.settings.home / "sandbox/mail" / mailed["file"]).read_bytes()
    texted_id = world.rows(contact, channel="sms")[0].contact_id
    assert texted_id in texted["dlr-url"]
    assert texted["coding"] == "2"


def test_a_gateway_that_is_not_there_leaves_everything_planned(world):
    one_customer(world, SMS, EMAIL)
    world.plan()
    urls = {"smtp_url": "smtp://127.0.0.1:1", "sms_url": "http://127.0.0.1:1/cgi-bin/sendsms"}
    with open_channels(world.rt.settings.model_copy(update=urls), world.policy) as channels:
        assert world.send(channels)["not_sent"] == 2
    assert world.states() == {"planned": 2}


def test_a_hostile_name_stays_text_everywhere(world):
    name = "{{ 7*7 }}{% raw %}<script>alert(1)</script>\r\nBcc: evil@example.com\u202e=HYPERLINK()"
    one_customer(world, SMS, EMAIL, name=name)
    world.plan()
    with sandboxes(world) as (channels, mail, sms):
        assert world.send(channels)["sent"] == 2
        (mailed,), (texted,) = mail.messages(), sms.messages()
    letter = message_from_bytes((world.rt.settings.home / "sandbox/mail" / mailed["file"]).read_bytes(), policy=default)
    assert letter["Bcc"] is None
    assert mailed["to"] == ["zhang@example.com"]
    html = letter.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "{{ 7*7 }}" in texted["text"]
    assert "\u202e" not in texted["text"]
    assert "\n" not in texted["text"]


def test_no_log_line_of_a_dispatch_names_a_person(world, caplog):
    caplog.set_level("DEBUG")
    one_customer(world, SMS, EMAIL)
    world.plan()
    with sandboxes(world) as (channels, _mail, _sms):
        world.send(channels)
    assert not [
        record
        for record in caplog.records
        if any(secret in record.getMessage() for secret in ("张三", "13800000001", "zhang@example"))
    ]


def test_counting_contacts_by_query_agrees_with_what_the_witnesses_hold(world, witnesses):
    one_customer(world, SMS)
    world.plan()
    world.send(witnesses)
    with reading(world.engine) as connection:
        sent = connection.execute(
            select(func.count()).select_from(contact).where(contact.c.state == "sent")
        ).scalar_one()
    assert sent == len(witnesses.messages["sms"].got)


def test_what_a_correction_took_back_and_the_next_one_wants_again_is_on_its_contact_or_left_out_with_its_reason(world):
    one_customer(world, SMS, accounts=2)
    world.plan()
    second, third = world.run("daily-2026-11-12-2"), world.run("daily-2026-11-12-3")
    world.decide("A1", [], revision=2, overdue=0, instalments=0, run_id=second)
    world.plan(second)
    world.decide("A1", [SMS], revision=3, overdue=90_00, run_id=third)
    assert world.plan(third).suppressed == {}
    assert [(row.state, row.total_minor) for row in world.rows(contact)] == [("planned", 290_00)]


def test_a_contact_that_was_withdrawn_is_not_begun_again_and_the_reason_is_written_down(world):
    one_customer(world, SMS)
    world.plan()
    second, third = world.run("daily-2026-11-12-2"), world.run("daily-2026-11-12-3")
    world.decide("A1", [], revision=2, overdue=0, instalments=0, run_id=second)
    world.plan(second)
    world.decide("A1", [SMS], revision=3, run_id=third)
    assert world.plan(third).suppressed == {"taken_back": 1}
    assert world.states() == {"withdrawn": 1}
    tomorrow = DAY + timedelta(days=1)
    run_id = world.run("daily-2026-11-13-1", day=tomorrow)
    later = world.at(time(10), tomorrow)
    later.decide("A1", [SMS], day=tomorrow, run_id=run_id)
    assert later.plan(run_id, tomorrow).suppressed == {"taken_back": 1}
