"""Who is thanked: only those from whom money came, for arrears vanish also by a moved due date or a correction."""

from collections.abc import Collection
from datetime import date, timedelta

import pyarrow.compute as pc
from sqlalchemy import Connection, or_, select

from arrears.core.runtime import Runtime
from arrears.ladder.received import Asked, received
from arrears.store import snapshot as frozen
from arrears.store.tables.decisions import episode
from arrears.store.tables.people import subject


def payers(connection: Connection, rt: Runtime, snapshot_id: str, on: date, days: Collection[int]) -> set[str]:
    """Return the accounts that owe nothing any more and paid since their episode began, if thanks are a step."""
    if not days:
        return set()
    lately = episode.c.clean_since.in_([on - timedelta(days=count) for count in days])
    query = (
        select(episode.c.account_id, episode.c.first_unpaid_due, subject.c.subject_ref)
        .join(subject, subject.c.account_id == episode.c.account_id)
        .where(or_(episode.c.cured_on.is_(None), lately))
        .order_by(episode.c.first_unpaid_due)
    )
    begun = {row.subject_ref: (row.account_id, row.first_unpaid_due) for row in connection.execute(query)}
    current = _current(rt, snapshot_id) if begun else set()
    asked = [Asked(ref, ref, since) for ref, (_, since) in begun.items() if ref in current]
    money = received(connection, rt, snapshot_id, asked)
    return {begun[one.key][0] for one in asked if money[one.key].towards(one.since, on) > 0}


def _current(rt: Runtime, snapshot_id: str) -> set[str]:
    found: set[str] = set()
    for batch in frozen.accounts(rt.settings.artifacts_url, snapshot_id, ("subject_ref", "stage")):
        found.update(batch.filter(pc.equal(batch.column("stage"), 0)).column("subject_ref").to_pylist())
    return found
