"""When a person may be contacted on a day: the policy's hours wherever they may be, and what they prefer."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from arrears.core.clock import at_local, local_date, utc_text
from arrears.ladder.contact_days import INTERNAL
from arrears.ladder.policy import Policy
from arrears.outreach.zones import Zones

WORK_LIST = frozenset({"call", "visit", "letter", "senior_contact", "credit_notice"}) | INTERNAL
"""Channels whose effect is an item on somebody's list; the person acts on it inside the window."""

_PREFERRED = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?:\s*[-–~]\s*(?:[01][0-9]|2[0-3]):[0-5][0-9])?")


@dataclass(frozen=True, slots=True)
class Slot:
    """From when until when a contact may leave, UTC text; the end is outside."""

    opens_at: str
    closes_at: str


def slot_of(day: date, channel: str, zones: Zones, preferred_time: str | None, policy: Policy) -> Slot:
    """Return the slot of a contact: inside the window in every zone, from the preferred hour on.

    A work-list item may be issued from midnight on, so that the list is ready before the window opens.
    """
    window = policy.contact.window
    opens = time.min if channel in WORK_LIST else _start(preferred_time, window.opens, window.closes)
    known = zones or (policy.time_zone,)
    return Slot(
        utc_text(max(at_local(day, opens, zone) for zone in known)),
        utc_text(min(at_local(day, window.closes, zone) for zone in known)),
    )


def has_an_hour(day: date, zones: Zones, policy: Policy) -> bool:
    """Say whether any hour of a day is lawful in every zone in which a person may be."""
    slot = slot_of(day, "sms", zones, None, policy)
    return slot.opens_at < slot.closes_at


class Slots:
    """The slots of a day: many people share a time zone and a preferred hour."""

    def __init__(self, day: date, policy: Policy) -> None:
        """Start without a slot worked out."""
        self._day, self._policy = day, policy
        self._known: dict[tuple[str, Zones, str | None], Slot] = {}

    def of(self, channel: str, zones: Zones, preferred_time: str | None) -> Slot:
        """Return the slot of a contact with somebody of that zone and preference."""
        key = (channel, zones, preferred_time)
        if key not in self._known:
            self._known[key] = slot_of(self._day, *key, self._policy)
        return self._known[key]


def _start(preferred_time: str | None, opens: time, closes: time) -> time:
    found = _PREFERRED.fullmatch((preferred_time or "").strip())
    if not found:
        return opens
    preferred = time(int(found[1]), int(found[2]))
    return preferred if opens <= preferred < closes else opens


def in_window(now: datetime, zones: Zones, policy: Policy) -> bool:
    """Say whether it is a lawful hour wherever the person may be (policy ``contact.window``)."""
    window = policy.contact.window
    hours = (now.astimezone(ZoneInfo(zone)).time() for zone in zones or (policy.time_zone,))
    return all(window.opens <= hour < window.closes for hour in hours)


def local_day(now: datetime, zones: Zones, policy: Policy) -> date:
    """Return the day where the person most likely is: caps and gaps are counted by it."""
    return local_date(now, zones[0] if zones else policy.time_zone)
