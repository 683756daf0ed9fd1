"""Which overdue instalments count today (effective arrears): what keeps one from counting never changes the stage.

Source: policy ``staging``. An instalment counts once its due date, moved to a working day where the contract says so,
and the days of grace after it are over, and when more than a trifle of it is unpaid. Each is asked by itself: a cent
left on each of three instalments is no arrears of three.
"""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.policy_steps import Staging
from arrears.ladder.staging import Int64

EPOCH = date(1970, 1, 1)
MOST = 3
NONE = np.iinfo(np.int64).max
OLDEST = ("oldest_unpaid_minor", "oldest_amount_minor")
LISTS = ("overdue_due_on", "overdue_unpaid_minor", "overdue_amount_minor")
OVERDUE = (*LISTS, *OLDEST)
"""The columns of a frozen ledger that tell of overdue instalments; an older release wrote of the oldest one alone."""

Flags = NDArray[np.bool_]


class Overdue(NamedTuple):
    """The overdue instalments of some accounts, the oldest first; account ``n`` has ``edges[n]`` to ``edges[n + 1]``.

    Amounts in minor units, dates as days since 1970-01-01.
    """

    edges: Int64
    due: Int64
    unpaid: Int64
    amount: Int64


class Effective(NamedTuple):
    """One entry an account: how many instalments count, at most three, since when, and why others do not.

    ``since`` is the due date of the oldest that counts, or where none does of the oldest at all.
    """

    counted: Int64
    since: Int64
    tolerance: Flags
    grace: Flags
    holiday_shift: Flags


def overdue_of(batch: pa.RecordBatch) -> Overdue:
    """Return the overdue instalments of a batch of a frozen ledger."""
    if "overdue_due_on" not in batch.schema.names:
        return _of_older_release(batch)
    dues = batch.column("overdue_due_on")
    edges = np.asarray(dues.offsets).astype(np.int64)
    first, last = int(edges[0]), int(edges[-1])
    due, unpaid, amount = (
        np.asarray(values.cast(pa.int64())).astype(np.int64)[first:last]
        for values in (
            dues.values.cast(pa.int32()),
            batch.column("overdue_unpaid_minor").values,
            batch.column("overdue_amount_minor").values,
        )
    )
    return Overdue(edges - first, due, unpaid, amount)


def _of_older_release(batch: pa.RecordBatch) -> Overdue:
    """Return what a ledger frozen by an older release tells: of the oldest instalment all, of the others the number."""
    count = _whole(batch, "overdue_instalments")
    edges = np.append(0, np.cumsum(count)).astype(np.int64)
    amount = np.repeat(_whole(batch, "oldest_amount_minor"), count)
    unpaid, starts = amount.copy(), edges[:-1][count > 0]
    unpaid[starts] = _whole(batch, "oldest_unpaid_minor")[count > 0]
    due = np.repeat(_whole(batch, "oldest_unpaid_due"), count)
    return Overdue(edges, due, unpaid, amount)


def _whole(batch: pa.RecordBatch, name: str) -> Int64:
    values = batch.column(name)
    values = values.cast(pa.int32()) if pa.types.is_date32(values.type) else values
    found: Int64 = np.asarray(values.cast(pa.int64()).fill_null(0)).astype(np.int64)
    return found


def effective(overdue: Overdue, on: date, rules: Staging, calendar: BusinessCalendar) -> Effective:
    """Count the overdue instalments of each account that matter on a day (policy ``staging``)."""
    today = (on - EPOCH).days
    moved = _moved(overdue.due, calendar) if rules.holiday_shift else overdue.due
    trifle = overdue.unpaid <= np.maximum(rules.tolerance_minor, overdue.amount * rules.tolerance_percent // 100)
    grace = ~trifle & (today - overdue.due <= rules.grace_days)
    shift = ~trifle & ~grace & (today - moved <= rules.grace_days)
    counts = ~(trifle | grace | shift)
    return Effective(
        np.minimum(_sums(overdue, counts), MOST),
        _since(overdue, counts),
        _sums(overdue, trifle) > 0,
        _sums(overdue, grace) > 0,
        _sums(overdue, shift) > 0,
    )


def _moved(due: Int64, calendar: BusinessCalendar) -> Int64:
    """Return due dates moved to the next working day."""
    days, place = np.unique(due, return_inverse=True)
    moved = [(calendar.next_working_day(EPOCH + timedelta(days=day)) - EPOCH).days for day in days.tolist()]
    found: Int64 = np.array(moved, dtype=np.int64)[place]
    return found


def _sums(overdue: Overdue, marked: Flags) -> Int64:
    """Count the marked instalments of each account."""
    before = np.append(0, np.cumsum(marked))
    found: Int64 = before[overdue.edges[1:]] - before[overdue.edges[:-1]]
    return found


def _since(overdue: Overdue, counts: Flags) -> Int64:
    """Return the due date of each account's oldest instalment that counts, or of its oldest; 0 without any."""
    found = np.zeros(len(overdue.edges) - 1, dtype=np.int64)
    filled = overdue.edges[1:] > overdue.edges[:-1]
    starts = overdue.edges[:-1][filled]
    if len(starts):
        first = np.minimum.reduceat(np.where(counts, overdue.due, NONE), starts)
        found[filled] = np.where(first == NONE, overdue.due[starts], first)
    return found
