"""A range of accounts at a time: instalments in order, payments in order, staged; duplicates are named."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from arrears.ladder.staging import NO_DATE, Int32, Int64, Schedule, Staged, allocate, arrange, stage
from arrears.ledger.register import Register
from arrears.ledger.validate import Problem
from arrears.store.spool import ACCOUNTS_A_RANGE, Spool

EPOCH = date(1970, 1, 1)


def days(day: date) -> int:
    """Return a date as days since 1970-01-01."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class Part:
    """Accounts ``first … first+count-1`` of the register, staged; the tables are ordered by account."""

    first: int
    count: int
    instalments: pa.Table | None
    allocated: Int64
    payments: pa.Table | None
    staged: Staged
    last_paid_on: Int32
    whole_paid_on: Int32
    twice: dict[str, list[Problem]]


def assemble(register: Register, instalments: Spool, payments: Spool | None, on: date) -> Iterator[Part]:
    """Yield the parts of a portfolio in account order; rows with a key seen before are left out and named."""
    for number, first in enumerate(range(0, len(register.ids), ACCOUNTS_A_RANGE)):
        count = min(ACCOUNTS_A_RANGE, len(register.ids) - first)
        yield _part(
            register, first, count, instalments.take(number), payments.take(number) if payments else None, days(on)
        )


def _part(register: Register, first: int, count: int, rows: pa.Table | None, paid: pa.Table | None, on: int) -> Part:
    twice: dict[str, list[Problem]] = {}
    if rows is not None:
        rows, twice["instalments"] = _once(rows, "instalment_no", _instalment_keys(rows), register)
        rows = _ordered(rows)
    if paid is not None:
        paid, twice["payments"] = _once(paid, "payment_id", _payment_keys(paid), register)
        paid = _by_day(paid)
    schedule = _schedule(rows, first, count)
    history = _History(paid, first, count, on)
    allocated = allocate(schedule, history.pool)
    staged = stage(schedule, allocated, on)
    return Part(
        first,
        count,
        rows,
        allocated,
        paid,
        staged,
        history.last_paid_on(),
        history.whole_paid_on(staged.reference_amount),
        {feed: bad for feed, bad in twice.items() if bad},
    )


def column(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return a column as int64, empty cells as 0 and dates as days since 1970-01-01."""
    values = table.column(name)
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    numbers: Int64 = values.cast(pa.int64()).fill_null(0).to_numpy()
    return numbers


def _instalment_keys(rows: pa.Table) -> NDArray[np.int64]:
    return (column(rows, "code") << 32) | column(rows, "instalment_no")


def _payment_keys(paid: pa.Table) -> NDArray[np.int64]:
    ids = paid.column("payment_id").combine_chunks().dictionary_encode()
    return (column(paid, "code") << 32) | np.asarray(ids.indices).astype(np.int64)


def _once(rows: pa.Table, name: str, keys: NDArray[np.int64], register: Register) -> tuple[pa.Table, list[Problem]]:
    """Leave out every row whose key stood in an earlier row."""
    if len(keys) < 2 or bool(np.all(keys[1:] > keys[:-1])):
        return rows, []
    numbers = column(rows, "row_no")
    order = np.lexsort((numbers, keys))
    again = order[1:][keys[order][1:] == keys[order][:-1]]
    if not len(again):
        return rows, []
    codes = column(rows, "code")
    bad = [Problem(int(numbers[row]), name, "duplicate", register.ids[codes[row]].decode()) for row in again]
    keep = np.ones(len(keys), dtype=bool)
    keep[again] = False
    return rows.filter(pa.array(keep)), bad


def _ordered(rows: pa.Table) -> pa.Table:
    order = arrange(
        column(rows, "code"), column(rows, "due_date").astype(np.int32), column(rows, "instalment_no").astype(np.int32)
    )
    return rows if order is None else rows.take(pa.array(order))


def _by_day(paid: pa.Table) -> pa.Table:
    codes, on = column(paid, "code"), column(paid, "paid_on")
    key = (codes << 32) | (on + (1 << 31))
    return paid if bool(np.all(key[1:] >= key[:-1])) else paid.take(pa.array(np.lexsort((key,))))


def _schedule(rows: pa.Table | None, first: int, count: int) -> Schedule:
    if rows is None:
        nothing = np.zeros(0, dtype=np.int64)
        return Schedule(count, nothing, nothing.astype(np.int32), nothing)
    paid = column(rows, "amount_paid_minor") if "amount_paid_minor" in rows.schema.names else None
    return Schedule(
        count,
        column(rows, "code") - first,
        column(rows, "due_date").astype(np.int32),
        column(rows, "amount_due_minor"),
        paid,
    )


class _History:
    """What was paid per account up to a day."""

    def __init__(self, paid: pa.Table | None, first: int, count: int, on: int) -> None:
        self.count = count
        if paid is None:
            self.pool: Int64 | None = None
            self.code = self.day = self.amount = np.zeros(0, dtype=np.int64)
            return
        code, day, amount = column(paid, "code") - first, column(paid, "paid_on"), column(paid, "amount_minor")
        counts = day <= on
        code, day, amount = code[counts], day[counts], amount[counts]
        starts = np.flatnonzero(np.append(True, (code[1:] != code[:-1]) | (day[1:] != day[:-1]))) if len(code) else code
        self.code, self.day = code[starts], day[starts]
        self.amount = np.add.reduceat(amount, starts) if len(code) else amount
        self.pool = np.zeros(count, dtype=np.int64)
        np.add.at(self.pool, code, amount)

    def last_paid_on(self) -> Int32:
        """Return the last day on which more came in than was reversed."""
        return self._last(self.amount > 0)

    def whole_paid_on(self, whole: Int64) -> Int32:
        """Return the last day whose payments reached one whole instalment."""
        return self._last((self.amount > 0) & (self.amount >= whole[self.code]))

    def _last(self, mask: NDArray[np.bool_]) -> Int32:
        found = np.full(self.count, np.int64(-(2**40)))
        np.maximum.at(found, self.code[mask], self.day[mask])
        return np.where(found < -(2**39), int(NO_DATE), found).astype(np.int32)
