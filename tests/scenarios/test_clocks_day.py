"""The clocks that run against the lender are told while they run, whoever is held, and stop when a right is saved."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from arrears.ladder.layers import load_policy
from arrears.proof.explain import explain
from arrears.reports.deadlines import deadlines_of
from arrears.reports.story import tell
from arrears.reports.wording import words
from arrears.store.engine import reading
from arrears.store.tables.legal import account_clock, packet

DAY = date(2026, 11, 12)
PARTIES = "account_id,party_id,role,name,language,guarantee_kind,guarantee_until"
PAPERS = "account_id,party_id,kind,sha256,dated_on,served_on,service_result,confirmed_by,second_confirmed_by"
ENDS = date(2026, 11, 28)
LAST_DUE = date(2023, 12, 2)
LATE_DUE = date(2026, 6, 2)
YOUNG = ("K6,1,2026-05-02,1000.00", f"K6,2,{LATE_DUE},1000.00", "K7,1,2023-11-02,1000.00", f"K7,2,{LAST_DUE},1000.00",
         "K9,1,2026-10-15,1000.00", "K9,2,2027-10-15,1000.00")  # fmt: skip
PAID = "payment_id,account_id,paid_on,amount\nY-6,K6,2026-05-02,1000.00\nY-8,K8,2026-08-14,2000.00\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory, new_place):
    """K1, K2 and K5 owe three instalments and have a guarantor until the 28th: K2's was asked in time, K5 is bankrupt.

    K3 and K4 owe a debt whose last instalment fell due three years ago, but for twenty days; K4 promised to pay it.
    Nobody builds a packet of K6 to K9: K6 and K7 owe one and two instalments of a contract that is over, K8 one, with a
    guarantor until the 28th, and K9 the first of a contract that has just begun.
    """
    place = new_place(tmp_path_factory.mktemp("clocks"))
    place.write("payments.csv", PAID)
    place.write("accounts.csv", "\n".join([*place.rows("accounts.csv"), "K9,,CNY,loan,East"]) + "\n")
    borrowers = [f"K{number},PK{number},borrower,Person {number},en,," for number in range(1, 10)]
    sureties = [f"K{number},G{number},guarantor,Surety {number},en,joint,{ENDS}" for number in (1, 2, 5, 8)]
    sureties += [f"K{number},G{number},guarantor,Surety {number},en,joint," for number in (6, 9)]
    place.write("parties.csv", "\n".join([PARTIES, *borrowers, *sureties]) + "\n")
    old = [f"{account},{number},{due},1000.00" for account in ("K3", "K4")
           for number, due in enumerate(("2023-10-02", "2023-11-02", LAST_DUE.isoformat()), start=1)]  # fmt: skip
    kept = [row for row in place.rows("instalments.csv") if row.split(",")[0] not in ("K3", "K4", "K6", "K7")]
    place.write("instalments.csv", "\n".join([kept[0], *sorted([*kept[1:], *old, *YOUNG])]) + "\n")
    place.write("staff.csv", "staff_id,name,roles\nL-1,One,legal\nL-2,Two,legal\n")
    place.write("documents.csv", f"{PAPERS}\nK2,G2,demand_letter,{'a' * 64},2026-10-20,2026-10-26,arrived,L-1,L-2\n")
    place.write("promises.csv", "account_id,made_on,due_on,amount,channel,party_id,evidence_ref\n"
                                "K4,2026-11-02,2026-11-09,100.00,call,PK4,rec-1\n")  # fmt: skip
    place.write("holds.csv", "account_id,kind,from_on,approved_by\nK5,bankrupt,2026-11-02,L-1\n")
    said = place.run(DAY)
    assert said.code == 0, said.err
    return place


def told(place, on: date = DAY) -> dict[tuple[str, str], date]:
    with reading(place.store) as connection:
        return {(line.kind, line.subject): line.on for line in deadlines_of(connection, on, load_policy())}


def test_a_guarantee_that_ends_is_told_until_its_own_guarantor_was_asked_in_writing(house):
    found = told(house)
    assert found["guarantee", "K1"] == ENDS
    assert ("guarantee", "K2") not in found
    assert told(house, ENDS + timedelta(days=3))["guarantee", "K1"] == ENDS, "one that was missed does not go away"


def test_limitation_is_told_from_the_last_instalment_and_starts_anew_with_a_promise_on_record(house):
    found = told(house)
    assert found["limitation", "K3"] == LAST_DUE.replace(year=LAST_DUE.year + load_policy().legal.limitation_years)
    assert ("limitation", "K4") not in found


def test_of_a_bankrupt_the_guarantee_and_the_proof_of_the_claim_are_told_though_the_packet_is_withheld(house):
    found = told(house, date(2026, 11, 20))
    assert found["guarantee", "K5"] == ENDS
    assert found["claim", "K5"] == date(2026, 11, 2) + timedelta(days=load_policy().legal.claim_days)


def test_the_clocks_of_an_account_that_owes_less_than_a_packet_asks_for_are_told_too(house):
    found = told(house)
    assert found["guarantee", "K6"] == LATE_DUE.replace(
        month=LATE_DUE.month + load_policy().legal.guarantee_period_months
    )
    assert found["limitation", "K7"] == LAST_DUE.replace(year=LAST_DUE.year + load_policy().legal.limitation_years)
    assert found["guarantee", "K8"] == ENDS
    with reading(house.store) as connection:
        built = set(connection.execute(select(packet.c.account_id)).scalars())
        counted = set(connection.execute(select(account_clock.c.account_id)).scalars())
    assert counted == {"K6", "K7", "K8"}, "nothing is counted for an account that is far from any last day"
    assert not counted & built


def test_whoever_asks_about_such_an_account_is_told_its_last_days_and_what_they_are_counted_from(house):
    story = explain(house.store, "K6", DAY)
    assert [(clock["name"], clock["assumption"]) for clock in story["clocks"]] == [
        ("limitation", "from_last_instalment"), ("guarantee", "from_last_instalment")]  # fmt: skip
    lines = [line for section in tell(story, words("en"), "Asia/Shanghai").sections for line in section.lines]
    assert any("2026-12-02" in line and "last instalment" in line for line in lines)


def test_such_a_clock_stops_when_the_arrears_are_paid_and_the_day_before_still_tells_of_it(house):
    house.write("payments.csv", f"{PAID}Y-9,K6,2026-11-12,1000.00\n")
    later = DAY + timedelta(days=1)
    said = house.run(later)
    assert said.code == 0, said.err
    assert ("guarantee", "K6") not in told(house, later)
    assert ("guarantee", "K8") in told(house, later)
    assert explain(house.store, "K6", later)["clocks"] == []
    assert explain(house.store, "K6", DAY)["clocks"] != []
