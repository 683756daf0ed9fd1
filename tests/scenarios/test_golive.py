"""Going live: attested evidence puts an account where it stands, nothing else does, and the first days only plan."""

import json
from datetime import date

import pytest
from sqlalchemy import select

from arrears.ladder.in_force import decisions_in_force
from arrears.store.engine import reading
from arrears.store.tables.outreach import item

DAY = date(2026, 11, 12)
STAFF = "staff_id,name,roles\nS-1,One,supervisor\nL-1,Two,legal\nM-1,Three,manager\n"
HEAD = "account_id,kind,at,party_id,channel,outcome,evidence_ref,attested_by,second_attested_by\n"
PAST = (
    "message,2026-09-20T02:00:00Z,P{0},sms,delivered",
    "call,2026-09-22T02:00:00Z,P{0},call,no_answer",
    "call,2026-09-23T02:00:00Z,P{0},call,busy",
    "call,2026-09-28T02:00:00Z,P{0},call,contacted",
    "letter,2026-10-12T02:00:00Z,P{0},letter,letter_served",
    "visit,2026-10-20T02:00:00Z,P{0},visit,visit_met",
)


def opening(account: str, second: str = "L-1", rows: tuple[str, ...] = PAST) -> str:
    return "".join(f"{account},{row.format(account)},REF-1,S-1,{second}\n" for row in rows)


@pytest.fixture
def house(place):
    """K1, K2 and K3 owe three instalments each; K8 owes nothing."""
    place.write("payments.csv", "\n".join([
        place.rows("payments.csv")[0],
        *(row for row in place.rows("payments.csv")[1:] if row.split(",")[1] not in ("K1", "K2", "K3")),
    ]) + "\n")  # fmt: skip
    place.write("staff.csv", STAFF)
    return place


def stood(place) -> dict[str, int]:
    with reading(place.store) as connection:
        rows = connection.execute(select(decisions_in_force(DAY))).all()
    return {row.account_id: row.rung for row in rows}


def steps(place, account: str) -> set[str]:
    query = select(item.c.step).where(item.c.account_id == account, item.c.business_date == DAY)
    with reading(place.store) as connection:
        return set(connection.execute(query).scalars())


def test_with_attested_evidence_an_account_stands_where_it_puts_it_and_without_on_the_first_rung(house):
    house.write("opening.csv", HEAD + opening("K1") + opening("K2", second="X-9"))
    assert house.run().code == 0
    assert {name: stood(house)[name] for name in ("K1", "K2", "K3")} == {"K1": 4, "K2": 1, "K3": 1}
    assert "arrears_sms" in steps(house, "K3")


def test_a_letter_that_was_only_sent_and_a_message_that_bounced_prove_nothing(house):
    weak = (
        *PAST[1:4],
        "message,2026-09-20T02:00:00Z,P{0},email,bounced",
        "letter,2026-10-12T02:00:00Z,P{0},letter,letter_sent",
    )
    house.write("opening.csv", HEAD + opening("K1", rows=weak))
    assert house.run().code == 0
    assert stood(house)["K1"] == 3


def test_the_plan_lies_beside_the_departments_own_list_with_every_reason(house, tmp_path):
    assert house.run().code == 0
    own = tmp_path / "own.csv"
    own.write_text("account_id,channel\nK3,sms\nK3,visit\nK8,sms\nZ9,call\n", encoding="utf-8")
    found = json.loads(house.call("compare", str(own), "--date", str(DAY), "--json").out)
    assert found["agree"] == 2  # K8 hears the courtesy message of the 12th
    why = {(line["account_id"], line["channel"]): line["why"] for line in found["only_theirs"]}
    assert why["Z9", "call"] == ["unknown_account"]
    assert "visit_with_letter: evidence_missing" in why["K3", "visit"]
    assert ("K3", "email") in {(line["account_id"], line["channel"]) for line in found["only_ours"]}
    own.write_text("account_id,channel\nK3,phone\n", encoding="utf-8")
    assert "row 2: give account_id and channel" in house.call("compare", str(own), "--date", str(DAY)).err
