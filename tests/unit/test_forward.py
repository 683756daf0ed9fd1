"""A frozen schedule is read once from front to back, and gives what looking each account up would give."""

import random
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arrears.legal.frozen import MONEY_COLUMNS, LedgerReader
from arrears.store.forward import Forward
from arrears.store.snapshot import Payment, payments_of

ACCOUNTS = [f"ref{number:02}" for number in range(30)]
PLACES = {ref: place for place, ref in enumerate(ACCOUNTS)}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Freeze payments of some accounts, none, one or many each, in the order of accounts."""
    source = random.Random(7)
    owners = [ref for ref in ACCOUNTS for _ in range(source.choice((0, 1, 1, 2, 9)))]
    rows = {"subject_ref": owners, "payment_id": [f"P{n}" for n in range(len(owners))],
            "paid_on": [date(2026, 11, 1)] * len(owners), "amount_minor": list(range(len(owners))),
            "kind": [None] * len(owners)}  # fmt: skip
    folder = tmp_path / "snapshots" / "s"
    folder.mkdir(parents=True)
    schema = {"kind": pa.string()}
    table = pa.table({name: pa.array(values, schema.get(name)) for name, values in rows.items()})
    pq.write_table(table, folder / "payments.parquet", row_group_size=4)
    pq.write_table(pa.table({"subject_ref": ACCOUNTS}), folder / "accounts.parquet")
    return str(tmp_path)


@pytest.mark.parametrize("rows", [1, 3, 1000])
@pytest.mark.parametrize("size", [3, 30])
def test_accounts_asked_for_in_order_get_the_rows_that_are_theirs(url: str, rows: int, size: int) -> None:
    forward = Forward(url, "s", Payment, PLACES, rows)
    for start in range(0, len(ACCOUNTS), size):
        refs = ACCOUNTS[start : start + size : 2]
        assert forward.rows_of(refs) == payments_of(url, "s", refs)


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_accounts_asked_for_in_any_order_and_again_get_the_rows_that_are_theirs(url: str, rows: int) -> None:
    source, forward = random.Random(11), Forward(url, "s", Payment, PLACES, rows)
    for _ in range(15):
        refs = [*source.sample(ACCOUNTS, source.randint(1, 5)), "nobody"]
        assert forward.rows_of(refs) == payments_of(url, "s", refs)


def test_a_ledger_that_holds_none_of_the_accounts_asked_for_says_so(url: str) -> None:
    folder, row = Path(url) / "snapshots" / "s", dict.fromkeys(MONEY_COLUMNS, 0) | {"subject_ref": "ref00"}
    pq.write_table(pa.Table.from_pylist([row]), folder / "accounts.parquet")
    pq.write_table(pa.table({"subject_ref": pa.array([], pa.string())}), folder / "instalments.parquet")
    reader = LedgerReader(url, "s", {"A1": "nobody"})
    reader.read_schedules(["A1"], date(2026, 11, 12))
    assert (reader.row("nobody"), reader.schedule("nobody"), reader.payments("nobody")) == (None, [], [])
