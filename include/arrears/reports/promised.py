"""What people promised to pay: what falls due today, and what was kept."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from arrears.reports.scope import of_branch, owned_by, tally
from arrears.store.tables.feeds import account, promise
from arrears.store.tables.people import account_party, party


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


def promise_totals(
    connection: Connection, business_date: date, branch: str | None, staff_id: str | None = None
) -> tuple[int, dict[str, int]]:
    """Return how many open promises fall due today, and their amounts by currency."""
    rows = connection.execute(
        select(account.c.currency, func.count(), func.sum(promise.c.amount_minor))
        .select_from(promise)
        .join(account, account.c.account_id == promise.c.account_id)
        .where(
            promise.c.due_on == business_date,
            promise.c.state == "open",
            of_branch(promise.c.account_id, branch),
            owned_by(promise.c.account_id, staff_id, business_date),
        )
        .group_by(account.c.currency)
    ).all()
    return sum(row[1] for row in rows), {row[0]: int(row[2]) for row in rows}


def promises_settled(connection: Connection, first: date, last: date, branch: str | None) -> Counter[str]:
    """Count, by state, the promises that fell due between two days, both included."""
    rows = connection.execute(
        select(promise.c.state, func.count())
        .where(promise.c.due_on.between(first, last), of_branch(promise.c.account_id, branch))
        .group_by(promise.c.state)
    )
    return tally(rows)
