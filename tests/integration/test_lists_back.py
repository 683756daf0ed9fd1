"""A filled list comes back: good rows count once, refused ones return with their reasons, a correction replaces."""

from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from outreach_world import CALL, DAY, World

from arrears.ladder.evidence import record_evidence
from arrears.reports.worklists import write_worklists
from arrears.steps import intake
from arrears.store.engine import writing
from arrears.store.tables.decisions import evidence
from arrears.store.tables.feeds import outcome, promise, staff

RUN = "daily-2026-11-12-1"
AT, RESULT, NEXT, AMOUNT, ON = "联系时间", "结果", "下次跟进", "承诺金额", "承诺日期"
NINE, LATER = datetime.fromisoformat("2026-11-12T09:30:00"), datetime.fromisoformat("2026-11-16")


@pytest.fixture
def listed(world: World) -> tuple[World, Path]:
    """A list of three calls, in the folder in which it was issued."""
    with writing(world.engine) as connection:
        connection.execute(
            staff.insert().values(
                staff_id="S1", name="员工", roles="collector", skills="", dialects="", branch="B", language="zh"
            )
        )
    for number in range(3):
        world.person(f"P{number}", mobile=f"1380000000{number}")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", [CALL], overdue=100_00 * (3 - number))
    world.plan()
    (file,) = write_worklists(world.rt, world.engine, RUN, DAY, world.policy)
    return world, world.rt.settings.home / "artifacts" / file.path


def fill(path: Path, *rows: dict[str, object]) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book["清单"]
    place = {cell.value: cell.column for cell in sheet[1]}
    for number, row in enumerate(rows, start=2):
        for head, value in row.items():
            sheet.cell(number, place[head], value)
    book.save(path)


GOOD = {AT: NINE, RESULT: "无人接听", NEXT: LATER}
NO_NEXT_STEP = {AT: NINE, RESULT: "已联系到本人"}
HALF_A_PROMISE = {AT: NINE, RESULT: "承诺还款", NEXT: LATER, AMOUNT: 50}


def test_good_rows_count_once_and_bad_ones_come_back_with_their_reasons(listed):
    world, path = listed
    fill(path, GOOD, NO_NEXT_STEP, HALF_A_PROMISE)
    counts = intake.import_file(world.rt, "outcomes", path)
    assert (counts["rows"], counts["accepted"], counts["quarantined"]) == (3, 1, 2)
    assert counts["returned"] == f"returned/{path.name}"
    back = path.parent / counts["returned"]
    sheet = openpyxl.load_workbook(back).active
    assert [sheet.row_dimensions[row].hidden for row in (2, 3, 4)] == [True, False, False]
    assert [sheet.cell(row, sheet.max_column).value for row in (1, 2, 3, 4)] == [
        "退回原因", None, "下次跟进: 必填项空着", "承诺金额: 金额和日期缺一"]  # fmt: skip
    red = [cell.value for cell in sheet[3] if cell.fill.start_color.rgb == "00F8C9C9"]
    assert red == [None, "下次跟进: 必填项空着"]

    fill(back, {}, {NEXT: LATER}, {ON: datetime.fromisoformat("2026-11-20")})
    again = intake.import_file(world.rt, "outcomes", back)
    assert (again["accepted"], again["quarantined"], again["returned"]) == (3, 0, None)
    assert sorted((row.account_id, row.outcome) for row in world.rows(outcome)) == [
        ("A0", "no_answer"), ("A1", "contacted"), ("A2", "promised")]  # fmt: skip
    assert [(row.account_id, row.amount_minor) for row in world.rows(promise)] == [("A2", 50_00)]
    assert sum(event["type"] == "contact.recorded" for event in world.events()) == 3, "the good row is told once"


def test_a_copy_given_back_twice_bears_the_marks_of_the_second_time_alone(listed):
    world, path = listed
    fill(path, GOOD, NO_NEXT_STEP, HALF_A_PROMISE)
    back = path.parent / str(intake.import_file(world.rt, "outcomes", path)["returned"])
    fill(back, {}, {NEXT: LATER, RESULT: "打通了"}, {ON: datetime.fromisoformat("2026-11-20")})
    again = back.parent / str(intake.import_file(world.rt, "outcomes", back)["returned"])
    sheet = openpyxl.load_workbook(again).active
    assert [cell.value for cell in sheet[1]].count("退回原因") == 1
    notes = [sheet.cell(row, sheet.max_column).value for row in (2, 3, 4)]
    assert notes == [None, "结果: 不在下拉框的选项之内", None]
    red = [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.fill.start_color.rgb == "00F8C9C9"]
    assert red == [sheet.cell(3, [cell.value for cell in sheet[1]].index(RESULT) + 1).coordinate,
                   sheet.cell(3, sheet.max_column).coordinate]  # fmt: skip


def test_a_list_is_known_by_its_header_wherever_it_is_laid(listed, tmp_path):
    """A collector gives the file back; nobody lays a mapping beside it."""
    world, path = listed
    fill(path, GOOD, NO_NEXT_STEP)
    elsewhere = tmp_path / "outcomes__wang.xlsx"
    elsewhere.write_bytes(path.read_bytes())
    counts = intake.import_file(world.rt, "outcomes", elsewhere)
    assert (counts["rows"], counts["accepted"], counts["quarantined"]) == (2, 1, 1)
    marked = openpyxl.load_workbook(tmp_path / counts["returned"]).worksheets[0]
    assert "必填项空着" in str(marked.cell(3, marked.max_column).value)


def test_a_row_in_which_nobody_wrote_is_neither_taken_in_nor_hidden(listed):
    world, path = listed
    fill(path, GOOD, NO_NEXT_STEP)
    back = path.parent / str(intake.import_file(world.rt, "outcomes", path)["returned"])
    sheet = openpyxl.load_workbook(back).active
    assert sheet.row_dimensions[4].hidden is False


def test_a_corrected_result_takes_the_place_of_the_first_and_of_what_followed_from_it(listed):
    world, path = listed
    promised = {AT: NINE, RESULT: "承诺还款", NEXT: LATER, AMOUNT: 50, ON: datetime.fromisoformat("2026-11-20")}
    fill(path, promised)
    intake.import_file(world.rt, "outcomes", path)
    with writing(world.engine) as connection:
        assert record_evidence(connection, DAY, world.policy) == 1
    fill(path, {RESULT: "无人接听", AMOUNT: "", ON: ""})
    intake.import_file(world.rt, "outcomes", path)
    assert [row.outcome for row in world.rows(outcome)] == ["no_answer"]
    assert [row.state for row in world.rows(promise)] == ["withdrawn"]
    with writing(world.engine) as connection:
        record_evidence(connection, DAY, world.policy)
    assert [row.kind for row in world.rows(evidence)] == ["call_attempt"], "one call is one attempt"
    (told,) = [event for event in world.events() if event["type"] == "contact.corrected"]
    assert (told["data"]["was"], told["data"]["outcome"]) == ("promised", "no_answer")


def test_a_result_that_arrives_days_late_counts_for_the_day_it_happened(listed):
    world, path = listed
    fill(path, GOOD | {AT: datetime.fromisoformat("2026-11-09T10:00:00")})
    intake.import_file(world.rt, "outcomes", path)
    with writing(world.engine) as connection:
        record_evidence(connection, DAY, world.policy)
    (row,) = world.rows(evidence)
    assert (row.local_date.isoformat(), row.counts) == ("2026-11-09", True)
