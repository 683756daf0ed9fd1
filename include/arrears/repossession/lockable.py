"""When a machine may be kept from starting: known to stand still, off the road; nothing unknown counts as still."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

from arrears.core.clock import utc_text
from arrears.ladder.policy import Policy

KIND, SERVICE = "lock", "remote_lock"
OFF_ROAD = ("site", "home", "locked")
"""Places where a machine that will not start blocks nobody's way; a position without its place is not one of them."""

SAME_PLACE = Decimal("0.001")
"""Degrees: about a hundred metres, more than a tracker errs and less than a machine at work moves."""


def why_not_lockable(positions: Iterable[Any], now: datetime, policy: Policy) -> list[str]:
    """Return what speaks against locking a machine seen at these places, newest word last; empty when nothing does.

    It stands still when an earlier sighting lies the policy's minutes back and none since was elsewhere.
    """
    lock = policy.repossession.remote_lock
    seen = sorted((row for row in positions if row.at <= utc_text(now)), key=lambda row: str(row.at))
    if not lock.enabled:
        return ["lock_not_enabled"]
    if not seen:
        return ["no_location"]
    newest = seen[-1]
    reasons = []
    if newest.at < utc_text(now - timedelta(hours=lock.location_max_age_hours)):
        reasons.append("location_too_old")
    if newest.site_type not in OFF_ROAD:
        reasons.append("not_off_road")
    if not _stands_still(seen, timedelta(minutes=lock.at_rest_minutes)):
        reasons.append("not_at_rest")
    return reasons


def _stands_still(seen: list[Any], rest: timedelta) -> bool:
    newest = seen[-1]
    there = takewhile(lambda one: _near(one, newest), reversed(seen))
    since = min(str(one.at) for one in there)
    return since <= utc_text(datetime.fromisoformat(newest.at) - rest)


def _near(one: Any, other: Any) -> bool:
    return all(
        abs(Decimal(getattr(one, axis)) - Decimal(getattr(other, axis))) <= SAME_PLACE for axis in ("lat", "lon")
    )
