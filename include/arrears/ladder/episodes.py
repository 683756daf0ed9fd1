"""Episodes: from the first overdue instalment until the cure days have passed clean; the key never moves."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, select, update

from arrears.ladder.policy import Policy
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.bulk import insert_all
from arrears.store.tables.decisions import episode


class Episode(NamedTuple):
    """An episode of one account: its key, when it was first seen, and what it owed when it was last looked at."""

    account_id: str
    first_unpaid_due: date
    opened_on: date
    clean_since: date | None = None
    cured_on: date | None = None
    arrears_minor: int | None = None
    quiet_until: date | None = None


_COLUMNS = [episode.c[name] for name in Episode._fields]


def open_episodes(connection: Connection, among: AccountRange = EVERY) -> dict[str, date]:
    """Return the first unpaid due date of the open episode of each account that has one."""
    query = select(episode.c.account_id, episode.c.first_unpaid_due).where(episode.c.cured_on.is_(None))
    return dict(connection.execute(among.of(connection, query, episode.c.account_id)).all())


def standing_episodes(connection: Connection, among: AccountRange) -> dict[str, Episode]:
    """Return the open episode of each account of a range that has one."""
    return {one.account_id: one for one in _read(connection, among) if one.cured_on is None}


def _read(connection: Connection, among: AccountRange) -> list[Episode]:
    rows = connection.execute(among.of(connection, select(*_COLUMNS), episode.c.account_id))
    return [Episode(*row) for row in rows]


def advance_episodes(
    connection: Connection,
    overdue: dict[str, date],
    current: Collection[str],
    on: date,
    policy: Policy,
    among: AccountRange = EVERY,
) -> tuple[dict[str, Episode], list[tuple[str, date]]]:
    """Open, reopen or cure episodes for one business date; return the open ones by account, and those just cured.

    ``overdue`` maps account to its oldest unpaid due date, ``current`` are accounts that are in the ledger
    with nothing overdue: an account missing from the ledger is in neither, so absence never cures.
    Cure takes ``staging.cure_days`` clean days; a reversal within them reopens the same episode. A new episode keeps
    the policy it opens under. The episodes are read once: what they are afterwards follows from what was written.
    """
    known = _read(connection, among)
    standing = {one.account_id: one for one in known if one.cured_on is None}
    cured = {one[:2]: one for one in known if one.cured_on is not None}
    new = [(account, due) for account, due in overdue.items() if account not in standing]
    insert_all(connection, episode, (
        {"account_id": account, "first_unpaid_due": due, "opened_on": on, "clean_since": None, "cured_on": None,
         "policy_sha256": policy.sha256}
        for account, due in new if (account, due) not in cured))  # fmt: skip
    _set(connection, [key for key in new if key in cured], clean_since=None, cured_on=None)
    clean_since = {account for account, one in standing.items() if one.clean_since is not None}
    relapsed = [standing[account][:2] for account in clean_since if account in overdue]
    _set(connection, relapsed, clean_since=None)  # a reversal within the cure days
    clean = [standing[account][:2] for account in current if account in standing and account not in clean_since]
    _set(connection, clean, clean_since=on)
    ended = end_episodes(connection, on, policy, among)
    standing |= {key[0]: cured.get(key, Episode(*key, on))._replace(clean_since=None, cured_on=None) for key in new}
    over = dict(ended)
    return {account: one for account, one in standing.items() if over.get(account) != one.first_unpaid_due}, ended


def clean_episodes(
    connection: Connection, on: date, days: Collection[int], among: AccountRange = EVERY
) -> dict[str, tuple[date, int]]:
    """Return the episodes whose arrears were first seen paid so many days ago: key, and how many days, by account."""
    if not days:
        return {}
    query = select(episode.c.account_id, episode.c.first_unpaid_due, episode.c.clean_since).where(
        episode.c.clean_since.in_([on - timedelta(days=count) for count in days])
    )
    rows = connection.execute(among.of(connection, query.order_by(episode.c.clean_since), episode.c.account_id))
    return {row.account_id: (row.first_unpaid_due, (on - row.clean_since).days) for row in rows}


def end_episodes(
    connection: Connection, on: date, policy: Policy, among: AccountRange = EVERY
) -> list[tuple[str, date]]:
    """Cure the episodes that have been clean for ``staging.cure_days`` and return them by account and due date."""
    limit = on - timedelta(days=policy.staging.cure_days)
    over = and_(episode.c.cured_on.is_(None), episode.c.clean_since.is_not(None), episode.c.clean_since <= limit)
    ended = update(episode).where(over, among.holds(connection, episode.c.account_id)).values(cured_on=on)
    rows = connection.execute(ended.returning(episode.c.account_id, episode.c.first_unpaid_due))
    return sorted((row.account_id, row.first_unpaid_due) for row in rows)


def _set(connection: Connection, episodes: list[tuple[str, date]], **values: date | None) -> None:
    if episodes:
        statement = (
            update(episode)
            .where(episode.c.account_id == bindparam("account"), episode.c.first_unpaid_due == bindparam("due"))
            .values(**values)
        )
        connection.execute(statement, [{"account": account, "due": due} for account, due in episodes])
