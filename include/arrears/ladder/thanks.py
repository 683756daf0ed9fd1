"""Who is thanked: only those from whom money came, for arrears vanish also by a moved due date or a write-off."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, or_, select

from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.received import Asked, received
from arrears.store import snapshot as frozen
from arrears.store.columns import concatenate, fetch
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import debit, payment
from arrears.store.tables.people import subject

BEGUN = pa.schema([("subject_ref", pa.string()), ("account_id", pa.string()), ("since", pa.date32())])

LOOKUP = 500
"""Accounts named in one statement."""


def payers(
    connection: Connection, rt: Runtime, snapshot_id: str, on: date, days: Collection[int], policy: Policy
) -> set[str]:
    """Return the accounts that owe nothing any more and paid since their episode began, if thanks are a step.

    Of an item that left an open-items file nobody knows whether it was paid (policy ``ledger.gone_items``): it counts
    where money was told beside the file.
    """
    if not days:
        return set()
    lately = episode.c.clean_since.in_([on - timedelta(days=count) for count in days])
    query = (
        select(subject.c.subject_ref, episode.c.account_id, episode.c.first_unpaid_due)
        .join(subject, subject.c.account_id == episode.c.account_id)
        .where(or_(episode.c.cured_on.is_(None), lately))
        .order_by(episode.c.first_unpaid_due)
    )
    begun = concatenate(fetch(connection, query, BEGUN), BEGUN)
    current = _current(rt, snapshot_id, begun.column("subject_ref").combine_chunks())
    rows = begun.filter(pc.is_in(begun.column("subject_ref"), current)).to_pylist()
    last = {row["subject_ref"]: row for row in rows}
    asked = [Asked(ref, ref, row["since"]) for ref, row in last.items()]
    money = received(connection, rt, snapshot_id, asked)
    certain = policy.ledger.gone_items == "paid"
    shown, unsure = set(), {}
    for one in asked:
        came, gone = money[one.key].towards(one.since, on), 0 if certain else money[one.key].gone
        if came > gone:
            shown.add(last[one.key]["account_id"])
        elif came > 0:
            unsure[last[one.key]["account_id"]] = one.since
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


def _current(rt: Runtime, snapshot_id: str, among: pa.Array) -> pa.Array:
    """Return which of some accounts owe nothing: of a million performing ones no name is kept."""
    found = [pa.array([], pa.string())]
    for batch in frozen.accounts(rt.settings.artifacts_url, snapshot_id, ("subject_ref", "stage")):
        refs = batch.filter(pc.equal(batch.column("stage"), 0)).column("subject_ref")
        found.append(refs.filter(pc.is_in(refs, among)))
    return pa.concat_arrays(found)
