"""A day on a small portfolio: held, paused, rehearsed against a live store, and done once however often it is asked."""

import json

import pytest
from sqlalchemy import func, select

from arrears.core.clock import SystemClock
from arrears.core.entropy import SystemEntropy
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.store.engine import reading, writing
from arrears.store.identity import stamp_mode
from arrears.store.tables import metadata
from arrears.store.tables.feeds import debit
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.reports import digest_sent

INSTALMENT_HEADER = "account_id,instalment_no,due_date,amount_due\n"


def counted(place) -> dict[str, int]:
    """Count the rows of every table."""
    with reading(place.store) as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def test_a_day_is_done_once_however_often_it_is_asked_for(place):
    first = json.loads(place.run().out)
    assert first["status"] == "completed"
    assert first["actions"]["sent"] > 0
    effects = place.effects()
    again = place.run()
    assert again.code == 0
    day = json.loads(again.out)
    assert (day["actions"]["planned"], day["actions"]["sent"]) == (0, 0)
    assert day["date_totals"] == first["date_totals"]
    assert place.effects() == effects != []
    assert place.call("verify").code == 0
    assert place.call("prove").code == 0


def test_a_hold_that_comes_after_the_contacts_of_a_rehearsed_day_left_is_proved_to_have_come_after_them(place):
    assert place.run().code == 0
    assert place.call("dispatch", "--rehearsal", "--at", "2026-11-12T15:00:00+08:00").code == 0
    with reading(place.store) as connection:
        query = select(item.c.account_id).join(contact, contact.c.contact_id == item.c.contact_id)
        reached = connection.execute(query.where(contact.c.state == "sent").order_by(contact.c.sent_at.desc()))
        account_id = reached.scalars().first()
    file = place.home / "holds.csv"
    file.write_text(f"account_id,kind,from_on\n{account_id},dispute,2026-11-12\n", "utf-8")
    assert place.call("import", "holds", str(file)).code == 0
    said = place.call("prove")
    assert said.code == 0, said.out


def test_with_a_mandate_the_bank_is_asked_before_the_customer(place):
    header, *rows = place.rows("accounts.csv")
    agreed = {"K1": "M-1", "K8": "M-8"}
    lines = [f"{header},debit_mandate", *(f"{row},{agreed.get(row.partition(',')[0], '')}" for row in rows)]
    place.write("accounts.csv", "\n".join([*lines, ""]))
    assert place.run().code == 0
    with reading(place.store) as connection:
        asked = connection.execute(select(debit.c.account_id, debit.c.result, debit.c.file)).all()
        due = connection.execute(select(contact.c.party_id, contact.c.reason).where(contact.c.channel == "sms")).all()
    assert [(row.account_id, row.result) for row in asked] == [("K1", "pending")], "K8 owes nothing"
    assert asked[0].file.startswith("debits/")
    reasons = {row.party_id: row.reason for row in due}
    assert (reasons["PK1"], reasons["PK2"]) == ("hold_payment_in_flight", None)


def test_a_day_held_by_an_empty_ledger_plans_nothing_and_tells_its_readers_why(place):
    place.write("instalments.csv", INSTALMENT_HEADER)
    said = place.run()
    assert said.code == 3
    assert "zero_rows" in said.reason
    day = json.loads(said.out)
    assert day["status"] == "held"
    assert day["actions"]["planned"] == day["date_totals"]["planned"] == 0
    assert place.effects() == []
    with reading(place.store) as connection:
        sent = connection.execute(select(digest_sent.c.kind, digest_sent.c.state, digest_sent.c.artefact)).all()
    assert {(row.kind, row.state) for row in sent} == {("held", "sent")}
    assert len(place.alarms()) == len(sent) == len(place.readers())
    assert all((place.home / "artifacts" / row.artefact).is_file() for row in sent)
    assert place.call("verify").code == 0


def test_readers_are_told_once_that_the_same_ledger_held_the_day(place):
    place.write("instalments.csv", INSTALMENT_HEADER)
    assert [place.run().code for _ in range(2)] == [3, 3]
    assert len(place.alarms()) == len(place.readers())


def test_a_mended_ledger_lets_the_held_day_go_on(place):
    whole = "\n".join([*place.rows("instalments.csv"), ""])
    place.write("instalments.csv", INSTALMENT_HEADER)
    assert place.run().code == 3
    place.write("instalments.csv", whole)
    said = place.run()
    assert said.code == 0, said.err
    assert json.loads(said.out)["actions"]["sent"] > 0
    assert len(place.alarms()) == 2 * len(place.readers())


def test_readers_are_told_that_a_day_broke_off(place):
    place.write("instalments.csv", "account_id,amount_due\nK1,1.00\n")
    assert place.run().code == 1
    with reading(place.store) as connection:
        kinds = connection.execute(select(digest_sent.c.kind)).scalars().all()
    assert set(kinds) == {"failed"}
    assert len(place.alarms()) == len(place.readers())


def test_while_paused_nothing_leaves_and_the_day_says_so(place):
    assert place.call("pause", "--as", "BOSS").code == 0
    said = place.run()
    assert said.code == 0, said.err
    day = json.loads(said.out)
    assert day["actions"]["planned"] > 0
    assert day["actions"]["sent"] == 0
    assert (place.effects(), place.alarms()) == ([], [])
    assert place.call("resume", "--as", "BOSS").code == 0
    assert json.loads(place.run().out)["actions"]["sent"] > 0


def test_a_past_day_is_planned_and_never_sent(place):
    for name in ("instalments.csv", "payments.csv"):
        place.write(name, "\n".join([line.replace("2026-", "2020-") for line in place.rows(name)] + [""]))
    said = place.call("run", "--date", "2020-11-12", "--feeds", str(place.feeds), "--json")
    assert said.code == 0, said.err
    day = json.loads(said.out)
    assert day["actions"]["planned"] == day["actions"]["withheld"]["past_date"] > 0
    assert (place.effects(), place.alarms()) == ([], [])


# --- sandbox and live ---


def stamped_live(place) -> None:
    """Do what the first effect of a live store does to it."""
    settings = Settings.from_environment({"ARREARS_HOME": str(place.home), "ARREARS_MODE": "live"})
    with writing(place.store) as connection:
        stamp_mode(connection, Runtime(settings, SystemClock(), SystemEntropy()))


def test_a_live_store_refuses_a_rehearsal_before_anything_is_written(place):
    stamped_live(place)
    before = counted(place)
    said = place.run()
    assert said.code == 2
    assert "this store is live" in said.reason
    assert counted(place) == before
    assert (place.effects(), place.alarms()) == ([], [])


def test_a_rehearsal_cannot_be_asked_for_in_live_mode(place):
    before = counted(place)
    said = place.run(ARREARS_MODE="live")
    assert said.code == 2
    assert "sandbox only" in said.reason
    assert counted(place) == before


@pytest.mark.parametrize("command", [("dispatch",), ("run", "--date", "2020-01-02", "--feeds", "{feeds}")])
def test_a_store_that_was_rehearsed_refuses_live_effects_before_anything_is_written(place, command):
    assert place.run().code == 0
    before, effects = counted(place), place.effects()
    live = {"ARREARS_MODE": "live", "ARREARS_SMTP_URL": "smtp://127.0.0.1:9", "ARREARS_SMS_URL": "http://127.0.0.1:9"}
    said = place.call(*(word.format(feeds=place.feeds) for word in command), **live)
    assert said.code == 2
    assert "this store is sandbox" in said.reason
    assert counted(place) == before
    assert place.effects() == effects


def test_a_rehearsal_makes_the_store_a_sandbox_even_when_it_sends_nothing(place):
    place.write("instalments.csv", INSTALMENT_HEADER)
    assert place.call("pause", "--as", "BOSS").code == 0
    assert place.run().code == 3
    assert place.alarms() == []
    said = place.call("run", "--date", "2020-01-02", "--feeds", str(place.feeds), ARREARS_MODE="live")
    assert said.code == 2
    assert "this store is sandbox" in said.reason


def test_a_sandbox_that_points_outside_this_machine_is_refused(place):
    said = place.run(ARREARS_SMTP_URL="smtp://mail.example.com")
    assert said.code == 2
    assert "ARREARS_SMTP_URL leaves this machine" in said.reason
    assert counted(place)["run"] == 0
