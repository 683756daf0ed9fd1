"""The staging rule on whole arrays of accounts: int64 minor units, one cumulative sum, no loop over accounts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]

NO_DATE = np.int32(np.iinfo(np.int32).max)
"""Stands for "no such date"; dates are days since 1970-01-01."""

LAST_STAGE = 3


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
        return np.append(0, np.cumsum(np.bincount(self.account, minlength=self.accounts))).astype(np.int64)


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
    edges = schedule.edges
    before = np.append(0, np.cumsum(schedule.amount))
    reach = before[edges[:-1]] + np.maximum(pool, 0)  # an instalment is paid as far as the sum before it stays below
    left = np.repeat(reach, np.diff(edges)) - before[:-1]
    clipped: Int64 = np.minimum(np.maximum(left, 0), schedule.amount)
    return clipped


def stage(schedule: Schedule, allocated: Int64, on: int) -> Staged:
    """Stage every account on day ``on``: overdue means due before ``on`` with a part unpaid; stage = min(3, count).

    ``reference_amount`` is the amount of one whole instalment: the oldest unpaid one that is due, else the newest one
    due, else the first.
    """
    group = _Groups(schedule)
    unpaid = schedule.amount - allocated
    owing, fallen = unpaid > 0, schedule.due <= on
    overdue = owing & (schedule.due < on)
    count = group.add(overdue)
    first = group.first(overdue)
    oldest = _at(schedule.due, first, NO_DATE)
    upcoming = group.first(owing & (schedule.due >= on))
    return Staged(
        stage=np.minimum(count, LAST_STAGE).astype(np.int8),
        overdue_instalments=count.astype(np.int32),
        overdue=group.add(np.where(overdue, unpaid, 0)),
        days_past_due=np.where(count > 0, on - oldest, 0).astype(np.int32),
        oldest_unpaid_due=oldest,
        due=group.add(np.where(fallen, schedule.amount, 0)),
        unpaid_due=group.add(np.where(fallen, unpaid, 0)),
        schedule=group.add(schedule.amount),
        paid=group.add(allocated),
        next_due_on=_at(schedule.due, upcoming, NO_DATE),
        next_due=_at(unpaid, upcoming, 0),
        reference_amount=_reference(group, schedule, fallen, owing),
    )


def _reference(group: "_Groups", schedule: Schedule, fallen: NDArray[np.bool_], owing: NDArray[np.bool_]) -> Int64:
    real = schedule.amount > 0
    oldest_unpaid = group.first(fallen & owing)
    newest_due = group.last(fallen & real)
    first = group.first(real)
    row = np.where(oldest_unpaid >= 0, oldest_unpaid, np.where(newest_due >= 0, newest_due, first))
    return _at(schedule.amount, row, 0)


def _at(values: NDArray[Any], row: Int64, absent: int | np.int32) -> NDArray[Any]:
    found = np.full(len(row), absent, dtype=values.dtype)
    there = row >= 0
    found[there] = values[row[there]]
    return found


class _Groups:
    """Sums and extremes per account; accounts without a row get 0 or -1."""

    def __init__(self, schedule: Schedule) -> None:
        starts = schedule.edges
        self.accounts = schedule.accounts
        self.rows = np.arange(len(schedule.account))
        self.filled = starts[1:] > starts[:-1]
        self.starts = starts[:-1][self.filled]

    def _spread(self, reduced: NDArray[Any], absent: int) -> NDArray[Any]:
        spread = np.full(self.accounts, absent, dtype=reduced.dtype)
        spread[self.filled] = reduced
        return spread

    def add(self, values: NDArray[Any]) -> Int64:
        if not len(self.starts):
            return np.zeros(self.accounts, dtype=np.int64)
        return self._spread(np.add.reduceat(values, self.starts, dtype=np.int64), 0)

    def first(self, mask: NDArray[np.bool_]) -> Int64:
        none = len(self.rows)
        if not len(self.starts):
            return np.full(self.accounts, -1, dtype=np.int64)
        row = np.minimum.reduceat(np.where(mask, self.rows, none), self.starts)
        return self._spread(np.where(row == none, -1, row), -1)

    def last(self, mask: NDArray[np.bool_]) -> Int64:
        if not len(self.starts):
            return np.full(self.accounts, -1, dtype=np.int64)
        return self._spread(np.maximum.reduceat(np.where(mask, self.rows, -1), self.starts), -1)
