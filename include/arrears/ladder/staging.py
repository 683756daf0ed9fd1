"""The staging rule on whole arrays of accounts: int64 minor units, one cumulative sum, no loop over accounts."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]

NO_DATE = np.int32(np.iinfo(np.int32).max)
"""Stands for "no such date"; dates are days since 1970-01-01."""

LAST_STAGE = 3
BLOCK = 65_536
"""Rows staged at a time."""


@dataclass(frozen=True)
class Schedule:
    """Instalments of accounts ``0 … accounts-1``, ordered by account, due date, then number.

    ``paid`` is what the ledger says is paid on each row (open-item form), or None when payments are allocated.
    """

    accounts: int
    account: Int64
    due: Int32
    amount: Int64
    paid: Int64 | None = None

    @cached_property
    def edges(self) -> Int64:
        """Where each account's rows begin, with the end of the last one as closing entry."""
        return np.searchsorted(self.account, np.arange(self.accounts + 1))


@dataclass(frozen=True)
class Staged:
    """One entry an account, minor units and days; an account without an instalment is stage 0."""

    stage: NDArray[np.int8]
    overdue_instalments: Int32
    overdue: Int64
    days_past_due: Int32
    oldest_unpaid_due: Int32
    due: Int64
    unpaid_due: Int64
    schedule: Int64
    paid: Int64
    next_due_on: Int32
    next_due: Int64
    reference_amount: Int64


def arrange(account: Int64, due: Int32, number: Int32) -> Int64 | None:
    """Return the order by account, due date, then number; None when the rows already stand so."""
    if len(account) < 2:
        return None
    same, rising = account[1:] == account[:-1], account[1:] > account[:-1]
    later, equal = due[1:] > due[:-1], due[1:] == due[:-1]
    if bool(np.all(rising | (same & (later | (equal & (number[1:] >= number[:-1])))))):
        return None
    order: Int64 = np.lexsort((number, due, account)).astype(np.int64)
    return order


def allocate(schedule: Schedule, pool: Int64 | None) -> Int64:
    """Return how much of each instalment is paid: oldest due date first, then lower number, from ``max(0, pool)``.

    ``pool`` is the sum of each account's payments up to the date; None means nothing was paid. With amounts already
    given per row (open-item form) each counts for its own row only. Source: the staging rule of the command contract.
    """
    if schedule.paid is not None:
        return np.minimum(np.maximum(schedule.paid, 0), schedule.amount)
    if pool is None:
        return np.zeros_like(schedule.amount)
    edges, before = schedule.edges, _running(schedule.amount)
    reach = before[edges[:-1]] + np.maximum(pool, 0)  # an instalment is paid as far as the sum before it stays below
    left: Int64 = np.repeat(reach, np.diff(edges))
    left -= before[:-1]
    np.maximum(left, 0, out=left)
    return np.minimum(left, schedule.amount, out=left)


def stage(schedule: Schedule, allocated: Int64, on: int) -> Staged:
    """Stage every account on day ``on``: overdue means due before ``on`` with a part unpaid; stage = min(3, count).

    ``reference_amount`` is the amount of one whole instalment: the oldest unpaid one that is due, else the newest one
    due, else the first. So many rows at a time that a processor keeps them near.
    """
    cuts = np.searchsorted(schedule.edges, np.arange(BLOCK, len(schedule.amount), BLOCK))
    accounts = pairwise([0, *np.unique(cuts).tolist(), schedule.accounts])
    blocks = [_block(schedule, allocated, on, first, last) for first, last in accounts]
    return Staged(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


def _block(schedule: Schedule, allocated: Int64, on: int, first: int, last: int) -> tuple[NDArray[Any], ...]:
    """Stage accounts ``first … last-1``; return the columns of ``Staged``.

    An account's rows stand by due date, so those due before a day are its first ones: every sum is the difference of
    two running sums, and every row is found by counting.
    """
    edges = schedule.edges[first : last + 1]
    rows = slice(edges[0], edges[-1])
    due, amount = schedule.due[rows], schedule.amount[rows]
    edges = edges - edges[0]
    start, end = edges[:-1], edges[1:]
    unpaid = amount - allocated[rows]
    whole, owed, owing = _running(amount), _running(unpaid), _Marked(unpaid > 0)
    today, past = (start + np.diff(_running(fallen, np.int32)[edges]) for fallen in (due < on, due <= on))
    count = owing.count(start, today)
    oldest = _at(due, owing.first(start, today), NO_DATE)
    upcoming = owing.first(today, end)
    return (
        np.minimum(count, LAST_STAGE).astype(np.int8),
        count.astype(np.int32),
        owed[today] - owed[start],
        np.where(count > 0, on - oldest, 0).astype(np.int32),
        oldest,
        whole[past] - whole[start],
        owed[past] - owed[start],
        whole[end] - whole[start],
        whole[end] - whole[start] - (owed[end] - owed[start]),
        _at(due, upcoming, NO_DATE),
        _at(unpaid, upcoming, 0),
        _reference(edges, amount, owing, past),
    )


def _reference(edges: Int64, amount: Int64, owing: "_Marked", past: Int64) -> Int64:
    start, end, real = edges[:-1], edges[1:], _Marked(amount > 0)
    row = real.first(start, end)
    for better in (real.last(start, past), owing.first(start, past)):
        row = np.where(better >= 0, better, row)
    return _at(amount, row, 0)


def _at(values: NDArray[Any], row: Int64, absent: int | np.int32) -> NDArray[Any]:
    found = np.full(len(row), absent, dtype=values.dtype)
    there = row >= 0
    found[there] = values[row[there]]
    return found


def _running(values: NDArray[Any], kind: type[np.integer[Any]] = np.int64) -> NDArray[Any]:
    """Return the sum of the values before each place, with that of all as closing entry; 32 bits count rows."""
    found = np.zeros(len(values) + 1, dtype=kind)
    found[1:] = values  # copied first: adding up while turning truth into numbers takes twenty times as long
    return np.cumsum(found, out=found)


class _Marked:
    """Some of the rows: how many of them lie between two places, the first there and the last; -1 is none."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self._before = _running(mask, np.int32)
        self._rows = np.append(np.flatnonzero(mask), -1)

    def count(self, start: Int64, end: Int64) -> Int64:
        counted: Int64 = self._before[end] - self._before[start]
        return counted

    def first(self, start: Int64, end: Int64) -> Int64:
        number = self._before[start]
        return np.where(self._before[end] > number, self._rows[number], -1)

    def last(self, start: Int64, end: Int64) -> Int64:
        number = self._before[end]
        return np.where(number > self._before[start], self._rows[number - 1], -1)
