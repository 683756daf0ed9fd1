"""On which days a channel is used (policy ``contact.days``): asked when a day is decided and again at sending."""

from datetime import date

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.policy import Policy

SUNDAY = 6
INTERNAL = frozenset({"debit", "asset_search", "placement"})
"""Channels that reach nobody: the bank or a colleague is asked, so no person's budget and no opt-out is concerned."""


def days_of(channel: str, policy: Policy) -> str:
    """Return the days of a channel; one without an entry is used on any day."""
    return next((str(days) for name, days in policy.contact.days.items() if name == channel), "any")


def is_used(days: str, on: date, *, working: bool, holiday: bool) -> bool:
    """Say whether a channel with these days is used on a day that is a working day, a public holiday, or neither."""
    if days == "working":
        return working
    if days == "any":
        return True
    return on.weekday() != SUNDAY and not (days == "mon_sat_no_holidays" and holiday)


def refusal(days: str) -> str:
    """Return the reason for staying away on another day."""
    return "not_a_working_day" if days == "working" else "not_a_contact_day"


def refused_on(channel: str, on: date, policy: Policy, calendar: BusinessCalendar) -> str | None:
    """Return why a channel is not used on a day, or None when it is."""
    days = days_of(channel, policy)
    working, holiday = calendar.is_working_day(on), calendar.is_holiday(on)
    return None if is_used(days, on, working=working, holiday=holiday) else refusal(days)
