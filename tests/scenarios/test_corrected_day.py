"""A second ledger of the same day: what it closes, drops or has paid leaves the day, and every sum still ties."""

import json
from datetime import date

import pytest
from sqlalchemy import select

from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.legal import packet
from arrears.store.tables.outreach import contact, item

DAY = date(2026, 11, 12)
DEEP = "K7"
"""At stage three from the first ledger on."""


@pytest.fixture
def deep(place):
    """One account at stage three, whose people wish to be written to in the afternoon."""
    rows = [row for row in place.rows("payments.csv") if f",{DEEP}," not in row]
    place.write("payments.csv", "\n".join([*rows, ""]))
    header, *rows = place.rows("parties.csv")
    place.write("parties.csv", "\n".join([f"{header},preferred_time", *(f"{row},15:00" for row in rows), ""]))
    first = place.run()
    assert first.code == 0, first.err
    day = json.loads(first.out)
    assert (day["stages"]["3"], day["packets"]["draft"]) == (1, 1)
    assert {row.state for row in contacts_of(place, DEEP)} == {"planned"}
    return place


def contacts_of(place, account_id: str) -> list:
    query = select(contact).join(item, item.c.contact_id == contact.c.contact_id)
    with reading(place.store) as connection:
        return list(connection.execute(query.where(item.c.account_id == account_id)))


def close(place) -> None:
    rows = [row.replace(f"{DEEP},,", f"{DEEP},{DAY},") for row in place.rows("accounts.csv")]
    place.write("accounts.csv", "\n".join([*rows, ""]))


def drop(place) -> None:
    for name in ("accounts", "instalments", "parties"):
        rows = [row for row in place.rows(f"{name}.csv") if not row.startswith(f"{DEEP},")]
        place.write(f"{name}.csv", "\n".join([*rows, ""]))


def pay(place) -> None:
    paid = [f"Y-late-{number},{DEEP},{DAY},1000.00" for number in (1, 2)]
    place.write("payments.csv", "\n".join([*place.rows("payments.csv"), *paid, ""]))


@pytest.mark.parametrize("correct", [close, drop, pay])
def test_what_a_correction_takes_off_stage_three_leaves_packet_and_contacts_and_every_sum_ties(deep, correct):
    correct(deep)
    again = deep.run()
    assert again.code == 0, again.err
    day = json.loads(again.out)
    states = ("draft", "ready", "withheld", "incomplete")
    assert (day["status"], day["stages"]["3"], sum(day["packets"][state] for state in states)) == ("completed", 0, 0)
    with reading(deep.store) as connection:
        current = select(packet.c.account_id).where(packet.c.superseded_on.is_(None))
        assert connection.execute(current).scalars().all() == []
    if correct is not pay:
        assert {row.state for row in contacts_of(deep, DEEP)} == {"withdrawn"}
    proved = deep.call("prove")
    assert proved.code == 0, proved.out
    assert deep.call("replay", "--run", f"daily-{DAY}-2").code == 0
    assert deep.call("verify").code == 0
    third = json.loads(deep.run().out)
    assert (third["actions"]["planned"], third["packets"]["rebuilt"]) == (0, 0), "the same again changes nothing"


@pytest.mark.parametrize(("correct", "why"), [(close, "closed"), (drop, "missing")])
def test_explain_tells_that_the_account_left_the_ledger_and_decides_nothing_about_it(deep, correct, why):
    correct(deep)
    assert deep.run().code == 0
    story = json.loads(deep.call("explain", DEEP, "--date", str(DAY), "--json").out)
    assert (story["decision"], story["standing"]["undecided"]) == (None, why)


def test_an_account_that_comes_back_with_a_third_ledger_is_decided_as_it_was(deep):
    files = {name: deep.rows(name) for name in ("accounts.csv", "instalments.csv", "parties.csv")}
    drop(deep)
    assert deep.run().code == 0
    for name, rows in files.items():
        deep.write(name, "\n".join([*rows, ""]))
    day = json.loads(deep.run().out)
    assert (day["stages"]["3"], day["packets"]["draft"]) == (1, 1)
    with reading(deep.store) as connection:
        rows = select(decision.c.revision, decision.c.stage).where(decision.c.account_id == DEEP)
        assert connection.execute(rows.order_by(decision.c.revision)).all() == [(1, 3), (2, 0), (3, 3)]
    assert deep.call("prove").code == 0
