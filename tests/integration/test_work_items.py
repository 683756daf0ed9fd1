"""Work reaches a named person with what to say, to know and to bring back; what does not fit comes back tomorrow."""

import io
import re
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from openpyxl import load_workbook
from outreach_world import CALL, DAY, LETTER, SMS, World, one_customer
from sqlalchemy import func, update

from arrears.ladder.rulebook import keep_policy
from arrears.outreach.work_items import write_scripts
from arrears.reports.briefs import owed_lines
from arrears.reports.wording import words
from arrears.reports.worklists import write_worklists
from arrears.store.engine import writing
from arrears.store.snapshot import Instalment
from arrears.store.tables.decisions import verdict
from arrears.store.tables.feeds import account, assignment, location, outcome, promise, staff
from arrears.store.tables.outreach import contact, suppression, work_item
from arrears.store.tables.runs import run

RUN = "daily-2026-11-12-1"
VISIT = {"step": "visit", "channel": "visit", "audience": "borrower", "tone": "firm", "rung": 2}


def hire(world: World, staff_id: str, role: str = "collector", **more: object) -> None:
    row = {"name": f"员工{staff_id}", "roles": role, "skills": "", "dialects": "", "branch": "B", "language": "zh"}
    with writing(world.engine) as connection:
        connection.execute(staff.insert().values(staff_id=staff_id, **(row | more)))


def book(world: World, desk: str) -> object:
    write_scripts(world.rt, world.engine, DAY, world.policy)
    file = next(f for f in write_worklists(world.rt, world.engine, RUN, DAY, world.policy) if f.desk == desk)
    content = (world.rt.settings.home / "artifacts" / file.path).read_bytes()
    return load_workbook(io.BytesIO(content))


def text_of(world: World, desk: str) -> str:
    return "\n".join(str(cell) for row in book(world, desk).worksheets[1].values for cell in row if cell)


def test_the_card_of_a_call_says_the_amount_the_part_payment_and_the_rights(world):
    hire(world, "S1")
    one_customer(world, CALL, accounts=2)
    world.plan()
    said = text_of(world, "S1")
    for phrase in (
        "请问是张三本人吗",
        "合计300.00元",
        "可先部分还款（不低于500.00元）",
        "不收取任何催收费用",
    ):
        assert phrase in said
    assert world.policy.version not in said, "a collector needs no version of the rules"
    assert not re.search(r"\b(?=\w*[a-f])[0-9a-f]{8,}\b", said), "nor the number or a hash of anything"
    assert "最迟 2026-11-12 20:00 前完成" in said
    assert "还没有联系过此人" in said
    assert "（见话术第1张）" in str(list(book(world, "S1").worksheets[0].values))


def test_the_good_faith_lane_is_worked_first_however_small_the_amount(world):
    hire(world, "S1", capacity=2)
    for number, (lane, overdue) in enumerate((("aged", 900_00), ("high_risk", 800_00), ("good_faith", 100_00)), 1):
        world.person(f"P{number}", mobile=f"1380000000{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [CALL], overdue=overdue, lane=lane)
    world.plan()
    listed = [row[1] for row in list(book(world, "S1").worksheets[0].values)[1:]]
    assert listed == ["A3", "A2"], "the old case waits for tomorrow, and easy work goes first"


def test_the_card_tells_the_treatment_by_rating_and_what_the_reason_asks_for(world):
    hire(world, "S1")
    one_customer(world, CALL)
    with writing(world.engine) as connection:
        connection.execute(outcome.insert().values(
            outcome_key="k", account_id="A1", party_id="P1", channel="call", at="2026-11-10T03:00:00Z",
            outcome="contacted", reason="business_distress", willingness="low", ability="low"))  # fmt: skip
        connection.execute(
            update(verdict).values(
                body=func.replace(
                    verdict.c.body, '"suppressed"', '"reasons":["stage_1","treatment_secure"],"suppressed"'
                )
            )
        )
    world.plan()
    said = text_of(world, "S1")
    assert "评估：不愿也不能：查明设备，同时催告保证人，提早准备法律材料" in said
    assert "经营困境：商谈分期，同时查明设备位置" in said


def test_the_card_of_a_visit_has_habit_promises_machine_and_checklist(world):
    hire(world, "V1", "field")
    hire(world, "V2", "field")
    one_customer(world, VISIT, preferred_time="14:00-16:00")
    with writing(world.engine) as connection:
        connection.execute(update(account).values(asset_make="徐工", asset_serial="XUG123"))
        connection.execute(
            location.insert().values(
                location_key="1" * 64, account_id="A1", at="2026-11-11T02:00:00Z", lat="31.2", lon="121.5", source="gps"
            )
        )
        connection.execute(
            promise.insert().values(
                promise_key="2" * 64,
                account_id="A1",
                made_on=DAY - timedelta(days=20),
                due_on=DAY - timedelta(days=15),
                amount_minor=100_00,
                state="broken",
            )
        )
        connection.execute(outcome.insert().values(
            outcome_key="3" * 64, account_id="A1", party_id="P1", channel="call", at="2026-11-06T02:00:00Z",
            outcome="promised", next_action_on=date(2026, 11, 10)))  # fmt: skip
    world.plan()
    (row,) = world.rows(work_item)
    assert (row.staff_id, row.companion_id) == ("V1", "V2")
    said = text_of(world, "V1")
    for phrase in ("同行：员工V2", "14:00-16:00", "没有兑现 1 次", "徐工 XUG123", "31.2, 121.5", "约定 2026-11-10 跟进",
                  "☐ 欠款证据：对账签字", "☐ 设备位置（看不到的写明原因）"):  # fmt: skip
        assert phrase in said


def test_what_does_not_fit_into_the_day_is_listed_with_its_reason_and_is_there_again_tomorrow(world):
    hire(world, "S1", capacity=2)
    for number in range(4):
        world.person(f"P{number}", mobile=f"1380000000{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [CALL], overdue=100_00 * (number + 1))
    assert world.plan().suppressed == {"not_reached_capacity": 2}
    assert {row.account_id for row in world.rows(suppression)} == {"A0", "A1"}, "the smaller amounts wait"
    assert world.plan(world.run("daily-2026-11-12-2")).planned == 0
    tomorrow = DAY + timedelta(days=1)
    later, run_id = world.at(time(10), tomorrow), world.run("daily-2026-11-13-1", day=tomorrow)
    for number in range(2):
        later.decide(f"A{number}", [CALL], day=tomorrow, run_id=run_id)
    assert later.plan(run_id, tomorrow).planned == 2


def test_an_account_whose_owner_is_nobody_gets_one_and_the_log_says_so(world):
    hire(world, "C1")
    hire(world, "C2", dialects="wu")
    hire(world, "C3", branch="Elsewhere")
    hire(world, "C4", certificate_until=DAY - timedelta(days=1))
    world.person("P1", dialect="wu")
    world.account("A1", {"P1": "borrower"}, owner=None)
    world.decide("A1", [CALL])
    world.plan()
    assert [(row.account_id, row.staff_id) for row in world.rows(assignment)] == [("A1", "C2")]
    assert [row.staff_id for row in world.rows(contact)] == ["C2"]
    told = [event for event in world.events() if event["type"] == "account.assigned"]
    assert [event["data"]["staff_id"] for event in told] == ["C2"]


def test_a_list_is_the_same_whatever_number_of_people_is_read_at_a_time(world, monkeypatch):
    hire(world, "S1")
    for number in range(3):
        world.person(f"P{number}", name=f"客户{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [CALL])
    world.plan()
    whole = text_of(world, "S1")
    monkeypatch.setattr("arrears.reports.briefs.PEOPLE", 1)
    assert text_of(world, "S1") == whole
    assert all(f"A{number}" in whole for number in range(3))


def test_many_accounts_without_an_owner_are_shared_out_as_if_in_one_round(world, monkeypatch):
    monkeypatch.setattr("arrears.outreach.owners.AT_A_TIME", 2)
    for staff_id in ("C1", "C2"):
        hire(world, staff_id)
    for number in range(7):
        world.person(f"P{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"}, owner=None)
        world.decide(f"A{number}", [CALL])
    world.plan()
    owners = [row.staff_id for row in sorted(world.rows(assignment), key=lambda row: row.account_id)]
    assert owners == ["C1", "C2", "C1", "C2", "C1", "C2", "C1"]


def test_a_list_of_assignments_moves_the_accounts_it_names(world):
    for staff_id in ("S1", "S2"):
        hire(world, staff_id)
    one_customer(world, CALL)
    with writing(world.engine) as connection:
        connection.execute(assignment.insert().values(account_id="A1", staff_id="S2", from_on=DAY))
    world.plan()
    assert [row.staff_id for row in world.rows(contact)] == ["S2"]


@pytest.mark.parametrize("until", [None, DAY])
def test_the_work_of_who_is_away_goes_to_the_deputy(world, until):
    hire(world, "S1", absent_from=DAY, absent_until=until, deputy="S2")
    hire(world, "S2")
    one_customer(world, CALL, SMS)
    world.plan()
    assert {row.channel: row.staff_id for row in world.rows(contact)} == {"call": "S2", "sms": "S1"}


def test_a_letter_is_due_by_the_next_working_evening_and_without_a_file_the_list_says_so(world):
    one_customer(world, LETTER)
    world.plan()
    (row,) = world.rows(work_item)
    assert row.due_at == "2026-11-13T10:00:00Z"
    assert "函件未能生成" in text_of(world, "legal")


def test_what_was_erased_is_not_written_again(world):
    hire(world, "S1")
    one_customer(world, CALL)
    world.plan()
    with writing(world.engine) as connection:
        connection.execute(update(work_item).values(erased_at="2026-11-12T01:00:00Z"))
    write_scripts(world.rt, world.engine, DAY, world.policy)
    assert [row.script for row in world.rows(work_item)] == [None]


def test_the_card_lists_every_overdue_instalment_with_what_it_is_made_of():
    rows = [Instalment(n, date(2026, n, 2), 100_00, 40_00 if n == 3 else 0, 90_00, 10_00, None) for n in range(3, 12)]
    lines = owed_lines(rows, "CNY", DAY, words("zh"))
    assert lines[0] == "第3期 2026-03-02 到期，应还 ¥100.00，未还 ¥60.00 (本金 ¥90.00, 利息 ¥10.00)"
    assert (len(lines), lines[-1]) == (7, "另有 3 期逾期。")


@pytest.mark.parametrize("channel", ["call", "visit", "letter", "senior_contact", "credit_notice"])
def test_a_script_that_the_lint_refuses_takes_its_item_off_the_list(world, witnesses, channel):
    notices = world.policy.notices.model_copy(update={"banned_words": {"zh": [world.policy.creditor.name]}})
    strict = world.policy.model_copy(update={"notices": notices})
    world = replace(world, policy=strict)
    with writing(world.engine) as connection:
        keep_policy(connection, strict)
        connection.execute(update(run).values(policy_sha256=strict.sha256))
    one_customer(world, CALL | {"step": channel, "channel": channel})
    world.plan()
    world.send(replace(witnesses, policy=strict))
    assert [(row.state, row.reason) for row in world.rows(contact)] == [("withheld", "text_refused")]
