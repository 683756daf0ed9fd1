"""Which order fits what is known of a machine: look for it, take it, or keep it from starting first."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.repossession.lockable import KIND, why_not_lockable
from arrears.store.tables.feeds import location
from arrears.store.tables.repossession import ORDER_OPEN

WHY_NOT = {"locate": "machine_found", "recover": "position_too_old", KIND: "not_lockable"}
"""Why an order that no longer fits is void."""


def kinds_of(connection: Connection, rt: Runtime, policy: Policy, account_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the kinds of order that fit each account, the mildest first.

    A machine seen within the policy's hours may be recovered, and locked if the policy does that and it stands still
    off the road; any other can only be looked for.
    """
    ids, now = sorted(account_ids), rt.clock.now()
    youngest = utc_text(now - timedelta(hours=policy.repossession.location_max_age_hours))
    query = select(location).where(
        location.c.account_id.in_(ids), location.c.at >= youngest, location.c.at <= utc_text(now)
    )
    seen: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        seen[row.account_id].append(row)
    fit = {}
    for account_id in ids:
        found = seen[account_id]
        locks = [] if why_not_lockable(found, now, policy) else [KIND]
        fit[account_id] = [*locks, "recover"] if found else ["locate"]
    return fit


def fitting(kinds: Sequence[str], facts_sha256: str, earlier: Iterable[Row[Any]]) -> str:
    """Return the mildest kind that fits; a lock that was refused or led to nothing is not tried again on its facts."""
    tried = {
        order.kind
        for order in earlier
        if order.kind == KIND and order.facts_sha256 == facts_sha256 and order.state not in ORDER_OPEN
        and (order.offered_at is not None or order.closed_reason in ("refused", "withdrawn"))
    }  # fmt: skip
    return next(kind for kind in kinds if kind not in tried)
