"""Every feed into its table: natural keys, corrections, promises split out, and what the auditor is told."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, insert, select, update

from arrears.core.errors import BadArguments, BadInput, CannotTell
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.ledger.catalogue import FEEDS, HOLD_KINDS
from arrears.ledger.deliveries import Delivery
from arrears.ledger.intake import import_feed
from arrears.ledger.rows import TARGETS
from arrears.proof.explain import explain
from arrears.store.engine import reading, writing
from arrears.store.tables import audit, feeds, people

DAY = date(2026, 11, 12)
HASH = "ab" * 32
WHOLE = {
    "parties": "account_id,party_id,role,name,mobile,opt_outs\nA1,N1,borrower,王小明,+8613900000001,sms;email\n",
    "outcomes": "account_id,party_id,channel,at,outcome\nA1,N1,call,2026-11-11T18:30:00,no_answer\n",
    "promises": "account_id,made_on,due_on,amount\nA1,2026-11-11,2026-11-20,500.00\n",
    "holds": "account_id,kind,from_on\nA1,dispute,2026-11-11\n",
    "plans": "account_id,signed_on,first_due_on,instalments,amount_each\nA1,2026-11-01,2026-12-01,6,100.00\n",
    "staff": "staff_id,name,roles\nS1,李娜,collector;field\n",
    "assignments": "account_id,staff_id,from_on\nA1,S1,2026-11-01\n",
    "agencies": "agency_id,name\nG1,示例拖车\n",
    "documents": f"account_id,kind,sha256,dated_on\nA1,contract,{HASH},2025-01-01\n",
    "locations": "account_id,at,lat,lon,source\nA1,2026-11-11T08:00:00Z,31.2304,121.4737,tracker\n",
    "schedule_changes": "account_id,kind,from_on\nA1,payment_holiday,2026-11-01\n",
    "charges": "account_id,charged_on,kind,amount\nA1,2026-11-01,late_fee,12.50\n",
    "cases": "account_id,case_id,kind,state,at,remedy\nA1,K1,remedy,chosen,2026-11-10T02:00:00Z,sue_and_preserve\n",
    "visit_requests": "account_id,asked_on,reason,asked_by\nA1,2026-11-11,客户约定当面谈,S1\n",
    "committee": "account_id,decided_on,decision,reason,decided_by,second_decided_by\n"
    "A1,2026-11-11,continue,有还款来源,S1,S2\n",
    "debits": "account_id,debit_id,requested_on,amount,result\nA1,D1,2026-11-11,100.00,pending\n",
    "order_reports": "account_id,order_no,state,at,cost\nA1,RO-20261112-0001,accepted,2026-11-11T02:00:00Z,800.00\n",
    "recoveries": "account_id,received_on,amount,kind\nA1,2026-11-01,-300.00,sale\n",
    "placement_reports": f"account_id,placement_id,state,at\nA1,{HASH},accepted,2026-11-11T02:00:00Z\n",
    "controls": "business_date,kind,currency,value\n2026-11-12,unpaid_due,CNY,123.45\n2026-11-12,accounts,,7\n",
    "opening": "account_id,kind,at,party_id,attested_by,second_attested_by\nA1,call,2026-10-01T02:00:00Z,N1,S1,S2\n",
    "payments": "payment_id,account_id,paid_on,amount\nP1,A1,2026-11-12,88.00\n",
}


class Office:
    """Imports texts as files."""

    def __init__(self, rt: Runtime, store: Engine, folder: Path) -> None:
        self.rt, self.store, self.folder, self.runs = rt, store, folder, 0

    def take(self, feed: str, text: str, on: date = DAY) -> Delivery:
        self.runs += 1
        path = self.folder / f"{feed}.csv"
        path.write_text(text, encoding="utf-8")
        return import_feed(self.rt, self.store, f"import-{on}-{self.runs}", feed, path, on)

    def rows(self, table: Table, *columns: str) -> list[tuple[object, ...]]:
        with reading(self.store) as connection:
            wanted = [table.c[name] for name in columns]
            return [tuple(row) for row in connection.execute(select(*wanted).order_by(*wanted))]

    def events(self, kind: str) -> list[dict[str, Any]]:
        bodies = [json.loads(str(body, "utf-8")) for (body,) in self.rows(audit.audit_pending, "body")]
        return [body for body in bodies if body["type"] == kind]


@pytest.fixture
def office(rt: Runtime, store: Engine, tmp_path: Path) -> Office:
    made = Office(rt, store, tmp_path)
    made.take("accounts", "account_id,closed_on,currency\nA1,,\nA2,,JPY\n")
    return made


@pytest.mark.parametrize("feed", sorted(WHOLE))
def test_every_feed_lands_in_its_table_with_its_origin(office: Office, feed: str) -> None:
    arrived = office.take(feed, WHOLE[feed])
    assert (arrived.quarantined, arrived.accepted, arrived.duplicate) == (0, arrived.rows, False)
    table = people.account_party if feed == "parties" else TARGETS[feed].table
    origins = office.rows(table, "delivery_id", "row_no")
    assert origins == [(arrived.delivery_id, row) for row in range(2, 2 + arrived.rows)]


def test_no_feed_of_the_contract_is_left_out() -> None:
    assert set(WHOLE) | {"accounts", "instalments"} == set(FEEDS)


def test_the_holds_of_the_feed_are_those_of_the_policy() -> None:
    holds = load_policy().holds
    worked_out = {"part_payment", "dispute_answered"}  # from the ledger and from disputes, never delivered
    assert set(HOLD_KINDS) == (set(holds.hard) | set(holds.soft)) - worked_out


def test_local_time_is_kept_as_utc_and_amounts_as_minor_units(office: Office) -> None:
    office.take("outcomes", WHOLE["outcomes"])
    office.take("controls", WHOLE["controls"])
    assert office.rows(feeds.outcome, "at") == [("2026-11-11T10:30:00Z",)]
    assert office.rows(feeds.control, "kind", "value") == [("accounts", 7), ("unpaid_due", 12345)]


def test_keys_are_what_the_table_says_they_are(office: Office) -> None:
    for feed in ("outcomes", "promises", "documents"):
        office.take(feed, WHOLE[feed])
    assert office.rows(feeds.outcome, "outcome_key") == [
        (natural_key("A1", "N1", "call", "2026-11-11T10:30:00Z", "no_answer"),)]  # fmt: skip
    assert office.rows(feeds.promise, "promise_key") == [(natural_key("A1", "2026-11-11", "2026-11-20"),)]
    assert office.rows(feeds.document, "document_key") == [(natural_key("A1", "-", "contract", HASH),)]


def test_the_same_file_again_is_told_and_changes_nothing(office: Office) -> None:
    office.take("outcomes", WHOLE["outcomes"])
    assert office.take("outcomes", WHOLE["outcomes"]).duplicate
    assert len(office.events("contact.recorded")) == 1
    assert len(office.events("ledger.duplicate")) == 1


def test_the_same_rows_on_the_next_day_are_no_new_contacts(office: Office) -> None:
    office.take("outcomes", WHOLE["outcomes"])
    assert not office.take("outcomes", WHOLE["outcomes"], DAY + timedelta(1)).duplicate
    assert len(office.events("contact.recorded")) == 1


def test_a_correction_supersedes_the_row_and_is_told(office: Office) -> None:
    header = "account_id,party_id,channel,at,outcome,reason\n"
    office.take("outcomes", header + "A1,N1,call,2026-11-11T18:30:00,contacted,unknown\n")
    office.take("outcomes", header + "A1,N1,call,2026-11-11T18:30:00,contacted,malice\n")
    assert office.rows(feeds.outcome, "reason") == [("malice",)]
    told = [event["data"] for event in office.events("contact.recorded")]
    assert [data["correction"] for data in told] == [0, 1]


def test_a_promise_is_split_out_of_the_outcome_that_made_it(office: Office) -> None:
    header = "account_id,party_id,channel,at,outcome,promised_amount,promised_on\n"
    office.take("outcomes", header + "A1,N1,call,2026-11-11T23:30:00,promised,500.00,2026-11-20\n")
    assert office.rows(feeds.promise, "made_on", "due_on", "amount_minor", "party_id", "state") == [
        (date(2026, 11, 11), date(2026, 11, 20), 50000, "N1", "open")]  # fmt: skip
    (event,) = office.events("promise.recorded")
    assert event["causes"] == [office.rows(feeds.outcome, "outcome_key")[0][0]]


PROMISED = "account_id,party_id,channel,at,outcome,promised_amount,promised_on\n"
CALLED = "A1,N1,call,2026-11-11T23:30:00,promised,500.00,"


def promises_of(office: Office) -> list[tuple[object, ...]]:
    return office.rows(feeds.promise, "due_on", "state")


@pytest.mark.parametrize("state", ["open", "broken", "kept"])
def test_a_corrected_promise_takes_the_place_of_the_one_that_was_never_made(office: Office, state: str) -> None:
    office.take("outcomes", PROMISED + CALLED + "2026-11-20\n")
    with writing(office.store) as connection:
        connection.execute(update(feeds.promise).values(state=state))
    office.take("outcomes", PROMISED + CALLED + "2026-11-27\n")
    assert promises_of(office) == [(date(2026, 11, 20), "withdrawn"), (date(2026, 11, 27), "open")]
    (told,) = office.events("promise.withdrawn")
    key = natural_key("A1", "2026-11-11", "2026-11-20")
    assert told["causes"] == [key, office.rows(feeds.outcome, "outcome_key")[0][0]]
    assert (told["data"]["was"], told["data"]["due_on"]) == (state, "2026-11-20")


def test_a_promise_that_is_corrected_back_stands_again(office: Office) -> None:
    for due in ("20", "27", "20"):
        office.take("outcomes", PROMISED + CALLED + f"2026-11-{due}\n")
    assert promises_of(office) == [(date(2026, 11, 20), "open"), (date(2026, 11, 27), "withdrawn")]
    told = [event["data"]["due_on"] for event in office.events("promise.recorded")]
    assert sorted(told) == ["2026-11-20", "2026-11-20", "2026-11-27"]


def test_a_promise_corrected_away_and_back_by_another_result_stands_again(office: Office) -> None:
    office.take("outcomes", PROMISED + CALLED + "2026-11-20\n")
    office.take("outcomes", PROMISED + CALLED.replace("promised,500.00", "no_answer,") + "\n")
    assert promises_of(office) == [(date(2026, 11, 20), "withdrawn")]
    office.take("outcomes", PROMISED + CALLED + "2026-11-20\n")
    assert promises_of(office) == [(date(2026, 11, 20), "open")]


def test_a_corrected_amount_or_note_leaves_the_promise_as_it_is(office: Office) -> None:
    office.take("outcomes", PROMISED + CALLED + "2026-11-20\n")
    office.take("outcomes", PROMISED + CALLED.replace("500", "400") + "2026-11-20\n")
    assert office.rows(feeds.promise, "amount_minor", "state") == [(40000, "open")]
    assert office.events("promise.withdrawn") == []


def test_a_promise_stands_while_another_call_of_the_day_still_says_it(office: Office) -> None:
    again = CALLED.replace("23:30", "22:30")
    office.take("outcomes", PROMISED + again + "2026-11-20\n")
    office.take("outcomes", PROMISED + CALLED + "2026-11-20\n")
    office.take("outcomes", PROMISED + CALLED + "2026-11-27\n")
    assert promises_of(office) == [(date(2026, 11, 20), "open"), (date(2026, 11, 27), "open")]


def test_what_the_person_took_back_does_not_stand_again_by_a_correction(office: Office) -> None:
    office.take("outcomes", PROMISED + CALLED + "2026-11-20\n")
    with writing(office.store) as connection:
        connection.execute(update(feeds.promise).values(state="withdrawn", withdrawn_on=DAY))
    office.take("outcomes", PROMISED + CALLED.replace("500", "400") + "2026-11-20\n")
    assert promises_of(office) == [(date(2026, 11, 20), "withdrawn")]


@pytest.mark.parametrize(("claim", "kind"), [("dispute_raised", "dispute"), ("hardship_claimed", "hardship"),
                                             ("deceased_reported", "deceased")])  # fmt: skip
def test_what_a_customer_claims_holds_the_account_until_a_person_ends_it(office: Office, claim: str, kind: str) -> None:
    header = "account_id,party_id,channel,at,outcome\n"
    office.take(
        "outcomes", header + f"A1,N1,call,2026-11-11T10:00:00,{claim}\nA2,N2,call,2026-11-11T10:00:00,refused\n"
    )
    columns = ("account_id", "kind", "from_on", "until_on")
    assert office.rows(feeds.hold, *columns) == [("A1", kind, date(2026, 11, 11), None)]
    assert len(office.events("hold.recorded")) == 1
    office.take("holds", f"account_id,kind,from_on,until_on\nA1,{kind},2026-11-11,2026-11-20\n")
    assert office.rows(feeds.hold, *columns) == [("A1", kind, date(2026, 11, 11), date(2026, 11, 20))]


def test_a_death_holds_every_open_account_of_which_the_person_is_debtor(office: Office) -> None:
    office.take("accounts", "account_id,closed_on\nA1,\nA2,\nA3,\nA4,2026-11-01\n")
    office.take("parties", "account_id,party_id,role\nA1,N1,borrower\nA2,N1,co_borrower\nA3,N1,guarantor\n"
                           "A4,N1,borrower\nA3,N2,borrower\n")  # fmt: skip
    office.take(
        "outcomes", "account_id,party_id,channel,at,outcome\nA1,N1,call,2026-11-11T10:00:00,deceased_reported\n"
    )
    assert office.rows(feeds.hold, "account_id", "kind") == [("A1", "deceased"), ("A2", "deceased")]
    told = office.events("hold.recorded")
    refs = {str(row[0]) for row in office.rows(feeds.account, "subject_ref", "account_id") if row[1] in ("A1", "A2")}
    assert {event["subject_ref"] for event in told} == refs


def test_a_promise_delivered_again_keeps_its_state(office: Office) -> None:
    office.take("promises", WHOLE["promises"])
    with writing(office.store) as connection:
        connection.execute(update(feeds.promise).values(state="broken"))
    office.take("promises", WHOLE["promises"].replace("500.00", "600.00"))
    assert office.rows(feeds.promise, "amount_minor", "state") == [(60000, "broken")]


@pytest.mark.parametrize(("feed", "row", "reason"), [
    ("outcomes", "A1,N1,call,2026-11-11T18:30:00,shouted", "unknown_value"),
    ("outcomes", "A1,N1,call,2026-11-11,no_answer", "bad_moment"),
    ("outcomes", "A1,N1,call,2026-11-14T18:30:00,no_answer", "future_date"),
    ("outcomes", "A1,,call,2026-11-11T18:30:00,no_answer", "missing_value"),
    ("promises", "A1,2026-11-11,2026-11-20,0.00", "below_minimum"),
    ("promises", "A2,2026-11-11,2026-11-20,1.50", "too_many_decimals"),
    ("promises", "A1,2026-11-11,2026-11-10,1.50", "ends_before_begin"),
    ("holds", "A1,mood,2026-11-11", "unknown_value"),
    ("locations", "A1,2026-11-11T08:00:00Z,91.0,121.4737,tracker", "bad_degrees"),
    ("opening", "A1,call,2026-10-01T02:00:00Z,N1,S1,S1", "same_person"),
    ("committee", "A1,2026-11-11,continue,有还款来源,S1,S1", "same_person"),
    ("documents", "A1,contract,xyz,2025-01-01", "bad_sha256"),
    ("charges", "A9,2026-11-01,late_fee,12.50", "unknown_account"),
])  # fmt: skip
def test_a_bad_row_is_quarantined_and_the_good_ones_are_taken(office: Office, feed: str, row: str, reason: str) -> None:
    arrived = office.take(feed, WHOLE[feed] + row + "\n")
    assert (arrived.accepted, arrived.quarantined) == (1, 1)
    assert office.rows(feeds.quarantine, "row_no", "reason") == [(3, reason)]


def test_an_amount_promised_without_its_day_is_quarantined(office: Office) -> None:
    header = "account_id,party_id,channel,at,outcome,promised_amount,promised_on\n"
    office.take("outcomes", header + "A1,N1,call,2026-11-11T18:30:00,promised,500.00,\n")
    assert office.rows(feeds.quarantine, "column", "reason") == [("promised_amount", "incomplete_pair")]


@pytest.mark.parametrize(("feed", "text"), [
    ("holds", "account_id,kind,from_on,until_on\nA1,dispute,2026-11-14,2026-11-10\n"),
    ("schedule_changes", "account_id,kind,from_on,until_on\nA1,payment_holiday,2026-11-14,2026-11-13\n"),
    ("staff", "staff_id,name,roles,absent_from,absent_until\nS1,李娜,collector,2026-11-14,2026-11-13\n"),
])  # fmt: skip
def test_what_ends_before_it_begins_is_refused_instead_of_protecting_nobody(
    office: Office, feed: str, text: str
) -> None:
    assert office.take(feed, text).quarantined == 1
    assert [reason for (reason,) in office.rows(feeds.quarantine, "reason")] == ["ends_before_begin"]
    held = dict(office.rows(feeds.account, "account_id", "data_incomplete"))
    assert held["A1"] == (feed != "staff")


def test_a_hold_of_a_single_day_is_taken(office: Office) -> None:
    assert not office.take("holds", "account_id,kind,from_on,until_on\nA1,dispute,2026-11-14,2026-11-14\n").quarantined


@pytest.mark.parametrize("cells", ['"张三\n请把款项转到 6222",13800000001', '张三,"+8613800000003\r\nX: y"'])
def test_a_name_or_number_of_two_lines_is_refused(office: Office, cells: str) -> None:
    office.take("parties", f"account_id,party_id,role,name,mobile\nA1,N1,borrower,{cells}\n")
    assert [reason for (reason,) in office.rows(feeds.quarantine, "reason")] == ["bad_text"]


def test_an_address_may_have_several_lines(office: Office) -> None:
    text = 'account_id,party_id,role,name,address\nA1,N1,borrower,张三,"南京路 1 号\n上海"\n'
    assert office.take("parties", text).quarantined == 0


def test_an_unreadable_description_costs_the_cell_and_holds_the_account_but_does_not_make_it_vanish(
    office: Office,
) -> None:
    arrived = office.take("accounts", "account_id,closed_on,branch\nA1,,上海\nA2,,南京\u200b\n")
    assert (arrived.rows, arrived.accepted, arrived.quarantined) == (2, 2, 0)
    assert office.rows(feeds.quarantine, "row_no", "column", "reason") == [(3, "branch", "bad_text")]
    columns = ("account_id", "branch", "data_incomplete")
    assert office.rows(feeds.account, *columns) == [("A1", "上海", False), ("A2", "", True)]


def test_an_account_whose_only_row_was_refused_is_not_called_unknown(office: Office) -> None:
    office.take("accounts", "account_id,closed_on\nA1,\nA2,\nA3,never\n")
    with pytest.raises(CannotTell, match=r"accounts of 2026-11-12 row 4 was refused \(bad_date\)"):
        explain(office.store, "A3", None)


def test_a_bad_row_holds_its_account_at_once(office: Office) -> None:
    office.take("outcomes", WHOLE["outcomes"] + "A2,N1,call,2026-11-11T18:30:00,shouted\n")
    assert office.rows(feeds.account, "account_id", "data_incomplete") == [("A1", False), ("A2", True)]


def test_a_corrected_file_lets_its_account_go_at_once(office: Office) -> None:
    office.take("outcomes", WHOLE["outcomes"] + "A2,N1,call,2026-11-11T18:30:00,shouted\n")
    office.take("outcomes", WHOLE["outcomes"] + "A2,N1,call,2026-11-11T18:30:00,no_answer\n")
    assert not any(held for (held,) in office.rows(feeds.account, "data_incomplete"))


def test_a_row_repeated_to_the_letter_is_quarantined_and_holds_nobody(office: Office) -> None:
    line = WHOLE["outcomes"].splitlines()[1]
    arrived = office.take("outcomes", WHOLE["outcomes"] + line + "\n")
    assert (arrived.accepted, arrived.quarantined) == (1, 1)
    assert not any(held for (held,) in office.rows(feeds.account, "data_incomplete"))


def test_a_file_refused_for_an_unknown_account_is_taken_once_the_account_is_known(office: Office) -> None:
    text = WHOLE["holds"].replace("A1", "A3")
    assert office.take("holds", text).quarantined == 1
    office.take("accounts", "account_id,closed_on\nA1,\nA2,\nA3,\n")
    again = office.take("holds", text)
    assert (again.accepted, again.quarantined, again.duplicate) == (1, 0, False)


def test_ties_no_longer_delivered_end_and_others_stay(office: Office) -> None:
    header = "account_id,party_id,role\n"
    office.take("parties", header + "A1,N1,borrower\nA1,N2,guarantor\nA2,N2,borrower\n")
    office.take("parties", header + "A1,N1,borrower\n")
    assert office.rows(people.account_party, "account_id", "party_id") == [("A1", "N1"), ("A2", "N2")]


def test_one_person_of_two_accounts_is_one_row_with_what_either_says(office: Office) -> None:
    header = "account_id,party_id,role,name,mobile\n"
    office.take("parties", header + "A1,N1,borrower,王小明,\nA2,N1,guarantor,,+8613900000001\n")
    assert office.rows(people.party, "party_id", "name", "mobile") == [("N1", "王小明", "+8613900000001")]


WISHES = "account_id,party_id,role,opt_outs\n"


def wishes(office: Office, column: str = "opt_outs") -> list[tuple[object, ...]]:
    return office.rows(people.party, "party_id", column)


def test_what_two_rows_of_a_person_do_not_want_adds_up(office: Office) -> None:
    office.take("parties", WISHES + "A1,N1,borrower,sms\nA2,N1,borrower,email;sms\nA2,N2,guarantor,call\n")
    assert wishes(office) == [("N1", "email;sms"), ("N2", "call")]
    office.take("parties", WISHES + "A1,N1,borrower,sms\nA2,N1,borrower,\n")
    assert wishes(office)[0] == ("N1", "sms"), "an empty cell is silent beside a full one"


def test_a_consent_counts_where_no_row_that_speaks_of_consents_leaves_it_out(office: Office) -> None:
    header = "account_id,party_id,role,consents\n"
    office.take(
        "parties", header + "A1,N1,borrower,sms;email\nA2,N1,borrower,email\nA1,N2,guarantor,sms\nA2,N2,guarantor,\n"
    )
    assert wishes(office, "consents") == [("N1", "email"), ("N2", "sms")]
    office.take("parties", header + "A1,N1,borrower,sms\nA2,N1,borrower,email\n")
    assert wishes(office, "consents")[0] == ("N1", None)


def test_an_opt_out_is_lifted_by_the_rows_of_all_open_accounts_and_not_by_those_of_some(office: Office) -> None:
    office.take("parties", WISHES + "A1,N1,borrower,sms\nA2,N1,borrower,\n")
    office.take("parties", WISHES + "A2,N1,borrower,email\n")
    assert wishes(office) == [("N1", "email;sms")], "a file that names one account only adds"
    office.take("parties", "account_id,party_id,role\nA1,N1,borrower\nA2,N1,borrower\n")
    assert wishes(office) == [("N1", "email;sms")], "a file without the column is silent"
    office.take("parties", WISHES + "A1,N1,borrower,\nA2,N1,borrower,email\n")
    assert wishes(office) == [("N1", "email")]
    office.take("accounts", "account_id,closed_on\nA1,\nA2,2026-11-10\n")
    office.take("parties", WISHES + "A1,N1,borrower,\n")
    assert wishes(office) == [("N1", None)], "a closed account has nothing more to say"


def test_an_opt_out_in_a_refused_row_does_not_lift_what_stands(office: Office) -> None:
    office.take("parties", WISHES + "A1,N1,borrower,sms\nA2,N1,borrower,\n")
    office.take("parties", WISHES + "A1,N1,friend,sms\nA2,N1,borrower,\n")
    assert wishes(office) == [("N1", "sms")]


def test_an_erased_person_stays_erased(office: Office) -> None:
    with writing(office.store) as connection:
        connection.execute(insert(people.party).values(party_id="N1", erased_at="2026-11-01T00:00:00Z"))
    office.take("parties", WHOLE["parties"])
    assert office.rows(people.party, "party_id", "name") == [("N1", None)]


def test_instalments_come_only_with_the_daily_ledger(office: Office) -> None:
    with pytest.raises(BadArguments, match="feeds folder"):
        office.take("instalments", "account_id,instalment_no,due_date,amount_due\n")
    with pytest.raises(BadArguments, match="feed 'weather'"):
        office.take("weather", "x\n")


def test_a_file_without_a_required_column_is_refused_whole(office: Office) -> None:
    with pytest.raises(BadInput, match=r"outcomes.csv row 1: missing column at, outcome"):
        office.take("outcomes", "account_id,party_id,channel\nA1,N1,call\n")
    assert office.rows(feeds.outcome, "outcome_key") == []
