"""Working days of a jurisdiction: statutory holidays and make-up days from ``holidays``, corrected by a file."""

import csv
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import holidays

from arrears.core.errors import BadArguments

ONE_DAY = timedelta(days=1)
SATURDAY = 5
MAKE_UP_COUNTRIES = frozenset({"CN"})
"""Countries that move working days onto weekends, by an announcement of the year before."""


@dataclass(frozen=True)
class BusinessCalendar:
    """Says which local dates are working days."""

    country: str
    subdivision: str | None = None
    overrides: Mapping[date, bool] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        """Say whether ``day`` is worked; the override file wins over the statutory calendar."""
        override = self.overrides.get(day)
        return _is_statutory_working_day(self.country, self.subdivision, day) if override is None else override

    def is_holiday(self, day: date) -> bool:
        """Say whether ``day`` is a public holiday, whatever day of the week; the override file wins."""
        override = self.overrides.get(day)
        return day in _statutory(self.country, self.subdivision) if override is None else not override

    def unconfirmed_days(self, start: date, days: int) -> int:
        """Count the days from ``start`` on whose working day the authorities have not yet announced.

        Where make-up days are worked on weekends they are announced late in the year before; until then a year has
        none, and only statutory holidays are known. A year that the override file speaks of is confirmed.
        """
        if self.country not in MAKE_UP_COUNTRIES:
            return 0
        told = {day.year for day in self.overrides}
        coming = (start + timedelta(days=n) for n in range(days))
        return sum(day.year not in told and not _has_make_up_days(self.country, day.year) for day in coming)

    def next_working_day(self, day: date) -> date:
        """Return ``day`` itself if worked, else the first working day after it."""
        while not self.is_working_day(day):
            day += ONE_DAY
        return day

    def previous_working_day(self, day: date) -> date:
        """Return ``day`` itself if worked, else the last working day before it."""
        while not self.is_working_day(day):
            day -= ONE_DAY
        return day

    def add_working_days(self, day: date, count: int) -> date:
        """Return the ``count``-th working day after ``day``; with 0, ``day`` itself."""
        for _ in range(count):
            day = self.next_working_day(day + ONE_DAY)
        return day

    def working_days_before(self, day: date, count: int) -> date:
        """Return the last day from which so many working days have passed until ``day``."""
        found = day
        while self.working_days_after(found, day) < count:
            found -= ONE_DAY
        return found

    def working_days_after(self, start: date, end: date) -> int:
        """Count the working days in ``(start, end]``; 0 when ``end`` is not later."""
        return sum(self.is_working_day(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))


@lru_cache
def _has_make_up_days(country: str, year: int) -> bool:
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range(366))
    return any(day.weekday() >= SATURDAY and _is_statutory_working_day(country, None, day)
               for day in days if day.year == year)  # fmt: skip


@lru_cache
def _statutory(country: str, subdivision: str | None) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=subdivision)


@lru_cache(maxsize=20_000)
def _is_statutory_working_day(country: str, subdivision: str | None, day: date) -> bool:
    """Ask the calendar once a day: the counts of working days ask again and again."""
    return _statutory(country, subdivision).is_working_day(day)


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, or that month's end; always counted from the original day.

    Source: Civil Code (CN) art. 202; chained month arithmetic drifts, so callers pass the original date.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def read_overrides(path: Path) -> dict[date, bool]:
    """Read a calendar override file with the columns ``date`` and ``working`` (yes or no).

    Raises:
        BadArguments: a row is neither.
    """
    with path.open(newline="", encoding="utf-8-sig") as handle:
        found = {}
        for number, row in enumerate(csv.DictReader(handle), start=2):
            try:
                found[date.fromisoformat(row["date"])] = {"yes": True, "no": False}[row["working"]]
            except (KeyError, TypeError, ValueError):
                raise BadArguments(
                    f"{path.name} row {number}: give date as YYYY-MM-DD and working as yes or no"
                ) from None
    return found
