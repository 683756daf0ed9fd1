"""The printed work list: what is written fits its cell, and no card is cut in two between pages."""

import io
from datetime import date

import openpyxl

from arrears.reports.briefs import Card
from arrears.reports.card_sheet import SCALE
from arrears.reports.sheet import COLUMNS, WIDTHS, list_sheet
from arrears.reports.wording import words
from arrears.reports.worklist_rows import Row

DAY = date(2026, 11, 12)


def book(number: int):
    rows = [
        Row(
            "S1",
            f"A{n}",
            f"P{n}",
            "张三",
            "13800000000",
            "",
            "call",
            "borrower",
            "firm",
            1,
            100_00,
            100_00,
            "CNY",
            "",
            None,
            None,
            "good_faith",
        )
        for n in range(number)
    ]
    cards = {
        (row.party_id, "call"): Card(row.party_id, "call", "怎么说\n" * 12, "先看\n" * 9, ("☐ 原因",)) for row in rows
    }
    return openpyxl.load_workbook(io.BytesIO(list_sheet(rows, "清单", DAY, words("zh"), cards)))


def test_a_card_begins_a_page_rather_than_be_cut_in_two():
    sheet = book(12)["话术与简报"]
    heads = {cell.row for (cell,) in sheet.iter_rows(max_col=1) if "张三" in str(cell.value)}
    begins = [one.id + 1 for one in sheet.row_breaks.brk]
    assert len(begins) >= 2
    assert set(begins) <= heads
    assert sheet.page_setup.scale == SCALE, "a sheet that is made to fit ignores where its pages begin"
    assert [one.id for one in book(1)["话术与简报"].row_breaks.brk] == []


def test_a_moment_fits_into_its_cell():
    sheet = book(1)["清单"]
    cell = sheet.cell(2, COLUMNS.index("at") + 1)
    assert len(cell.number_format) < WIDTHS["at"], "a spreadsheet shows #### where a date is wider than its cell"


def test_what_a_cell_does_not_take_is_refused_with_how_to_write_it():
    rules = book(1)["清单"].data_validations.dataValidation
    said = {rule.errorTitle: rule.error for rule in rules}
    assert said["联系时间"] == "请写日期和时间，例如 2026-11-12 10:30。"
    assert said["结果"] == "请从下拉框里选。"
    assert said["下次跟进"].startswith("请写日期，不早于 2026-11-12")
    assert {rule.errorStyle or "stop" for rule in rules} == {"stop"}
