"""What agencies owe us an answer to, or told us that no order allows: counted for the exceptions of the day."""

from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import func, select, true

from arrears.core.clock import at_local, utc_text
from arrears.ladder.policy import Policy
from arrears.reports.scope import of_branch
from arrears.store.tables.feeds import order_report
from arrears.store.tables.outreach import placement
from arrears.store.tables.repossession import repossession_order

DIGEST_HOUR = time(8)
WEEK = timedelta(days=7)


def silent_since(business_date: date, policy: Policy) -> str:
    """Return the moment up to which a recall must have been acknowledged when the digest is read."""
    return _hours_before(business_date, policy, policy.repossession.recall_acknowledge_hours)


def _hours_before(business_date: date, policy: Policy, hours: int) -> str:
    return utc_text(at_local(business_date, DIGEST_HOUR, policy.time_zone) - timedelta(hours=hours))


def recalls(branch: str | None, *, until: str | None = None, after: str | None = None) -> Any:
    """Return count and oldest of the recalls nobody has confirmed, sent up to or after a moment."""
    sent = repossession_order.c.recalled_at
    return select(func.count(), func.min(sent)).where(
        repossession_order.c.state == "recall_sent",
        repossession_order.c.kind != "lock",
        sent <= until if until is not None else true(),
        sent > after if after is not None else true(),
        of_branch(repossession_order.c.account_id, branch),
    )


def unlocks_silent(business_date: date, policy: Policy, branch: str | None) -> Any:
    """Return count and oldest of the machines that should have been unlocked within the policy's hours and were not."""
    until = _hours_before(business_date, policy, policy.repossession.remote_lock.unlock_within_hours)
    return select(func.count(), func.min(repossession_order.c.recalled_at)).where(
        repossession_order.c.state == "recall_sent",
        repossession_order.c.kind == "lock",
        repossession_order.c.recalled_at <= until,
        of_branch(repossession_order.c.account_id, branch),
    )


def placements_silent(until: str, branch: str | None) -> Any:
    """Return count and oldest of the placements whose recall, sent up to a moment, no agency has confirmed."""
    return select(func.count(), func.min(placement.c.recalled_at)).where(
        placement.c.state == "recall_sent",
        placement.c.recalled_at <= until,
        of_branch(placement.c.account_id, branch),
    )


def refused_reports(business_date: date, branch: str | None) -> Any:
    """Return count and oldest of a week of reports that no order allows: a machine taken after its recall is one."""
    return select(func.count(), func.min(order_report.c.at)).where(
        order_report.c.result.is_not(None),
        order_report.c.result != "applied",
        order_report.c.at >= (business_date - WEEK).isoformat(),
        of_branch(order_report.c.account_id, branch),
    )
