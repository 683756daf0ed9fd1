"""The rest of the catalogue: debits out and in, senior contact, prior notice of credit reporting, asset search."""

import csv
from dataclasses import replace
from datetime import timedelta

import pytest
from outreach_world import CALL, DAY, SMS, World, one_customer
from sqlalchemy import update

from arrears.core.keys import natural_key
from arrears.ladder.holds import holds_in_force
from arrears.ledger.intake import import_feed
from arrears.outreach.debits import write_debit_file
from arrears.outreach.placement_reports import apply_placement_reports
from arrears.outreach.placements import recall_placements, write_placement_files
from arrears.outreach.work_items import write_scripts
from arrears.reports.control import exceptions_of
from arrears.reports.worklists import write_worklists
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import account, agency, debit, hold, placement_report, staff
from arrears.store.tables.outreach import contact, person_budget, placement, work_item
from arrears.store.tables.people import account_party

RUN = "daily-2026-11-12-1"
DEBIT = {"step": "debit_retry", "channel": "debit", "audience": "borrower", "tone": "courteous", "rung": 1}


def other(channel: str, **more: object) -> dict[str, object]:
    return {"step": channel, "channel": channel, "audience": "borrower", "tone": "serious", "rung": 2} | more


@pytest.fixture
def mandated(world: World) -> World:
    one_customer(world, DEBIT, SMS, CALL, accounts=2)
    with writing(world.engine) as connection:
        connection.execute(update(account).values(debit_mandate="M-7"))
    world.plan()
    return world


def read(world: World, path: str) -> list[dict[str, str]]:
    with (world.rt.settings.home / "artifacts" / path).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_a_debit_goes_to_the_bank_once_and_while_it_is_in_flight_nobody_is_contacted(mandated, witnesses):
    world = mandated
    counts = world.send(witnesses)
    assert {row.channel: (row.state, row.reason) for row in world.rows(contact)} == {
        "debit": ("sent", None),
        "sms": ("withheld", "hold_payment_in_flight"),
        "call": ("withheld", "hold_payment_in_flight"),
    }
    assert (counts["sent"], world.rows(person_budget)) == (1, []), "the bank is asked, not the person"
    path = write_debit_file(world.rt, world.engine, RUN)
    rows = read(world, path)
    assert [(row["account_id"], row["mandate"], row["amount"]) for row in rows] == [
        ("A1", "M-7", "100.00"), ("A2", "M-7", "200.00")]  # fmt: skip
    assert write_debit_file(world.rt, world.engine, "dispatch-2026-11-12-9") is None
    assert world.send(witnesses)["sent"] == 0


def test_a_file_that_a_crash_left_unwritten_is_written_with_the_same_requests(mandated, witnesses):
    world = mandated
    world.send(witnesses)
    path = write_debit_file(world.rt, world.engine, RUN)
    file = world.rt.settings.home / "artifacts" / path
    before = file.read_bytes()
    file.unlink()
    write_debit_file(world.rt, world.engine, "dispatch-2026-11-12-2")
    assert file.read_bytes() == before
    assert [row.file for row in world.rows(debit)] == [path, path]


def test_the_banks_answer_ends_the_hold(mandated, witnesses, tmp_path):
    world = mandated
    world.send(witnesses)
    rows = read(world, write_debit_file(world.rt, world.engine, RUN))
    answer = tmp_path / "debits.csv"
    lines = [f"{row['account_id']},{row['debit_id']},2026-11-12,{row['amount']},failed" for row in rows]
    answer.write_text("account_id,debit_id,requested_on,amount,result\n" + "\n".join(lines) + "\n")
    import_feed(world.rt, world.engine, RUN, "debits", answer, DAY)
    assert [row.result for row in world.rows(debit)] == ["failed", "failed"]
    assert len(world.rows(debit)) == 2
    second = world.run("daily-2026-11-12-2")
    for account_id in ("A1", "A2"):
        world.decide(account_id, [CALL | {"ordinal": 2}], revision=2, run_id=second)
    assert world.plan(second).suppressed == {"already_contacted_today": 2}


def test_without_a_mandate_nothing_is_debited_and_two_borrowers_are_debited_once(world, witnesses):
    world.person("P1")
    world.person("P2", mobile="13800000002")
    world.account("A1", {"P1": "borrower", "P2": "co_borrower"})
    world.decide("A1", [DEBIT])
    assert world.plan().suppressed == {"no_mandate": 1}
    with writing(world.engine) as connection:
        connection.execute(update(account).values(debit_mandate="M-7"))
    world.plan(world.run("daily-2026-11-12-2"))
    world.send(witnesses)
    assert [row.amount_minor for row in world.rows(debit)] == [500_00]


def test_a_senior_contact_is_the_managers_and_a_search_the_fields_and_a_notice_the_legal_desks(world, witnesses):
    for staff_id, role in (("M1", "manager"), ("V1", "field"), ("S1", "collector")):
        with writing(world.engine) as connection:
            connection.execute(
                staff.insert().values(
                    staff_id=staff_id, name=staff_id, roles=role, skills="", dialects="", branch="B", language="zh"
                )
            )
    one_customer(world, other("senior_contact"), other("asset_search"), other("credit_notice"))
    world.plan()
    assert world.send(witnesses)["sent"] == 3
    assert {row.channel: row.staff_id for row in world.rows(contact)} == {
        "senior_contact": "M1", "asset_search": "V1", "credit_notice": "S1"}  # fmt: skip
    write_scripts(world.rt, world.engine, DAY, world.policy)
    said = {row.staff_id: row.script for row in world.rows(work_item)}
    assert "我是示例融资租赁有限公司的负责人" in said["M1"]
    assert "不联系债务人" in said["V1"]
    assert "征信业管理条例" in said["S1"]
    desks = {file.desk for file in write_worklists(world.rt, world.engine, RUN, DAY, world.policy)}
    assert desks == {"M1", "V1", "legal"}


def test_a_search_takes_nothing_from_the_persons_day(world, witnesses):
    one_customer(world, other("asset_search"), CALL)
    world.plan()
    world.send(witnesses)
    assert {row.channel for row in world.rows(person_budget)} == {"call", "all"}


def test_a_lender_that_does_not_report_sends_no_prior_notice_of_reporting(world, witnesses):
    silent = world.policy.model_copy(
        update={"notices": world.policy.notices.model_copy(update={"consequences": ["late_charges"]})}
    )
    one_customer(world, other("credit_notice"))
    assert replace(world, policy=silent).plan().suppressed == {"not_reported": 1}


def test_a_lock_is_never_a_contact(world):
    one_customer(world, other("remote_lock", rung=4))
    assert world.plan().suppressed == {"channel_not_enabled": 1}


def test_an_account_in_the_hands_of_nobody_but_the_borrower_has_its_people(world):
    one_customer(world, other("senior_contact"))
    with writing(world.engine) as connection:
        connection.execute(account_party.delete())
    assert world.plan().suppressed == {"no_borrower": 1}


PLACEMENT = other("placement", rung=3)


@pytest.fixture
def placeable(world: World) -> World:
    """A customer two agencies could collect from, were the second one's licence in force."""
    for agency_id, until in (("AG-1", DAY), ("AG-2", DAY - timedelta(days=1))):
        with writing(world.engine) as connection:
            connection.execute(
                agency.insert().values(
                    agency_id=agency_id, name=agency_id, region="B", channel="file", licence_until=until,
                    services="collection;recovery", data_agreement_ref="DPA-1",
                )
            )  # fmt: skip
    one_customer(world, PLACEMENT, CALL, name="=张三")
    world.plan()
    return world


def test_a_placed_account_is_handed_over_once_and_nobody_else_calls(placeable, witnesses):
    world = placeable
    world.send(witnesses)
    (row,) = world.rows(placement)
    assert (row.agency_id, row.state, row.amount_minor) == ("AG-1", "placed", 100_00)
    assert {one.channel: (one.state, one.reason) for one in world.rows(contact)} == {
        "placement": ("sent", None),
        "call": ("withheld", "hold_placement"),
    }
    (path,) = write_placement_files(world.rt, world.engine, RUN)
    (told,) = read(world, path)
    assert (told["account_id"], told["name"], told["mobile"], told["amount"]) == (
        "A1",
        "'=张三",
        "13800000001",
        "100.00",
    )
    assert write_placement_files(world.rt, world.engine, "dispatch-2026-11-12-2") == []
    event = next(one for one in world.events() if one["type"] == "placement.file_written")
    assert event["data"]["fields"][:3] == ["placement_id", "account_id", "name"]
    assert "张三" not in str(world.events())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c.execute(hold.insert().values(hold_key="1" * 64, account_id="A1", kind="dispute", from_on=DAY)),
         "hold_dispute"),
        (lambda c: c.execute(update(account).values(closed_on=DAY)), "account_closed"),
    ],
)  # fmt: skip
def test_what_was_overtaken_is_recalled_in_writing(placeable, witnesses, change, reason):
    world = placeable
    world.send(witnesses)
    write_placement_files(world.rt, world.engine, RUN)
    assert recall_placements(world.rt, world.engine, RUN, DAY, world.policy) == {}
    with writing(world.engine) as connection:
        change(connection)
    assert recall_placements(world.rt, world.engine, RUN, DAY, world.policy) == {reason: 1}
    assert recall_placements(world.rt, world.engine, RUN, DAY, world.policy) == {}
    (path,) = write_placement_files(world.rt, world.engine, "dispatch-2026-11-12-2")
    assert [(row["account_id"], row["reason"]) for row in read(world, path)] == [("A1", reason)]


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        ({"instalments": 0, "overdue": 0}, {"cured": 1}),
        (None, {"cured": 1}),
        ({"instalments": 1, "overdue": 40_00}, {}),
    ],
    ids=["a step of the day", "nothing to decide", "part paid"],
)
def test_who_is_cured_by_the_next_mornings_ledger_is_taken_back_from_the_agency(placeable, witnesses, found, reasons):
    world, morning = placeable, DAY + timedelta(days=1)
    world.send(witnesses)
    run_id = world.run("daily-2026-11-13-2", day=morning)
    assert recall_placements(world.rt, world.engine, RUN, DAY, world.policy) == {}, "nothing is decided yet"
    if found:
        world.decide("A1", [], day=morning, run_id=run_id, **found)
    world.freeze(run_id, ["A1"])
    assert recall_placements(world.rt, world.engine, RUN, morning, world.policy) == reasons


@pytest.mark.parametrize("why", ["missing now", "missing then, back in a file not decided yet", "incomplete"])
def test_who_is_missing_from_the_next_mornings_ledger_is_not_taken_for_cured(placeable, witnesses, why):
    world, morning = placeable, DAY + timedelta(days=1)
    world.send(witnesses)
    run_id = world.run("daily-2026-11-13-2", day=morning)
    world.freeze(run_id, ["A1"] if why == "incomplete" else [], incomplete=True)
    if why == "missing now":
        with writing(world.engine) as connection:
            connection.execute(update(account).values(is_missing=True))
    assert recall_placements(world.rt, world.engine, RUN, morning, world.policy) == {}


def test_an_earlier_date_run_again_recalls_by_no_hold_that_was_over_before_the_placement(placeable, witnesses):
    world = placeable
    world.send(witnesses)
    long_ago = DAY - timedelta(days=45)
    over = {"from_on": long_ago, "until_on": DAY - timedelta(days=40)}
    with writing(world.engine) as connection:
        connection.execute(hold.insert().values(hold_key="1" * 64, account_id="A1", kind="dispute", **over))
    assert recall_placements(world.rt, world.engine, RUN, long_ago, world.policy) == {}


def test_without_a_licensed_agency_under_a_data_agreement_nothing_is_placed(world):
    with writing(world.engine) as connection:
        connection.execute(
            agency.insert().values(
                agency_id="AG-1", name="x", region="", channel="file", licence_until=DAY, services="collection"
            )
        )
    one_customer(world, PLACEMENT)
    assert world.plan().suppressed == {"no_agency": 1}


def report(world: World, state: str, at: str, placement_id: str) -> dict[str, int]:
    row = {"account_id": "A1", "placement_id": placement_id, "state": state, "at": at}
    key = natural_key("A1", placement_id, state, at)
    with writing(world.engine) as connection:
        connection.execute(placement_report.insert().values(placement_report_key=key, **row))
    return apply_placement_reports(world.rt, world.engine, RUN)


def test_a_recalled_account_stays_on_hold_until_the_agency_says_that_it_has_stopped(placeable, witnesses):
    world = placeable
    world.send(witnesses)
    key = world.rows(placement)[0].placement_id
    assert report(world, "accepted", "2026-11-12T01:30:00Z", key) == {"accepted": 1}
    with writing(world.engine) as connection:
        connection.execute(update(account).values(closed_on=DAY))
    recall_placements(world.rt, world.engine, RUN, DAY, world.policy)
    with reading(world.engine) as connection:
        assert "placement" in holds_in_force(connection, DAY, world.policy)["A1"][0]
        late = exceptions_of(connection, DAY + timedelta(days=2), None, world.policy)
    assert late[0].kind == "placement_overdue"
    assert report(world, "recalled", "2026-11-12T01:00:00Z", key) == {"before_the_recall": 1}
    assert report(world, "recalled", "2026-11-12T02:00:00Z", key) == {"recalled": 1}
    assert report(world, "recalled", "2026-11-12T01:59:00Z", key) == {"is_recalled": 1}
    assert report(world, "recalled", "2026-11-12T01:58:00Z", "0" * 64) == {"no_such_placement": 1}
    with reading(world.engine) as connection:
        assert holds_in_force(connection, DAY, world.policy) == {}
        assert not [one for one in exceptions_of(connection, DAY + timedelta(days=2), None, world.policy)
                    if one.kind == "placement_overdue"]  # fmt: skip
    (row,) = world.rows(placement)
    assert (row.state, row.accepted_at) == ("recalled", "2026-11-12T01:30:00Z")
    told = [one["type"] for one in world.events() if one["type"].startswith("placement.")]
    assert told.count("placement.recall_acknowledged") == 1
    assert told.count("placement.report_refused") == 3
