"""Rows of the feeds that were not taken: which, why, and what waits for an account that no ledger has brought."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, select

from arrears.ladder.policy import Policy
from arrears.reports.scope import of_branch
from arrears.store.tables.feeds import WHOLE_FEEDS, delivery, quarantine


def quarantine_reasons(connection: Connection, business_date: date) -> Counter[str]:
    """Count the quarantined cells of a business date's deliveries by feed and reason, ``payments:bad_amount``."""
    rows = connection.execute(
        select(delivery.c.feed, quarantine.c.reason, func.count())
        .select_from(quarantine)
        .join(delivery, delivery.c.delivery_id == quarantine.c.delivery_id)
        .where(delivery.c.business_date == business_date)
        .group_by(delivery.c.feed, quarantine.c.reason)
    )
    return Counter({f"{row[0]}:{row[1]}": row[2] for row in rows})


def quarantined(business_date: date, branch: str | None) -> Any:
    """Ask for the rows of a date's deliveries that could not be read."""
    rows = (
        select(quarantine.c.delivery_id, quarantine.c.row_no, delivery.c.business_date)
        .select_from(quarantine)
        .join(delivery, delivery.c.delivery_id == quarantine.c.delivery_id)
        .where(delivery.c.business_date == business_date, of_branch(quarantine.c.account_id, branch))
        .distinct()
        .subquery()
    )
    return select(func.count(), func.min(rows.c.business_date)).select_from(rows)


def unknown_accounts(business_date: date, branch: str | None, policy: Policy) -> Any:
    """Ask for the rows of news that wait for an account no ledger has brought, each file by its newest try."""
    since = business_date - timedelta(days=policy.ledger.unknown_account_days)
    tried = (
        select(delivery.c.feed, delivery.c.sha256, func.max(delivery.c.business_date).label("last_on"),
               func.min(delivery.c.business_date).label("first_on"))
        .where(delivery.c.feed.not_in(WHOLE_FEEDS), delivery.c.business_date <= business_date)
        .group_by(delivery.c.feed, delivery.c.sha256)
        .subquery()
    )  # fmt: skip
    newest = and_(delivery.c.feed == tried.c.feed, delivery.c.sha256 == tried.c.sha256,
                  delivery.c.business_date == tried.c.last_on)  # fmt: skip
    return (
        select(func.count(), func.min(tried.c.first_on))
        .select_from(quarantine)
        .join(delivery, delivery.c.delivery_id == quarantine.c.delivery_id)
        .join(tried, newest)
        .where(quarantine.c.reason == "unknown_account", tried.c.first_on > since)
        .where(of_branch(quarantine.c.account_id, branch))
    )
