"""Now is an argument: a clock is handed in, so every rule can be tested on any day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """Return the current time, UTC and aware."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time, UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class PinnedClock:
    """Stands still at one moment: rehearsals and tests."""

    at: datetime

    def now(self) -> datetime:
        """Return the pinned moment, UTC."""
        return self.at.astimezone(UTC)


def at_local(day: date, wall: time, zone: str) -> datetime:
    """Return a wall-clock time of a local day as UTC."""
    return datetime.combine(day, wall, ZoneInfo(zone)).astimezone(UTC)


def local_date(moment: datetime, zone: str) -> date:
    """Return the calendar day on which a moment falls in a zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def utc_text(moment: datetime) -> str:
    """Write a moment as ``2026-11-12T01:30:00Z``; fractions of a second are dropped."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
