"""Calls of the last seven days: what the week's budget has left, and how long ago somebody was spoken to."""

from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from arrears.ladder.sureties import is_only_surety
from arrears.ladder.tally import CALLS
from arrears.store.account_range import AccountRange
from arrears.store.tables.decisions import evidence


def recent_calls(connection: Connection, on: date, among: AccountRange) -> tuple[dict[str, int], dict[str, int]]:
    """Return call attempts in the last seven days and days since the last conversation, by account.

    Calls to guarantors are their own: they use up nothing of the borrower's week. Who owes the account is no guarantor.
    """
    week = on - timedelta(days=7)
    surety = is_only_surety(evidence.c.account_id, evidence.c.party_id)
    calls = select(evidence.c.account_id, func.count().label("times")).where(
        evidence.c.kind.in_(CALLS), evidence.c.local_date > week, evidence.c.local_date <= on, ~surety
    )
    talks = select(evidence.c.account_id, func.max(evidence.c.local_date).label("last")).where(
        evidence.c.kind == "call_answered", evidence.c.local_date > week, evidence.c.local_date <= on, ~surety
    )
    calls, talks = (among.of(connection, query, evidence.c.account_id) for query in (calls, talks))
    counted = {row.account_id: row.times for row in connection.execute(calls.group_by(evidence.c.account_id))}
    talked = {row.account_id: (on - row.last).days for row in connection.execute(talks.group_by(evidence.c.account_id))}
    return counted, talked
