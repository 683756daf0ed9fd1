"""Who is thanked: only those from whom money came, for arrears vanish also by a moved due date or a correction."""

from collections.abc import Collection
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, or_, select

from arrears.core.runtime import Runtime
from arrears.ladder.received import Asked, received
from arrears.store import snapshot as frozen
from arrears.store.columns import concatenate, fetch
from arrears.store.tables.decisions import episode
from arrears.store.tables.people import subject

BEGUN = pa.schema([("subject_ref", pa.string()), ("account_id", pa.string()), ("since", pa.date32())])


def payers(connection: Connection, rt: Runtime, snapshot_id: str, on: date, days: Collection[int]) -> set[str]:
    """Return the accounts that owe nothing any more and paid since their episode began, if thanks are a step."""
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
    return {last[one.key]["account_id"] for one in asked if money[one.key].towards(one.since, on) > 0}


def _current(rt: Runtime, snapshot_id: str, among: pa.Array) -> pa.Array:
    """Return which of some accounts owe nothing: of a million performing ones no name is kept."""
    found = [pa.array([], pa.string())]
    for batch in frozen.accounts(rt.settings.artifacts_url, snapshot_id, ("subject_ref", "stage")):
        refs = batch.filter(pc.equal(batch.column("stage"), 0)).column("subject_ref")
        found.append(refs.filter(pc.is_in(refs, among)))
    return pa.concat_arrays(found)
