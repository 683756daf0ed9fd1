"""Episodes: from the first overdue instalment until the cure days have passed clean; the key never moves."""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import Connection, and_, bindparam, select, update

from arrears.ladder.policy import Policy
from arrears.store.bulk import insert_new
from arrears.store.tables.decisions import episode


def open_episodes(connection: Connection) -> dict[str, date]:
    """Return the first unpaid due date of the open episode of each account that has one."""
    query = select(episode.c.account_id, episode.c.first_unpaid_due).where(episode.c.cured_on.is_(None))
    return {row.account_id: row.first_unpaid_due for row in connection.execute(query)}


def advance_episodes(
    connection: Connection, overdue: dict[str, date], current: Iterable[str], on: date, policy: Policy
) -> tuple[dict[str, date], list[tuple[str, date]]]:
    """Open, reopen or cure episodes for one business date; return the open ones by account, and those just cured.

    ``overdue`` maps account to its oldest unpaid due date, ``current`` lists accounts that are in the ledger
    with nothing overdue: an account missing from the ledger is in neither, so absence never cures.
    Cure takes ``staging.cure_days`` clean days; a reversal within them reopens the same episode.
    """
    standing = open_episodes(connection)
    rows = [
        {"account_id": account, "first_unpaid_due": due, "opened_on": on, "clean_since": None, "cured_on": None}
        for account, due in overdue.items()
        if account not in standing
    ]
    if insert_new(connection, episode, rows) < len(rows):
        _set(connection, [str(row["account_id"]) for row in rows], overdue, clean_since=None, cured_on=None)
    relapsed = [account for account in overdue if account in standing]
    _set(connection, relapsed, standing, clean_since=None)  # a reversal within the cure days
    clean = [account for account in current if account in standing]
    _mark_clean(connection, clean, standing, on)
    limit = on - timedelta(days=policy.staging.cure_days)
    over = and_(episode.c.cured_on.is_(None), episode.c.clean_since.is_not(None), episode.c.clean_since <= limit)
    ended = update(episode).where(over).values(cured_on=on).returning(episode.c.account_id, episode.c.first_unpaid_due)
    cured = sorted((row.account_id, row.first_unpaid_due) for row in connection.execute(ended))
    return open_episodes(connection), cured


def _mark_clean(connection: Connection, accounts: list[str], standing: dict[str, date], on: date) -> None:
    if accounts:
        statement = (
            update(episode)
            .where(
                episode.c.account_id == bindparam("account"),
                episode.c.first_unpaid_due == bindparam("due"),
                episode.c.clean_since.is_(None),
            )
            .values(clean_since=on)
        )
        connection.execute(statement, [{"account": a, "due": standing[a]} for a in accounts])


def _set(connection: Connection, accounts: list[str], standing: dict[str, date], **values: date | None) -> None:
    if accounts:
        statement = (
            update(episode)
            .where(episode.c.account_id == bindparam("account"), episode.c.first_unpaid_due == bindparam("due"))
            .values(**values)
        )
        connection.execute(statement, [{"account": a, "due": standing[a]} for a in accounts])
