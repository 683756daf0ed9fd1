"""Find the frozen ledger behind a run and read from it only the columns a figure needs."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from arrears.core.errors import CannotTell
from arrears.reports import migration as moving
from arrears.reports.migration import Migration
from arrears.reports.portfolio import COLUMNS, Portfolio, portfolio_of
from arrears.reports.recovery import Recovery, recovery_between, recovery_from_payments, together
from arrears.store.snapshot import accounts, count_rows, folder_of
from arrears.store.tables.feeds import snapshot
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import subject
from arrears.store.tables.runs import run

ONE_DAY = timedelta(days=1)
HELD = ("subject_ref", "currency", "branch", "due_minor", "overdue_minor")
"""What recovery asks of an account."""


def snapshot_portfolio(
    connection: Connection,
    artifacts_url: str | None,
    run_id: str | None,
    branch: str | None,
) -> dict[str, Portfolio]:
    """Return portfolio figures by currency; empty when the run froze no ledger, or its files are gone."""
    snapshot_id = _snapshot_id(connection, run_id)
    if artifacts_url is None or snapshot_id is None:
        return {}
    try:
        return portfolio_of(accounts(artifacts_url, snapshot_id, COLUMNS), branch)
    except CannotTell:  # a mail without these figures is better than none
        return {}


def recovery_of(
    connection: Connection, artifacts_url: str | None, run_id: str | None, business_date: date
) -> dict[str, Recovery]:
    """Return recovery of the whole house by currency: from payments, else against an earlier snapshot.

    Empty when neither can be told, as on the first day of an open-item ledger.
    """
    snapshot_id = _snapshot_id(connection, run_id)
    if artifacts_url is None or snapshot_id is None:
        return {}
    try:
        return _recovery(connection, artifacts_url, snapshot_id, business_date)
    except CannotTell:  # a mail without these figures is better than none
        return {}


def _recovery(connection: Connection, url: str, snapshot_id: str, business_date: date) -> dict[str, Recovery]:
    """Add recovery up range by range of the accounts: a large portfolio is never in memory as a whole."""
    from arrears.reports.beside import Rows, ranges_with

    def rows(name: str, *columns: str) -> Rows:
        return Rows(connection, url, snapshot_id, name, columns)

    if count_rows(url, snapshot_id, "payments"):
        due, paid = rows("instalments", "due_date", "amount_due_minor"), rows("payments", "paid_on", "amount_minor")
        held = ranges_with(connection, url, snapshot_id, HELD)
        return together(recovery_from_payments(some, due.of(among), paid.of(among), business_date)
                        for among, some in held)  # fmt: skip
    earlier = _earlier_snapshot(connection, business_date)
    if earlier is None:
        return {}
    since, earlier_id = earlier
    now = rows("instalments", "due_date", "amount_due_minor", "paid_minor")
    then = ranges_with(connection, url, earlier_id, HELD)
    return together(recovery_between(some, now.of(among), since) for among, some in then)


def migration_of(
    connection: Connection, artifacts_url: str | None, run_id: str | None, business_date: date, branch: str | None
) -> dict[str, Migration]:
    """Return by currency how accounts moved since the last ledger of the month before; empty when there is none."""
    snapshot_id = _snapshot_id(connection, run_id)
    month_end = business_date.replace(day=1) - ONE_DAY
    earlier = _newest_between(connection, month_end.replace(day=1), month_end)
    if artifacts_url is None or snapshot_id is None or earlier is None:
        return {}
    since, earlier_id = earlier
    wanted = None if branch is None else [("branch", "=", branch)]
    try:
        then = _table(artifacts_url, earlier_id, "accounts", moving.COLUMNS, wanted)
        now = _table(artifacts_url, snapshot_id, "accounts", moving.COLUMNS, None)
    except FileNotFoundError:  # a mail without these figures is better than none
        return {}
    return moving.migration(then, now, since, _treated(connection, since, business_date))


def quarter_before(
    connection: Connection, artifacts_url: str | None, business_date: date, branch: str | None
) -> dict[str, Portfolio]:
    """Return the portfolio at the last ledger of the quarter before, by currency; empty when there is none."""
    month = 3 * ((business_date.month - 1) // 3) + 1
    last = business_date.replace(month=month, day=1) - ONE_DAY
    earlier = _newest_between(connection, last.replace(month=last.month - 2, day=1), last)
    if artifacts_url is None or earlier is None:
        return {}
    try:
        return portfolio_of(accounts(artifacts_url, earlier[1], COLUMNS), branch)
    except CannotTell:  # a mail without these figures is better than none
        return {}


def _treated(connection: Connection, since: date, until: date) -> set[str]:
    """Return the references of accounts somebody was contacted about after a day and before another."""
    query = (
        select(subject.c.subject_ref)
        .join(item, item.c.account_id == subject.c.account_id)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(
            contact.c.business_date > since, contact.c.business_date < until, contact.c.state.in_(("sent", "in_doubt"))
        )
    )
    return set(connection.execute(query.distinct()).scalars())


def _newest_between(connection: Connection, first: date, last: date) -> tuple[date, str] | None:
    query = (
        select(snapshot.c.business_date, snapshot.c.snapshot_id)
        .where(snapshot.c.accepted_at.is_not(None), snapshot.c.business_date.between(first, last))
        .order_by(snapshot.c.business_date.desc(), snapshot.c.delivery_no.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (row[0], row[1])


def _snapshot_id(connection: Connection, run_id: str | None) -> str | None:
    if run_id is None:
        return None
    return connection.execute(select(run.c.snapshot_id).where(run.c.run_id == run_id)).scalar_one_or_none()


def _earlier_snapshot(connection: Connection, business_date: date) -> tuple[date, str] | None:
    """Return the accepted snapshot that stands for the month's beginning: its first day's, or the first one after."""
    first = business_date.replace(day=1)
    query = (
        select(snapshot.c.business_date, snapshot.c.snapshot_id)
        .where(snapshot.c.accepted_at.is_not(None), snapshot.c.business_date.between(first, business_date - ONE_DAY))
        .order_by(snapshot.c.business_date, snapshot.c.delivery_no.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (row[0], row[1])


def _table(artifacts_url: str, snapshot_id: str, name: str, columns: list[str], wanted: Any) -> Any:
    import pyarrow.parquet as pq

    files, folder = folder_of(artifacts_url, snapshot_id)
    return pq.read_table(f"{folder}/{name}.parquet", columns=columns, filters=wanted, filesystem=files)
