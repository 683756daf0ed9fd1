"""Who is thanked: only those from whom money came, for arrears vanish also by a moved due date or a write-off."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, or_, select

from arrears.core.runtime import Runtime
from arrears.ladder.named import ranges_of
from arrears.ladder.policy import Policy
from arrears.ladder.received import Asked, received
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import debit, payment
from arrears.store.tables.people import subject
from arrears.store.walk import Walk

BEGUN = pa.schema([("account_id", pa.string()), ("subject_ref", pa.string()), ("since", pa.date32())])

CURRENT = ("subject_ref", "stage")
LOOKUP = 500
"""Accounts named in one statement."""


def payers(
    connection: Connection, rt: Runtime, snapshot_id: str, on: date, days: Collection[int], policy: Policy
) -> set[str]:
    """Return the accounts that owe nothing any more and paid since their episode began, if thanks are a step.

    Of an item that left an open-items file nobody knows whether it was paid (policy ``ledger.gone_items``): it counts
    where money was told beside the file.
    """
    asked = _current(connection, rt, snapshot_id, on, days) if days else []
    money = received(connection, rt, snapshot_id, asked)
    certain = policy.ledger.gone_items == "paid"
    shown, unsure = set(), {}
    for one in asked:
        came, gone = money[one.key].towards(one.since, on), 0 if certain else money[one.key].gone
        if came > gone:
            shown.add(one.key)
        elif came > 0:
            unsure[one.key] = one.since
    return shown | _told(connection, unsure, on)


def _told(connection: Connection, since: Mapping[str, date], on: date) -> set[str]:
    """Return the accounts of which money was told beside the ledger since their day: a payment, a debit that came."""
    accounts = sorted(since)
    found: set[str] = set()
    for start in range(0, len(accounts), LOOKUP):
        some = accounts[start : start + LOOKUP]
        paid = select(payment.c.account_id, func.max(payment.c.paid_on)).where(
            payment.c.account_id.in_(some), payment.c.paid_on <= on, payment.c.amount_minor > 0
        )
        debited = select(debit.c.account_id, func.max(debit.c.requested_on)).where(
            debit.c.account_id.in_(some), debit.c.requested_on <= on, debit.c.result == "paid"
        )
        for query in (paid.group_by(payment.c.account_id), debited.group_by(debit.c.account_id)):
            found |= {account_id for account_id, newest in connection.execute(query) if newest >= since[account_id]}
    return found


def _current(connection: Connection, rt: Runtime, snapshot_id: str, on: date, days: Collection[int]) -> list[Asked]:
    """Return the accounts that owe nothing though an episode of theirs has begun, since the newest of them.

    Both sides are read in the order of the accounts: of a million performing ones, or in arrears, no name is kept.
    """
    lately = episode.c.clean_since.in_([on - timedelta(days=count) for count in days])
    begun = select(episode.c.account_id, subject.c.subject_ref, episode.c.first_unpaid_due)
    begun = begun.join(subject, subject.c.account_id == episode.c.account_id)
    begun = begun.where(or_(episode.c.cured_on.is_(None), lately))
    if connection.execute(begun.limit(1)).first() is None:
        return []
    found: dict[str, Asked] = {}
    with Walk(connection, begun, episode.c.account_id, BEGUN) as episodes:
        for last, accounts in ranges_of(connection, rt.settings.artifacts_url, snapshot_id, CURRENT):
            clean = accounts.filter(pc.equal(accounts.column("stage"), 0)).column("subject_ref")
            own = episodes.up_to(last)
            for row in own.filter(pc.is_in(own.column("subject_ref"), clean)).to_pylist():
                one = Asked(row["account_id"], row["subject_ref"], row["since"])
                if one.key not in found or found[one.key].since < one.since:
                    found[one.key] = one
    return list(found.values())
