"""What the ledger says about each account, a column at a time and small enough to be counted in distinct values."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.effective import EPOCH, effective, overdue_of
from arrears.ladder.policy_steps import Staging
from arrears.ladder.staging import Int64

FIRST_DAY = date(1899, 12, 31)
"""One day before the earliest date a ledger may hold: a packed 0 is no date."""

_DAYS = 20
"""Bits of a due date in a packed reading: three thousand years."""


class Reading(NamedTuple):
    """One account as the ledger shows it on a day: all that decide() may learn from the ledger.

    ``counted`` is the number of instalments that count today, at most three; ``tolerance``, ``grace`` and
    ``holiday_shift`` say why others do not. ``since`` is the due date of the oldest that counts, or of the oldest
    unpaid one where none does. ``cycle_unpaid``: an instalment of this month is still to come; ``due_in``: in how many
    days the next one falls due, where a step asks for it.
    """

    stage: int
    counted: int
    tolerance: bool
    grace: bool
    holiday_shift: bool
    since: date | None
    cycle_unpaid: bool
    data_incomplete: bool
    due_in: int | None = None


@dataclass(frozen=True)
class Readings:
    """The readings of many accounts, packed into one number each: equal numbers are equal readings."""

    packed: Int64
    stage: NDArray[np.int64]
    cycle_unpaid: NDArray[np.bool_]
    due_soon: NDArray[np.bool_]

    @property
    def due_in(self) -> Int64:
        """Return in how many days the next instalments fall due, where a step asks for it."""
        return self.packed & NO_STEP


NO_STEP = 31
"""Stands for a next due date that no step asks for; it fills the five bits."""

NOTHING_DUE = NO_STEP
"""The packed reading of an account of which nothing is overdue and nothing to come."""

BITS = 2 + 2 + 1 + 1 + 1 + _DAYS + 1 + 1 + 5
"""How many bits a packed reading takes."""


def read(
    batch: pa.RecordBatch, on: date, rules: Staging, calendar: BusinessCalendar, asked: Collection[int] = ()
) -> Readings:
    """Read a batch of a frozen ledger (policy ``staging``); the stage is untouched by what may delay an account.

    ``asked`` are the days before a due date on which a step has something to say.
    """
    stage, found = _numbers(batch, "stage"), effective(overdue_of(batch), on, rules, calendar)
    since = np.where(stage > 0, found.since - (FIRST_DAY - EPOCH).days, 0)
    cycle = _in_month(batch, on) & (_numbers(batch, "next_due_minor") > 0)
    incomplete = np.asarray(batch.column("data_incomplete")).astype(bool)
    soon = _due_in(batch, on, asked)
    packed = since
    for values, bits in ((stage, 2), (found.counted, 2), (found.tolerance, 1), (found.grace, 1),
                         (found.holiday_shift, 1), (cycle, 1), (incomplete, 1), (soon, 5)):  # fmt: skip
        packed = (packed << bits) | values.astype(np.int64)
    return Readings(packed, stage, cycle, soon != NO_STEP)


def unpack(packed: int) -> Reading:
    """Return the reading behind a number."""
    found = []
    for bits in (5, 1, 1, 1, 1, 1, 2, 2):
        found.append(packed & ((1 << bits) - 1))
        packed >>= bits
    soon, incomplete, cycle, shift, grace, tolerance, counted, stage = found
    since = FIRST_DAY + timedelta(days=packed) if packed else None
    return Reading(stage, counted, bool(tolerance), bool(grace), bool(shift), since, bool(cycle), bool(incomplete),
                   None if soon == NO_STEP else soon)  # fmt: skip


def _due_in(batch: pa.RecordBatch, on: date, asked: Collection[int]) -> Int64:
    days = _days(batch, "next_due_on") - (on - EPOCH).days
    wanted = np.isin(days, list(asked)) & ~_absent(batch, "next_due_on") & (_numbers(batch, "next_due_minor") > 0)
    found: Int64 = np.where(wanted, days, NO_STEP).astype(np.int64)
    return found


def _in_month(batch: pa.RecordBatch, on: date) -> NDArray[np.bool_]:
    days = _days(batch, "next_due_on")
    first = (on.replace(day=1) - EPOCH).days
    last = ((on.replace(day=28) + timedelta(days=4)).replace(day=1) - EPOCH).days
    there: NDArray[np.bool_] = ~_absent(batch, "next_due_on") & (days >= first) & (days < last)
    return there


def _numbers(batch: pa.RecordBatch, name: str) -> Int64:
    values: Int64 = np.asarray(batch.column(name)).astype(np.int64)
    return values


def _days(batch: pa.RecordBatch, name: str) -> Int64:
    days: Int64 = np.asarray(batch.column(name).cast(pa.int32()).fill_null(0)).astype(np.int64)
    return days


def _absent(batch: pa.RecordBatch, name: str) -> NDArray[np.bool_]:
    return np.asarray(batch.column(name).is_null())
