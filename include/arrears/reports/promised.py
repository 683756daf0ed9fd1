"""What people promised to pay: what falls due today, and what was kept."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from arrears.reports.scope import of_branch, owned_by, tally
from arrears.store.tables.feeds import account, plan, promise
from arrears.store.tables.people import account_party, party

WEEK = timedelta(days=7)
"""So long a broken word is among what somebody must look at."""


@dataclass(frozen=True)
class PromiseDue:
    """An open promise to pay that falls due today."""

    account_id: str
    party_name: str | None
    amount_minor: int
    currency: str
    made_on: date


def promises_due(
    connection: Connection,
    business_date: date,
    branch: str | None,
    *,
    staff_id: str | None = None,
    limit: int | None = None,
) -> list[PromiseDue]:
    """Return the open promises that fall due today, the largest first."""
    borrower = (
        select(func.min(account_party.c.party_id))
        .where(account_party.c.account_id == promise.c.account_id, account_party.c.role == "borrower")
        .scalar_subquery()
    )
    query = (
        select(
            promise.c.account_id,
            party.c.name,
            promise.c.amount_minor,
            account.c.currency,
            promise.c.made_on,
        )
        .select_from(promise)
        .join(account, account.c.account_id == promise.c.account_id)
        .join(party, party.c.party_id == func.coalesce(promise.c.party_id, borrower), isouter=True)
        .where(promise.c.due_on == business_date, promise.c.state == "open", of_branch(promise.c.account_id, branch))
        .order_by(promise.c.amount_minor.desc(), promise.c.account_id)
        .limit(limit)
    )
    query = query.where(owned_by(promise.c.account_id, staff_id, business_date))
    return [PromiseDue(*row) for row in connection.execute(query)]


def count_promises_due(
    connection: Connection, business_date: date, branch: str | None, staff_id: str | None = None
) -> int:
    """Count the open promises that fall due today."""
    query = select(func.count()).where(
        promise.c.due_on == business_date,
        promise.c.state == "open",
        of_branch(promise.c.account_id, branch),
        owned_by(promise.c.account_id, staff_id, business_date),
    )
    return int(connection.execute(query).scalar_one())


def promises_settled(connection: Connection, first: date, last: date, branch: str | None) -> Counter[str]:
    """Count, by state, the promises that fell due between two days, both included."""
    rows = connection.execute(
        select(promise.c.state, func.count())
        .where(promise.c.due_on.between(first, last), of_branch(promise.c.account_id, branch))
        .group_by(promise.c.state)
    )
    return tally(rows)


def broken_promises(business_date: date, branch: str | None) -> Any:
    """Ask for the promises that fell due in the past week and were not kept, or only in part."""
    return select(func.count(), func.min(promise.c.due_on)).where(
        promise.c.state.in_(("broken", "partly_kept")),
        promise.c.due_on.between(business_date - WEEK, business_date),
        of_branch(promise.c.account_id, branch),
    )


def broken_plans(business_date: date, branch: str | None) -> Any:
    """Ask for the repayment plans that came to an end in the past week because an instalment was missed."""
    return select(func.count(), func.min(plan.c.ended_on)).where(
        plan.c.state == "broken",
        plan.c.ended_on.between(business_date - WEEK, business_date),
        of_branch(plan.c.account_id, branch),
    )
