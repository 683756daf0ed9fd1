"""What a morning found over all accounts: kept with its digest, read by the desk for the rest of the day.

A page never waits for what the morning knew. Where the morning of a run is not kept, as before its digest, the same is
worked out on the spot.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, ScalarSelect, delete, func, select, update

from arrears.ladder.policy import Policy
from arrears.reports.control import OWNERS, SURVEYED, ExceptionLine, exceptions_of, in_order, waiting_now
from arrears.reports.deadlines import Deadline, deadlines_of
from arrears.store.bulk import replace_all
from arrears.store.tables.feeds import account
from arrears.store.tables.reports import deadline_day, exception_day
from arrears.store.tables.repossession import repossession_order


@dataclass(frozen=True)
class Morning:
    """Which run's morning is meant."""

    business_date: date
    run_id: str


def keep_morning(
    connection: Connection, morning: Morning, exceptions: Iterable[ExceptionLine], deadlines: Sequence[Deadline]
) -> None:
    """Keep what a morning found over all accounts; a later run of the date takes the place of the first."""
    found = {line.kind: line for line in exceptions}
    origin = {"business_date": morning.business_date, "run_id": morning.run_id}
    waiting = [
        {"kind": kind, "count": found[kind].count if kind in found else 0,
         "oldest_on": found[kind].oldest_on if kind in found else None, **origin}
        for kind in SURVEYED
    ]  # fmt: skip
    replace_all(connection, exception_day, waiting)
    connection.execute(delete(deadline_day).where(deadline_day.c.business_date <= morning.business_date))
    last_days = [
        {"ordinal": ordinal, "kind": line.kind, "subject": line.subject, "ends_on": line.on, **origin}
        for ordinal, line in enumerate(deadlines)
    ]
    replace_all(connection, deadline_day, last_days)
    connection.execute(
        update(deadline_day).where(deadline_day.c.business_date == morning.business_date).values(branch=_branch())
    )


def _branch() -> ScalarSelect[str]:
    """Return the branch of the account that a last day is about, itself or by its order; none for an agency."""
    order = repossession_order.c
    ordered = select(order.account_id).where(order.order_no == deadline_day.c.subject).correlate(deadline_day)
    about = func.coalesce(ordered.scalar_subquery(), deadline_day.c.subject)
    return select(account.c.branch).where(account.c.account_id == about).scalar_subquery()


def exceptions_today(connection: Connection, morning: Morning, policy: Policy) -> list[ExceptionLine]:
    """Return what waits for a person: found by the morning over all accounts, and what changed since as it stands."""
    day = morning.business_date
    kept = _kept(connection, morning)
    if not kept:
        return exceptions_of(connection, day, None, policy)
    return in_order((*waiting_now(connection, day, None, policy), *kept), day)


def deadlines_today(
    connection: Connection, morning: Morning, policy: Policy, first: int, limit: int, branch: str | None = None
) -> tuple[int, list[Deadline]]:
    """Return how many last days are near or passed, and so many of them from the ``first`` on, the soonest first.

    A branch has those of its accounts and their orders; agencies are the house's.
    """
    if not _kept(connection, morning):
        found = deadlines_of(connection, morning.business_date, policy, branch)
        return len(found), found[first : first + limit]
    kept = deadline_day.c.business_date == morning.business_date
    if branch is not None:
        kept &= deadline_day.c.branch == branch
    rows = connection.execute(
        select(deadline_day.c.kind, deadline_day.c.subject, deadline_day.c.ends_on)
        .where(kept)
        .order_by(deadline_day.c.ordinal)
        .offset(first)
        .limit(limit)
    )
    count = connection.execute(select(func.count()).select_from(deadline_day).where(kept)).scalar_one()
    return count, [Deadline(row.kind, row.subject, row.ends_on) for row in rows]


def _kept(connection: Connection, morning: Morning) -> list[ExceptionLine]:
    table = exception_day.c
    query = select(table.kind, table.count, table.oldest_on).where(
        table.business_date == morning.business_date, table.run_id == morning.run_id
    )
    return [ExceptionLine(kind, count, OWNERS[kind], oldest) for kind, count, oldest in connection.execute(query)]
