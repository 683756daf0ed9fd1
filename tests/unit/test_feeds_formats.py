"""The same feed as CSV in another encoding, XLSX, Parquet or SQL gives the same stages, or says why not."""

import re
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arrears.core.errors import BadArguments, BadInput, TemporaryFailure
from arrears.ledger import read_csv, read_xlsx
from arrears.ledger.catalogue import FEEDS
from arrears.ledger.cells import parse
from arrears.ledger.columns import NAMES, Context
from arrears.ledger.mapping import Dialect, read_mapping
from arrears.ledger.read import find_feeds
from arrears.ledger.read_xlsx import headers_of
from arrears.ledger.stage_file import stage_files
from arrears.store.spool import Spool

DAY = date(2026, 11, 12)
STAGED = "00123,2026-11-12,1234.50,2026-10-15,28,1,1\n"


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.csv"
    path.write_text("account_id,closed_on\n00123,\n", encoding="utf-8")
    return path


def staged(accounts: Path, instalments: Path, *, mapping: str | None = None, ledger_url: str | None = None) -> str:
    out, map_file = accounts.parent / "out.csv", accounts.parent / "mapping.yaml"
    if mapping is not None:
        map_file.write_text(mapping, encoding="utf-8")
    stage_files(accounts, instalments, None, DAY, out, mapping=map_file, ledger_url=ledger_url)
    return out.read_text(encoding="utf-8").split("\n", 1)[1]


CHINESE = """
instalments:
  encoding: gb18030
  delimiter: ";"
  dates: "%Y年%m月%d日"
  thousands: ","
  columns: {合同号: account_id, 期次: instalment_no, 应还日: due_date, 应还金额: amount_due}
"""


def test_chinese_headers_in_gb18030_are_read_as_mapped(accounts: Path, tmp_path: Path) -> None:
    path = tmp_path / "instalments.csv"
    path.write_bytes("合同号;期次;应还日;应还金额;备注\n00123;1;2026年10月15日;1,234.50;无\n".encode("gb18030"))
    assert staged(accounts, path, mapping=CHINESE) == STAGED


def test_nothing_is_guessed_without_a_mapping(accounts: Path, tmp_path: Path) -> None:
    path = tmp_path / "instalments.csv"
    path.write_bytes("合同号,期次,应还日,应还金额\n00123,1,2026-10-15,1234.50\n".encode("gb18030"))
    with pytest.raises(BadInput, match="row 1: not utf-8; name the encoding"):
        staged(accounts, path)


def test_utf8_read_as_gb18030_is_noticed_at_the_header(accounts: Path, tmp_path: Path) -> None:
    path = tmp_path / "instalments.csv"
    path.write_text("合同号;期次;应还日期;应还金额\n00123;1;2026年10月15日;1,234.50\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"row 1: (missing column|not gb18030)"):
        staged(accounts, path, mapping=CHINESE)


def test_a_thousands_mark_in_the_wrong_place_is_no_number(accounts: Path, tmp_path: Path) -> None:
    path = tmp_path / "instalments.csv"
    path.write_bytes("合同号;期次;应还日;应还金额\n00123;1;2026年10月15日;12,34.50\n".encode("gb18030"))
    with pytest.raises(BadInput, match="bad_amount"):
        staged(accounts, path, mapping=CHINESE)


def workbook(path: Path, *rows: tuple[object, ...]) -> Path:
    book = openpyxl.Workbook()
    for row in (("account_id", "instalment_no", "due_date", "amount_due"), *rows):
        book.active.append(row)
    book.save(path)
    return path


def test_a_sheet_gives_its_numbers_as_decimal_text_and_its_dates_as_dates(accounts: Path, tmp_path: Path) -> None:
    due = datetime(2026, 10, 15)  # noqa: DTZ001 - a sheet knows no zones
    path = workbook(tmp_path / "instalments.xlsx", ("00123", 1, due, 1234.5), (None, None, None, None))
    assert staged(accounts, path) == STAGED


def changed(path: Path, change: Callable[[bytes], bytes], part: str = "xl/worksheets/sheet1.xml") -> Path:
    """Change a part of a workbook as no honest program would leave it."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    before = parts[part]
    parts[part] = change(before)
    assert parts[part] != before
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


def with_stale_dimension(path: Path, said: str) -> Path:
    """Let the sheet say that it reaches less far than it does, as programs do that add rows and leave the note."""
    return changed(path, lambda sheet: re.sub(rb'<dimension ref="[^"]*"', f'<dimension ref="{said}"'.encode(), sheet))


@pytest.mark.parametrize("said", ["A1:D3", "A1:B9", "A1", "B2:C3"])
def test_every_row_of_a_sheet_is_read_however_far_it_says_it_reaches(accounts: Path, tmp_path: Path, said: str) -> None:
    rows = [("00123", number, date(2026, number, 15), 100) for number in range(1, 7)]
    path = with_stale_dimension(workbook(tmp_path / "instalments.xlsx", *rows), said)
    assert staged(accounts, path) == "00123,2026-11-12,600.00,2026-01-15,301,6,3\n"
    assert headers_of(path) == [["account_id", "instalment_no", "due_date", "amount_due"]]


def test_rows_narrower_than_the_header_and_columns_of_nothing_beside_it_are_read(
    accounts: Path, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.active.append(("account_id", "instalment_no", "due_date", "amount_due", "penalty_due", None))
    book.active.append(("00123", 1, date(2026, 10, 15), 1234.5))
    book.active["H2"].number_format = "0.00"
    book.active["A9"].number_format = "@"
    book.save(path := tmp_path / "instalments.xlsx")
    assert staged(accounts, path) == STAGED


TWO_ROWS = (("00123", 1, date(2026, 10, 15), 1234.5), ("00123", 2, date(2026, 11, 1), 7))


@pytest.mark.parametrize("number", [1, 2, 1_048_577, 2_000_000_000])
def test_a_row_that_the_reader_would_pass_over_refuses_the_workbook(
    accounts: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_xlsx, "BLOCK_BYTES", 7)  # tags lie across blocks
    path = changed(workbook(tmp_path / "instalments.xlsx", *TWO_ROWS),
                   lambda sheet: sheet.replace(b'<row r="3"', f'<row r="{number}"'.encode()))  # fmt: skip
    with pytest.raises(BadInput, match=f"instalments.xlsx row {number}: stands out of order"):
        staged(accounts, path)


@pytest.mark.parametrize("change", [
    lambda sheet: sheet[:-60], lambda sheet: sheet[: sheet.index(b'<row r="3"') + 20],
    lambda sheet: sheet.replace(b"<v>7</v>", b"<v>x7</v>"),
], ids=["cut off at the end", "cut off in a row", "a number that is none"])  # fmt: skip
def test_a_sheet_that_breaks_while_it_is_read_is_refused_by_name(
    accounts: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    path = changed(workbook(tmp_path / "instalments.xlsx", *TWO_ROWS), change)
    with pytest.raises(BadInput, match=r"instalments.xlsx: not a.*truncated"):
        staged(accounts, path)


def test_a_workbook_with_a_sheet_that_is_a_chart_is_refused_by_name(accounts: Path, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("chart")
    book.save(path := tmp_path / "instalments.xlsx")
    with pytest.raises(BadInput, match=r"instalments.xlsx: not a workbook of plain sheets"):
        staged(accounts, path)


@pytest.mark.parametrize("failed", ["#N/A", "#REF!", "#VALUE!", "#name?"])
def test_a_cell_in_which_a_look_up_failed_is_no_id_and_no_text(tmp_path: Path, failed: str) -> None:
    """Else everybody whose look-up failed would be one person."""
    for name, reason in (("party_id", "bad_id"), ("name", "bad_text")):
        field = FEEDS["parties"].field(name)
        column = parse(field, pa.array([failed, "A#1", "#1", "# 12"]), Context(Dialect(), "Asia/Shanghai", DAY))
        assert [NAMES.get(int(code)) for code in column.refused][:3] == [reason, None, None]


def test_a_sheet_number_with_more_decimals_than_the_currency_is_refused(accounts: Path, tmp_path: Path) -> None:
    path = workbook(tmp_path / "instalments.xlsx", ("00123", 1, date(2026, 10, 15), 0.125))
    with pytest.raises(BadInput, match=r"instalments.xlsx row 2, column amount_due: .*too_many_decimals"):
        staged(accounts, path)


def test_a_sheet_row_wider_than_its_header_is_bad(accounts: Path, tmp_path: Path) -> None:
    path = workbook(tmp_path / "instalments.xlsx", ("00123", 1, date(2026, 10, 15), 1, "more"))
    with pytest.raises(BadInput, match=r"row 2: .*wrong_cell_count"):
        staged(accounts, path)


def test_a_workbook_with_two_sheets_needs_a_name(accounts: Path, tmp_path: Path) -> None:
    path = workbook(tmp_path / "instalments.xlsx", ("00123", 1, date(2026, 10, 15), 1234.5))
    book = openpyxl.load_workbook(path)
    book.create_sheet("other")
    book.save(path)
    with pytest.raises(BadInput, match="2 sheets, name one"):
        staged(accounts, path)
    assert staged(accounts, path, mapping="instalments: {sheet: Sheet}") == STAGED


@pytest.mark.parametrize("ending", ["xlsx", "parquet"])
def test_a_truncated_binary_file_is_named(accounts: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"instalments.{ending}"
    path.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(BadInput, match=rf"instalments.{ending}: not a.*truncated"):
        staged(accounts, path)


def parquet(path: Path, amounts: pa.Array) -> Path:
    table = pa.table({"account_id": ["00123"], "instalment_no": pa.array([1], pa.int16()),
                      "due_date": pa.array([date(2026, 10, 15)], pa.date32()), "amount_due": amounts})  # fmt: skip
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("amounts", [
    pa.array([Decimal("1234.5000")], pa.decimal128(18, 4)), pa.array(["1234.50"]),
    pa.array(["1234.5"]).dictionary_encode(),
])  # fmt: skip
def test_parquet_takes_exact_types(accounts: Path, tmp_path: Path, amounts: pa.Array) -> None:
    assert staged(accounts, parquet(tmp_path / "instalments.parquet", amounts)) == STAGED


def test_parquet_refuses_floats_for_money(accounts: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"instalments.parquet row 1, column amount_due: floats are refused"):
        staged(accounts, parquet(tmp_path / "instalments.parquet", pa.array([1234.5])))


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    file = tmp_path / "ledger.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE schedule (contract TEXT, n INTEGER, due TEXT, fen INTEGER, yuan REAL)")
        database.execute("INSERT INTO schedule VALUES ('00123', 1, '2026-10-15', 123450, 1234.5)")
    return f"sqlite:///{file}"


def query(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "instalments.sql"
    path.write_text(text, encoding="utf-8")
    return path


COLUMNS = "contract AS account_id, n AS instalment_no, due AS due_date"
EXACT = "printf('%d.%02d', fen / 100, fen % 100) AS amount_due"


def test_one_select_is_run_on_the_ledgers_database(accounts: Path, tmp_path: Path, ledger: str) -> None:
    path = query(tmp_path, f"-- open instalments\nSELECT {COLUMNS}, {EXACT} FROM schedule WHERE due < :business_date;")
    assert staged(accounts, path, ledger_url=ledger) == STAGED


@pytest.mark.parametrize(("text", "reason"), [
    (f"SELECT {COLUMNS}, yuan AS amount_due FROM schedule", "row 2, column amount_due: floats are refused"),
    (f"SELECT CAST(contract AS BLOB) AS account_id, n AS instalment_no, due AS due_date, {EXACT} FROM schedule",
     "row 2, column account_id: bytes are refused"),
    (f"SELECT {COLUMNS} FROM schedule", "row 1: missing column amount_due"),
    ("DELETE FROM schedule", "write exactly one SELECT"),
    ("SELECT 1; DELETE FROM schedule", "write exactly one SELECT"),
])  # fmt: skip
def test_a_query_that_is_not_one_exact_select_is_refused(
    accounts: Path, tmp_path: Path, ledger: str, text: str, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        staged(accounts, query(tmp_path, text), ledger_url=ledger)


def test_a_query_can_never_write(accounts: Path, tmp_path: Path, ledger: str) -> None:
    path = query(tmp_path, "WITH gone AS (SELECT 1) DELETE FROM schedule")
    with pytest.raises(TemporaryFailure, match=r"instalments.sql: the ledger's database refused it"):
        staged(accounts, path, ledger_url=ledger)
    with sqlite3.connect(ledger.removeprefix("sqlite:///")) as database:
        assert database.execute("SELECT count(*) FROM schedule").fetchone() == (1,)


def test_a_query_needs_a_database(accounts: Path, tmp_path: Path) -> None:
    with pytest.raises(BadArguments, match="set ARREARS_LEDGER_URL"):
        staged(accounts, query(tmp_path, f"SELECT {COLUMNS}, {EXACT} FROM schedule"))


@pytest.mark.parametrize(("text", "reason"), [
    ("instalments: {encoding: latin-1}", "encoding: it should be"), ("instalment: {}", "no feed 'instalment'"),
    ("instalments: {columns: {x: y}}", "no column 'y'"), ("a: [", "not readable as UTF-8 YAML"),
    ("instalments: {columns: {x: due_date, y: due_date}}", "two headers are mapped to one column"),
])  # fmt: skip
def test_a_wrong_mapping_is_refused_by_key_and_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadArguments, match=reason):
        read_mapping(path)


def test_a_spool_gives_back_every_row_of_a_range_whether_kept_or_spilled() -> None:
    codes = ([9, 0, 4], [1, 1], [8, 3])
    batches = [pa.RecordBatch.from_pydict({"code": pa.array(part, pa.int64())}) for part in codes]
    with Spool(limit=2, width=4) as small, Spool(limit=99, width=4) as large:
        for batch in batches:
            small.add(batch)
            large.add(batch)
        for number, expected in ((0, [0, 1, 1, 3]), (1, [4]), (2, [9, 8])):
            tables = small.take(number), large.take(number)
            assert [table and table.column("code").to_pylist() for table in tables] == [expected, expected]
        assert small.take(7) is None


def test_the_guide_to_the_feeds_names_every_feed_column_and_value() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")
    words = {word for feed in FEEDS.values() for word in (feed.name, *feed.columns)}
    words |= {value for feed in FEEDS.values() for field in feed.fields for value in field.values}
    assert sorted(word for word in words if f"`{word}`" not in guide) == []


@pytest.mark.parametrize(
    "cell", ["Amount_Paid", "amount_paid ", "amount paid", "\ufeffamount_paid", "ａｍｏｕｎｔ_paid"]
)
def test_a_header_that_is_almost_a_column_is_refused_and_not_ignored(accounts: Path, tmp_path: Path, cell: str) -> None:
    """Ignored, everything that was paid would be missing."""
    path = tmp_path / "instalments.csv"
    path.write_text(
        f"account_id,instalment_no,due_date,amount_due,{cell}\n00123,1,2026-10-15,9.00,9.00\n", encoding="utf-8"
    )
    with pytest.raises(BadInput, match=r"instalments.csv row 1: the column .* is almost amount_paid"):
        staged(accounts, path)
    text = path.read_text(encoding="utf-8").replace(cell, "amount_paid")
    path.write_text(text.replace("\n", f",{cell}\n", 1).replace("9.00\n", "9.00,1.00\n"), encoding="utf-8")
    assert staged(accounts, path) == "00123,2026-11-12,0.00,,0,0,0\n", "beside the column itself it is one more column"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_header_alone_is_a_feed_without_rows(tmp_path: Path, start: str, end: str) -> None:
    path = tmp_path / "payments.csv"
    path.write_bytes(f"{start}payment_id,account_id,paid_on,amount{end}".encode())
    assert sum(len(rows.number) for rows in read_csv.open_csv(path, FEEDS["payments"], Dialect()).batches()) == 0


def test_a_feed_is_found_by_its_name_in_whatever_case(tmp_path: Path) -> None:
    for name in ("Accounts.CSV", "instalments.csv", "PAYMENTS.Csv", "notes.txt"):
        (tmp_path / name).touch()
    found, ignored = find_feeds(tmp_path)
    assert {feed: path.name for feed, path in found.items()} == {
        "accounts": "Accounts.CSV", "instalments": "instalments.csv", "payments": "PAYMENTS.Csv"}  # fmt: skip
    assert ignored == ["notes.txt"]
    (tmp_path / "payments.csv").touch()
    with pytest.raises(BadArguments, match=r"two files for the feed payments: PAYMENTS.Csv and payments.csv"):
        find_feeds(tmp_path)


def test_row_numbers_stay_true_across_blocks_and_broken_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_csv, "BLOCK_BYTES", 64)
    lines = ["A1,1" if number % 17 == 0 else f"A1,{number},2026-10-15,{number}.00" for number in range(2, 300)]
    path = tmp_path / "instalments.csv"
    path.write_text("\n".join(["account_id,instalment_no,due_date,amount_due", *lines, ""]), encoding="utf-8")
    source = read_csv.open_csv(path, FEEDS["instalments"], Dialect())
    told = [
        (int(number), cell)
        for rows in source.batches()
        for number, cell in zip(rows.number, rows.cells.column("instalment_no").to_pylist(), strict=True)
    ]
    assert told == [(number, str(number)) for number in range(2, 300) if number % 17]
    assert source.malformed == [(number, "A1") for number in range(17, 300, 17)]
