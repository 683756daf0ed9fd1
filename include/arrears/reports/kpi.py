"""The formulas behind every figure in a digest: integers in, integers out, denominators stated (docs/kpi.md).

Rates are basis points, 10,000 = 100 %, rounded half up; a rate without a denominator is ``None``, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from arrears.core.calendar import BusinessCalendar

WHOLE = 10_000
"""Basis points in one whole."""

PAR_DAYS = (30, 60, 90)
BUCKET_FLOORS = {"M0": 0, "M1": 1, "M2": 30, "M3": 60, "M4": 90, "M5": 120, "M6": 150, "M7": 180}
"""The fewest days past due of each bucket; M7 has no upper end."""


def rate(part: int, whole: int) -> int | None:
    """Return ``part / whole`` in basis points, half up; ``None`` when there is nothing to divide by."""
    if whole <= 0:
        return None
    return (2 * part * WHOLE + whole) // (2 * whole)


def bucket_of(days_past_due: int) -> str:
    """Return the bucket M0 to M7 of an account by its days past due (M1 is 1 to 29 days, M2 30 to 59, …)."""
    found = "M0"
    for name, floor in BUCKET_FLOORS.items():
        if days_past_due >= floor:
            found = name
    return found


def portfolio_at_risk(principal_by_days: Mapping[int, int], over_days: int) -> int | None:
    """Return PAR: principal of accounts more than ``over_days`` past due over all principal outstanding."""
    late = sum(principal for days, principal in principal_by_days.items() if days > over_days)
    return rate(late, sum(principal_by_days.values()))


def overdue_ratio(overdue_minor: int, due_minor: int) -> int | None:
    """Return the overdue ratio: amount overdue over everything that has fallen due so far."""
    return rate(overdue_minor, due_minor)


def quarterly_reduction(now: int | None, before: int | None) -> int | None:
    """Return by how much the overdue ratio fell since the quarter before ended; below zero it rose."""
    if now is None or before is None or before <= 0:
        return None
    return WHOLE - (2 * now * WHOLE + before) // (2 * before)


def expected_share(calendar: BusinessCalendar, business_date: date) -> int | None:
    """Return how much of the month's working days is over before ``business_date``, in basis points."""
    first = business_date.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    before = first - timedelta(days=1)
    done = calendar.working_days_after(before, business_date - timedelta(days=1))
    return rate(done, calendar.working_days_after(before, last))


@dataclass(frozen=True)
class Pace:
    """Month-to-date recovery against the straight line to the month's target; all in basis points."""

    recovered: int | None
    target: int
    expected: int | None

    @property
    def ahead(self) -> int | None:
        """Return how far recovery is ahead of (positive) or behind the line."""
        if self.recovered is None or self.expected is None:
            return None
        return self.recovered - self.expected


def pace(collected: int, base: int, target_percent: int, month_share: int | None) -> Pace:
    """Return recovery of the month so far and where the straight line to the target stands today."""
    target = target_percent * 100
    expected = None if month_share is None else (2 * target * month_share + WHOLE) // (2 * WHOLE)
    return Pace(rate(collected, base), target, expected)


def promise_kept_rate(kept: int, partly: int, broken: int) -> int | None:
    """Return promises kept over promises that fell due and were settled; open ones are left out."""
    return rate(kept, kept + partly + broken)


def right_party_rate(right_party: int, attempts: int) -> int | None:
    """Return contacts with the right person over attempts made."""
    return rate(right_party, attempts)
