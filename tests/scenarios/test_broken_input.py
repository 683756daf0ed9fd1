"""Broken input through the whole command: one line that names it, or a row set aside; no traceback, no effect."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import func, select

from arrears.store.engine import reading
from arrears.store.tables.feeds import delivery, quarantine
from arrears.store.tables.outreach import contact, item

DAY = dt.date(2026, 11, 12)
Break = Callable[..., object]


def replaced(name: str, number: int, line: str) -> Break:
    """Put another line where row ``number`` of a feed was; the header is row 1."""

    def change(place) -> None:
        lines = place.rows(name)
        lines[number - 1] = line
        place.write(name, "\n".join([*lines, ""]))

    return change


def cut(name: str, keep: int) -> Break:
    """Keep only the first rows of a feed, header included."""
    return lambda place: place.write(name, "".join(f"{line}\n" for line in place.rows(name)[:keep]))


def whole(name: str, content: str | bytes) -> Break:
    """Put other bytes in the place of a feed."""
    return lambda place: place.write(name, content)


def without(name: str) -> Break:
    """Take a feed away."""
    return lambda place: (place.feeds / name).unlink()


def folder_instead(name: str) -> Break:
    """Put a folder where a feed was."""

    def change(place) -> None:
        (place.feeds / name).unlink(missing_ok=True)
        (place.feeds / name).mkdir()

    return change


def dangling(name: str) -> Break:
    """Put a link to nothing where a feed was."""

    def change(place) -> None:
        (place.feeds / name).unlink()
        (place.feeds / name).symlink_to(place.feeds / "gone")

    return change


def as_parquet(place, amounts: list[object], kind: pa.DataType) -> Path:
    """Deliver the instalments as Parquet with amounts of another type."""
    table = [line.split(",") for line in place.rows("instalments.csv")[1:]]
    columns = {
        "account_id": pa.array([row[0] for row in table]),
        "instalment_no": pa.array([int(row[1]) for row in table]),
        "due_date": pa.array([dt.date.fromisoformat(row[2]) for row in table]),
        "amount_due": pa.array(amounts * len(table), kind),
    }
    (place.feeds / "instalments.csv").unlink()
    path = place.feeds / "instalments.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


def as_xlsx(place, name: str, change: Callable[[list[list[object]]], None]) -> Path:
    """Deliver a feed as a workbook after a change to its cells."""
    from openpyxl import Workbook

    rows: list[list[object]] = [list(line.split(",")) for line in place.rows(f"{name}.csv")]
    change(rows)
    book = Workbook()
    for row in rows:
        book.active.append(row)
    (place.feeds / f"{name}.csv").unlink()
    path = place.feeds / f"{name}.xlsx"
    book.save(path)
    return path


def shortened(path: Path) -> None:
    """Cut a file in the middle, as a broken transfer does."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_workbook(place) -> None:
    shortened(as_xlsx(place, "instalments", lambda rows: None))


def cut_parquet(place) -> None:
    shortened(as_parquet(place, [100000], pa.int64()))


REFUSED: dict[str, tuple[Break, int, str]] = {
    "a column is missing": (
        replaced("instalments.csv", 1, "account_id,instalment_no,due_date,amount"),
        1,
        "instalments.csv row 1: missing column amount_due",
    ),
    "a column stands twice": (
        replaced("accounts.csv", 1, "account_id,closed_on,currency,contract_type,account_id"),
        1,
        "accounts.csv row 1: the column 'account_id' stands there twice",
    ),
    "a NUL byte": (replaced("payments.csv", 3, "Y-K1-2,K1,2026-09-14,1000\0.00"), 1, "payments.csv row 3: a NUL byte"),
    "another encoding": (
        whole("parties.csv", "account_id,party_id,role,name\nK1,P1,borrower,张伟\n".encode("gb18030")),
        1,
        "parties.csv row 2: not utf-8",
    ),
    "UTF-16": (whole("accounts.csv", "account_id,closed_on\nK1,\n".encode("utf-16")), 1, "accounts.csv row 1: a NUL"),
    "a quote that never closes": (
        replaced("payments.csv", 4, '"Y-K2-1,K2,2026-08-14,1000.00'),
        1,
        "payments.csv row 4: a quote is never closed",
    ),
    "a workbook cut off": (cut_workbook, 1, "instalments.xlsx"),
    "a Parquet file cut off": (cut_parquet, 1, "instalments.parquet"),
    "amounts as floats": (
        lambda place: as_parquet(place, [1000.1], pa.float64()),
        1,
        "instalments.parquet row 1, column amount_due: floats are refused",
    ),
    "a folder in the place of a feed": (folder_instead("accounts.csv"), 2, "no accounts feed"),
    "a link to nothing": (dangling("instalments.csv"), 2, "no instalments feed"),
    "a required feed is missing": (without("instalments.csv"), 2, "no instalments feed"),
    "two files for one feed": (whole("accounts.parquet", b"PAR1"), 2, "two files for the feed accounts"),
    "a query without a database": (
        lambda place: (without("payments.csv")(place), place.write("payments.sql", "SELECT 1")),
        2,
        "payments.sql",
    ),
    "a mapping that is not YAML": (whole("mapping.yaml", "accounts: [\n"), 2, "mapping.yaml"),
    "a mapping of another encoding": (whole("mapping.yaml", "columns: 账号\n".encode("gb18030")), 2, "mapping.yaml"),
    "a mapping with an unknown key": (whole("mapping.yaml", "accounts: {colour: red}\n"), 2, "mapping.yaml"),
}


@pytest.mark.parametrize("broken", sorted(REFUSED))
def test_a_file_that_cannot_be_used_is_refused_in_one_line_before_anything_leaves(place, broken: str) -> None:
    change, code, words = REFUSED[broken]
    change(place)
    said = place.run()
    assert (said.code, words in said.reason) == (code, True), said
    document = json.loads(said.out)
    assert document["status"] == "failed"
    assert document["actions"]["planned"] == 0
    assert place.effects() == []


ANNOUNCED = {
    "no folder": (("run", "--date", "2026-11-12", "--feeds", "nowhere", "--rehearsal"), "nowhere: no such"),
    "not a date": (("run", "--date", "12/11/2026", "--feeds", ".", "--rehearsal"), "write it as YYYY-MM-DD"),
    "a day to come": (("run", "--date", "2199-01-01", "--feeds", "."), "has not come yet"),
    "staging what is not there": (
        ("stage", "--accounts", "nowhere", "--instalments", "nowhere", "--date", "2026-11-12"),
        "--accounts nowhere: no such file",
    ),
    "importing what is not there": (("import", "payments", "nowhere"), "nowhere: no such file"),
}


@pytest.mark.parametrize("wrong", sorted(ANNOUNCED))
def test_wrong_arguments_are_one_line_and_exit_two(place, wrong: str) -> None:
    words, reason = ANNOUNCED[wrong]
    said = place.call(*words)
    assert said.code == 2
    assert reason in said.reason
    assert place.effects() == []


def test_a_file_where_a_folder_is_asked_for_is_exit_two(place) -> None:
    said = place.call("run", "--date", str(DAY), "--feeds", str(place.feeds / "accounts.csv"), "--rehearsal")
    assert said.code == 2
    assert "name a folder, not a file" in said.reason


@pytest.mark.parametrize("content", [None, b"ladder: [", b"\xff\xfe\x00", b"- 1\n", b"policy_id: x\n"])
def test_a_policy_that_cannot_be_read_is_exit_two(place, tmp_path: Path, content: bytes | None) -> None:
    policy = tmp_path / "policy.yaml"
    if content is not None:
        policy.write_bytes(content)
    said = place.run(ARREARS_POLICY=str(policy))
    assert said.code == 2
    assert "policy" in said.reason
    assert place.effects() == []


HELD: dict[str, tuple[Break, str]] = {
    "only a header": (cut("instalments.csv", 1), "zero_rows"),
    "accounts with only a header": (cut("accounts.csv", 1), "zero_rows"),
    "not a byte": (whole("instalments.csv", b""), "zero_rows"),
    "every row refused": (
        whole("instalments.csv", "account_id,instalment_no,due_date,amount_due\nK1,1,2026-08-15,NaN\n"),
        "zero_rows",
    ),
    "half of the rows": (cut("payments.csv", 11), "rows_band"),
    "half of the accounts": (cut("accounts.csv", 5), "rows_band"),
}


@pytest.fixture(scope="module")
def yesterday(new_place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house in which the day before went well."""
    folder = tmp_path_factory.mktemp("yesterday")
    assert new_place(folder).run(DAY - dt.timedelta(days=1)).code == 0
    return folder


@pytest.mark.parametrize("thin", sorted(HELD))
def test_a_ledger_that_shrank_holds_the_day_before_anything_leaves(
    yesterday: Path, new_place, tmp_path: Path, thin: str
) -> None:
    change, gate = HELD[thin]
    shutil.copytree(yesterday, tmp_path, dirs_exist_ok=True)
    place = new_place(tmp_path)
    before = place.effects()
    change(place)
    said = place.run()
    assert said.code == 3
    assert gate in said.reason
    document = json.loads(said.out)
    assert document["status"] == "held"
    assert gate in [gate["name"] for gate in document["ledger"]["gates"] if not gate["passed"]]
    assert (document["actions"]["planned"], document["actions"]["sent"]) == (0, 0)
    assert contacts_of(place) == []
    assert place.effects() == before != []


def contacts_of(place, *accounts: str) -> list[str]:
    """Return the contacts planned for the day, of some accounts or of all."""
    query = select(contact.c.contact_id).where(contact.c.business_date == DAY)
    if accounts:
        query = query.join(item, item.c.contact_id == contact.c.contact_id).where(item.c.account_id.in_(accounts))
    with reading(place.store) as connection:
        return list(connection.execute(query).scalars())


def whole_file_but_the_last_cell(place) -> None:
    """A transfer that broke off within the last row."""
    place.write("instalments.csv", (place.feeds / "instalments.csv").read_bytes()[: -len(",1000.00\n")])


ROWS: dict[str, tuple[Break, tuple[str, int, str, str], str]] = {
    "an exponent": (
        replaced("instalments.csv", 4, "K1,3,2026-10-15,1E+30"),
        ("instalments.csv", 4, "amount_due", "bad_amount"),
        "K1",
    ),
    "not a number": (
        replaced("instalments.csv", 9, "K2,3,2026-10-15,NaN"),
        ("instalments.csv", 9, "amount_due", "bad_amount"),
        "K2",
    ),
    "more digits than the currency has": (
        replaced("instalments.csv", 14, "K3,3,2026-10-15,1000.005"),
        ("instalments.csv", 14, "amount_due", "too_many_decimals"),
        "K3",
    ),
    "a day no calendar has": (
        replaced("instalments.csv", 19, "K4,3,2026-02-30,1000.00"),
        ("instalments.csv", 19, "due_date", "bad_date"),
        "K4",
    ),
    "a long row": (
        replaced("instalments.csv", 24, "K5,3,2026-10-15,1000.00,9,9"),
        ("instalments.csv", 24, "", "wrong_cell_count"),
        "K5",
    ),
    "a short row": (
        replaced("instalments.csv", 29, "K6,3,2026-10-15"),
        ("instalments.csv", 29, "", "wrong_cell_count"),
        "K6",
    ),
    "a file that ends within its last row": (
        whole_file_but_the_last_cell,
        ("instalments.csv", 41, "", "wrong_cell_count"),
        "K8",
    ),
}
TWICE: dict[str, tuple[Break, tuple[str, int, str, str], str]] = {
    "an instalment that stands twice": (
        replaced("instalments.csv", 4, "K1,2,2026-10-15,1000.00"),
        ("instalments.csv", 4, "instalment_no", "duplicate"),
        "K1",
    ),
    "an account that stands twice": (
        lambda place: place.write("accounts.csv", "\n".join([*place.rows("accounts.csv"), "K2,,CNY,loan,East", ""])),
        ("accounts.csv", 10, "account_id", "duplicate"),
        "K2",
    ),
    "a payment that stands twice": (
        replaced("payments.csv", 7, "Y-K3-1,K3,2026-09-14,1000.00"),
        ("payments.csv", 7, "payment_id", "duplicate"),
        "K3",
    ),
    "an amount of money nobody has": (
        replaced("payments.csv", 10, "Y-K4-3,K4,2026-10-14,inf"),
        ("payments.csv", 10, "amount", "bad_amount"),
        "K4",
    ),
}


def spoil_workbook(rows: list[list[object]]) -> None:
    """Put into cells of a workbook what a sheet takes for a number, and money is not."""
    rows[2][3], rows[4][3] = 1000.005, 1e30


WORKBOOK: dict[str, tuple[Break, tuple[str, int, str, str], str]] = {
    "a fraction that no coin pays": (
        lambda place: as_xlsx(place, "payments", spoil_workbook),
        ("payments.xlsx", 3, "amount", "too_many_decimals"),
        "K1",
    ),
    "a number too large": (lambda place: None, ("payments.xlsx", 5, "amount", "bad_amount"), "K2"),
}


@pytest.mark.parametrize("broken", [ROWS, TWICE, WORKBOOK], ids=["rows", "twice", "workbook"])
def test_a_broken_row_is_set_aside_by_file_row_column_and_reason_and_its_account_left_alone(place, broken) -> None:
    for change, _, _ in broken.values():
        change(place)
    said = place.run()
    assert said.code == 0, said.err
    with reading(place.store) as connection:
        query = select(delivery.c.file_name, quarantine.c.row_no, quarantine.c.column, quarantine.c.reason)
        rows = connection.execute(query.join(delivery, delivery.c.delivery_id == quarantine.c.delivery_id)).all()
    assert {tuple(row) for row in rows} == {where for _, where, _ in broken.values()}
    assert json.loads(said.out)["ledger"]["quarantined"] == len(broken)
    left_alone = {account for _, _, account in broken.values()}
    assert contacts_of(place, *left_alone) == []
    for account in {f"K{number}" for number in range(1, 9)} - left_alone:
        assert contacts_of(place, account), account


def test_money_in_a_workbook_goes_through_its_decimal_text(place) -> None:
    as_xlsx(place, "payments", lambda rows: [row.__setitem__(3, 1000.0) for row in rows[1:]] and None)
    said = place.run()
    assert said.code == 0, said.err
    ledger = json.loads(said.out)["ledger"]
    assert (ledger["quarantined"], ledger["control_total_minor"]) == (0, {"CNY": 500000})


def test_a_person_who_is_not_on_the_staff_decides_nothing(place) -> None:
    assert place.run().code == 0
    before = place.effects()
    for verb in ("approve", "refuse"):
        said = place.call("approvals", verb, "RO-20261112-0001", "--as", "NOBODY", "--note", "because")
        assert said.code == 2
        assert "RO-20261112-0001" in said.reason or "NOBODY" in said.reason
    assert place.effects() == before


def test_a_file_imported_during_the_day_is_refused_in_one_line_and_changes_nothing(place, tmp_path: Path) -> None:
    assert place.run().code == 0
    file = tmp_path / "payments.csv"
    for content, code in ((b"payment_id,account_id\nY,K1\n", 1), (b"a\0b", 1), (b"", 1)):
        file.write_bytes(content)
        with reading(place.store) as connection:
            before = connection.execute(select(func.count()).select_from(delivery)).scalar()
        said = place.call("import", "payments", str(file))
        assert said.code == code
        assert "payments.csv" in said.reason
        with reading(place.store) as connection:
            assert connection.execute(select(func.count()).select_from(delivery)).scalar() == before
    assert place.call("import", "gossip", str(file)).code == 2
