"""The clocks that run against the lender are told while they run, whoever is held, and stop when a right is saved."""

from datetime import date, timedelta

import pytest

from arrears.ladder.layers import load_policy
from arrears.reports.deadlines import deadlines_of
from arrears.store.engine import reading

DAY = date(2026, 11, 12)
PARTIES = "account_id,party_id,role,name,language,guarantee_kind,guarantee_until"
PAPERS = "account_id,party_id,kind,sha256,dated_on,served_on,service_result,confirmed_by,second_confirmed_by"
ENDS = date(2026, 11, 28)
LAST_DUE = date(2023, 12, 2)


@pytest.fixture(scope="module")
def house(tmp_path_factory, new_place):
    """K1, K2 and K5 owe three instalments and have a guarantor until the 28th: K2's was asked in time, K5 is bankrupt.

    K3 and K4 owe a debt whose last instalment fell due three years ago, but for twenty days; K4 promised to pay it.
    """
    place = new_place(tmp_path_factory.mktemp("clocks"))
    place.write("payments.csv", "payment_id,account_id,paid_on,amount\nY-8,K8,2026-08-14,5000.00\n")
    borrowers = [f"K{number},PK{number},borrower,Person {number},en,," for number in range(1, 9)]
    sureties = [f"K{number},G{number},guarantor,Surety {number},en,joint,{ENDS}" for number in (1, 2, 5)]
    place.write("parties.csv", "\n".join([PARTIES, *borrowers, *sureties]) + "\n")
    old = [f"{account},{number},{due},1000.00" for account in ("K3", "K4")
           for number, due in enumerate(("2023-10-02", "2023-11-02", LAST_DUE.isoformat()), start=1)]  # fmt: skip
    kept = [row for row in place.rows("instalments.csv") if row.split(",")[0] not in ("K3", "K4")]
    place.write("instalments.csv", "\n".join([kept[0], *sorted([*kept[1:], *old])]) + "\n")
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
