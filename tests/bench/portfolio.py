"""Make a seeded portfolio of any size: ``python tests/bench/portfolio.py FOLDER [ACCOUNTS] [--csv] [--schedules]``.

Four fifths of the accounts are current, a tenth owe one instalment, the rest more. Open items by default (about one and
a half rows an account); with ``--schedules`` whole schedules of 12 to 36 instalments and one payment an account.
"""

import argparse
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

DAY = date(2026, 11, 12)
UNTOUCHED = date(2026, 11, 10)
"""On this day nobody has paid yet; on every day after it one more in a hundred pays an instalment."""

SEED = 20261112
CHUNK = 100_000
SHARES = (0.80, 0.10, 0.05, 0.03, 0.01, 0.01)
"""Accounts with 0, 1, 2 … overdue instalments."""

MOST_LATE = 12
BRANCHES, OWNERS = 30, 400
MAKES = ("三一", "徐工", "中联", "柳工", "临工")
MONEY = pa.decimal128(15, 2)


def write(
    folder: Path, accounts: int, *, day: date = DAY, csv: bool = False, schedules: bool = False, parties: bool = False,
    staff: bool = False, grave: float | None = None,
) -> None:  # fmt: skip
    """Write the feeds of one date; the same arguments give the same bytes, another day the same accounts a day on.

    ``grave`` is the share of accounts with three or more overdue instalments, in the place of five in a hundred; a
    fifth are overdue all the same.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shares = SHARES if grave is None else _shares(grave)
    feeds = {"accounts": _accounts, "instalments": partial(_schedules if schedules else _open_items, shares=shares)}
    if schedules:
        feeds["payments"] = partial(_payments, shares=shares)
    if parties:
        feeds["parties"] = _parties
    for name, make in feeds.items():
        batches = (make(first, min(CHUNK, accounts - first), day) for first in range(0, accounts, CHUNK))
        _write(folder / f"{name}.{'csv' if csv else 'parquet'}", batches)
    if staff:
        _write(folder / f"staff.{'csv' if csv else 'parquet'}", iter([_staff()]))


def _shares(grave: float) -> tuple[float, ...]:
    """Return the shares with fewer or more of the late; what is over or missing is of those who owe one or two."""
    current, one, two, *late = SHARES
    less = (one + two + sum(late) - grave) / (one + two)
    return current, one * less, two * less, *(share * grave / sum(late) for share in late)


def _write(path: Path, batches: Iterator[pa.Table]) -> None:
    first = next(batches)
    kind = arrow_csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
    with kind(path, first.schema) as writer:
        writer.write_table(first)
        for batch in batches:
            writer.write_table(batch)


def _source(first: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([SEED, first, purpose])


def _numbers(first: int, count: int) -> np.ndarray:
    return np.arange(first, first + count)


def _ids(numbers: np.ndarray, letter: str = "A") -> pa.Array:
    """Return ids of nine characters, in order."""
    digits = pa.array(numbers + 100_000_000).cast(pa.string())
    return pa.compute.binary_replace_slice(digits, 0, 1, letter)


def _money(minor: np.ndarray) -> pa.Array:
    """Return minor units as exact decimals."""
    wide = np.zeros((len(minor), 2), dtype="<i8")
    wide[:, 0], wide[:, 1] = minor, np.where(minor < 0, -1, 0)
    return pa.Array.from_buffers(MONEY, len(minor), [None, pa.py_buffer(wide.tobytes())])


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return (months.astype("datetime64[D]") + (day - 1)).astype("int64").astype(np.int32)


def _shape(first: int, count: int, day: date, shares: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a chunk's accounts owe: overdue instalments, day of the month, amount of one instalment."""
    source = _source(first, 1)
    late = source.choice(len(shares), count, p=shares)
    late[late == len(shares) - 1] += source.integers(0, MOST_LATE - 4, int((late == len(shares) - 1).sum()))
    due_day = source.integers(15, 26, count)
    amount = source.integers(100_000, 3_000_000, count)
    paid = source.random(count) < 0.01 * min(max((day - UNTOUCHED).days, 0), 99)
    return np.where(paid, np.maximum(late - 1, 0), late), due_day, amount


def _accounts(first: int, count: int, _day: date) -> pa.Table:
    numbers, source = _numbers(first, count), _source(first, 2)
    price = source.integers(5_000_000, 90_000_000, count)
    make = pa.array(np.array(MAKES, dtype=object)[source.integers(0, len(MAKES), count)])
    return pa.table({
        "account_id": _ids(numbers),
        "closed_on": pa.nulls(count, pa.date32()),
        "customer_id": _ids(numbers // 2, "C"),
        "contract_type": pa.array(np.array(["finance_lease", "loan"], dtype=object)[numbers % 2]),
        "currency": pa.array(["CNY"] * count),
        "branch": pa.array(np.array([f"分公司{n:02d}" for n in range(BRANCHES)], dtype=object)[numbers % BRANCHES]),
        "owner": _ids(numbers % OWNERS, "S"),
        "total_price": _money(price),
        "principal_outstanding": _money(price // 2),
        "asset_kind": pa.array(["挖掘机"] * count),
        "asset_make": make,
        "asset_model": pa.array(np.array([f"XE{n}" for n in range(60)], dtype=object)[numbers % 60]),
        "asset_serial": _ids(numbers, "X"),
        "plate": _ids(numbers, "P"),
        "asset_value": _money(price * 3 // 5),
    })  # fmt: skip


def _instalments(numbers: np.ndarray, no: np.ndarray, due: np.ndarray, amount: np.ndarray) -> dict[str, pa.Array]:
    return {"account_id": _ids(numbers), "instalment_no": pa.array(no.astype(np.int32)),
            "due_date": pa.array(due).cast(pa.date32()), "amount_due": _money(amount)}  # fmt: skip


def _open_items(first: int, count: int, day: date, shares: tuple[float, ...]) -> pa.Table:
    late, due_day, amount = _shape(first, count, day, shares)
    rows = late + 1
    owner = np.repeat(np.arange(count), rows)
    back = late[owner] - (np.arange(len(owner)) - np.repeat(np.cumsum(rows) - rows, rows))
    due_day = np.where(due_day < day.day, due_day + 31, due_day)[owner] if day.day > 15 else due_day[owner]
    month = day.year * 12 + day.month - 1 - back
    due = _days(month // 12, month % 12 + 1, np.minimum(due_day, 28))
    part = _source(first, 3).random((count, MOST_LATE + 1))[owner, back] < 0.05
    columns = _instalments(first + owner, 30 - back, due, amount[owner])
    columns["amount_paid"] = _money(np.where(part & (back > 0), amount[owner] // 3, 0))
    return pa.table(columns)


def _schedules(first: int, count: int, day: date, shares: tuple[float, ...]) -> pa.Table:
    late, due_day, amount = _shape(first, count, day, shares)
    rows = _source(first, 4).integers(12, 37, count)
    owner = np.repeat(np.arange(count), rows)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(rows) - rows, rows) + 1
    fallen = np.maximum(rows // 2, np.minimum(late + 1, rows))
    month = day.year * 12 + day.month - 1 - (fallen[owner] - number + 1)
    due = _days(month // 12, month % 12 + 1, due_day[owner])
    return pa.table(_instalments(first + owner, number, due, amount[owner]))


def _payments(first: int, count: int, day: date, shares: tuple[float, ...]) -> pa.Table:
    late, _, amount = _shape(first, count, day, shares)
    rows = _source(first, 4).integers(12, 37, count)
    fallen = np.maximum(rows // 2, np.minimum(late + 1, rows))
    numbers = _numbers(first, count)
    paid = np.maximum(fallen - late, 0) * amount
    on = np.full(count, (day - date(1970, 1, 1)).days - 20, dtype=np.int32)
    return pa.table({"payment_id": _ids(numbers, "Z"), "account_id": _ids(numbers),
                     "paid_on": pa.array(on).cast(pa.date32()), "amount": _money(paid)})  # fmt: skip


def _parties(first: int, count: int, _day: date) -> pa.Table:
    """Return one borrower an account; every second person has two accounts, as ``customer_id`` says."""
    numbers = _numbers(first, count)
    mobile = pa.compute.binary_join_element_wise("+86139", pa.array(numbers // 2 + 10_000_000).cast(pa.string()), "")
    return pa.table({
        "account_id": _ids(numbers), "party_id": _ids(numbers // 2, "C"), "role": pa.array(["borrower"] * count),
        "name": _ids(numbers // 2, "N"), "language": pa.array(["zh"] * count), "mobile": mobile,
    })  # fmt: skip


def _staff() -> pa.Table:
    """Return the collectors whom the accounts name as owners, and two field workers and a manager a branch."""
    number = np.arange(OWNERS + 3 * BRANCHES)
    place = (number - OWNERS) // BRANCHES
    role = np.where(number < OWNERS, "collector", np.where(place < 2, "field", "manager"))
    return pa.table({
        "staff_id": _ids(number, "S"), "name": _ids(number, "N"), "roles": pa.array(role.astype(object)),
        "branch": pa.array(np.array([f"分公司{n:02d}" for n in range(BRANCHES)], dtype=object)[number % BRANCHES]),
        "language": pa.array(["zh"] * len(number)),
        "capacity": pa.array(np.where(role == "collector", 120, 8).astype(np.int32)),
    })  # fmt: skip


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("folder", type=Path)
    given.add_argument("accounts", type=int, nargs="?", default=10_000)
    given.add_argument("--csv", action="store_true")
    given.add_argument("--schedules", action="store_true")
    given.add_argument("--parties", action="store_true")
    given.add_argument("--grave", type=float, help="share of accounts with three or more overdue instalments")
    asked = given.parse_args()
    write(asked.folder, asked.accounts, csv=asked.csv, schedules=asked.schedules, parties=asked.parties,
          grave=asked.grave)  # fmt: skip
