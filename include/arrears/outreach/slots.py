"""When a person may be contacted on a day: the policy's hours in the person's own zone, and what they prefer."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from arrears.core.clock import at_local, utc_text
from arrears.ladder.policy import Policy

INTERNAL = frozenset({"debit", "asset_search", "placement"})
"""Channels that reach nobody: the bank or a colleague is asked, so no person's budget and no opt-out is concerned."""

WORK_LIST = frozenset({"call", "visit", "letter", "senior_contact", "credit_notice"}) | INTERNAL
"""Channels whose effect is an item on somebody's list; the person acts on it inside the window."""

_PREFERRED = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?:\s*[-–~]\s*(?:[01][0-9]|2[0-3]):[0-5][0-9])?")


@dataclass(frozen=True, slots=True)
class Slot:
    """From when until when a contact may leave, UTC text; the end is outside."""

    opens_at: str
    closes_at: str


def zone_of(time_zone: str | None, policy: Policy) -> str:
    """Return a person's time zone, or the policy's when none or an unknown one is on file."""
    try:
        return ZoneInfo(time_zone).key if time_zone else policy.time_zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return policy.time_zone


def is_zone(time_zone: str | None) -> bool:
    """Say whether a person's time zone on file is one that exists; none on file is the policy's."""
    try:
        return not time_zone or ZoneInfo(time_zone) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def slot_of(day: date, channel: str, time_zone: str | None, preferred_time: str | None, policy: Policy) -> Slot:
    """Return the slot of a contact: within the window (policy ``contact.window``), from the preferred hour on.

    A work-list item may be issued from midnight on, so that the list is ready before the window opens.
    """
    window, zone = policy.contact.window, zone_of(time_zone, policy)
    opens = time.min if channel in WORK_LIST else _start(preferred_time, window.opens, window.closes)
    return Slot(utc_text(at_local(day, opens, zone)), utc_text(at_local(day, window.closes, zone)))


class Slots:
    """The slots of a day: many people share a time zone and a preferred hour."""

    def __init__(self, day: date, policy: Policy) -> None:
        """Start without a slot worked out."""
        self._day, self._policy = day, policy
        self._known: dict[tuple[str, str | None, str | None], Slot] = {}

    def of(self, channel: str, time_zone: str | None, preferred_time: str | None) -> Slot:
        """Return the slot of a contact with somebody of that zone and preference."""
        key = (channel, time_zone, preferred_time)
        if key not in self._known:
            self._known[key] = slot_of(self._day, *key, self._policy)
        return self._known[key]


def _start(preferred_time: str | None, opens: time, closes: time) -> time:
    found = _PREFERRED.fullmatch((preferred_time or "").strip())
    if not found:
        return opens
    preferred = time(int(found[1]), int(found[2]))
    return preferred if opens <= preferred < closes else opens


def in_window(now: datetime, time_zone: str | None, policy: Policy) -> bool:
    """Say whether it is a lawful hour where the person is (policy ``contact.window``)."""
    window = policy.contact.window
    return window.opens <= now.astimezone(ZoneInfo(zone_of(time_zone, policy))).time() < window.closes
