"""With which earlier ledger a new one is compared: the newest accepted one before it."""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.ledger.shape import Shape
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import snapshot


@dataclass(frozen=True)
class Reference:
    """An accepted snapshot and its shape."""

    snapshot_id: str
    business_date: date
    shape: Shape


def reference_of(connection: Connection, on: date, snapshot_id: str) -> Reference | None:
    """Return the newest accepted snapshot of an earlier date, or of the same date but another delivery."""
    query = (
        select(snapshot.c.snapshot_id, snapshot.c.business_date, snapshot.c.facts)
        .where(snapshot.c.accepted_at.is_not(None), snapshot.c.snapshot_id != snapshot_id,
               snapshot.c.business_date <= on)
        .order_by(snapshot.c.business_date.desc(), snapshot.c.delivery_no.desc()).limit(1)
    )  # fmt: skip
    row = connection.execute(query).first()
    return None if row is None else Reference(row.snapshot_id, row.business_date, Shape.read(row.facts))


def accounts_absent_since(rt: Runtime, snapshot_id: str, unnamed: pa.ChunkedArray) -> tuple[int, int]:
    """Return how many accounts an earlier snapshot had, and how many of them the new delivery does not name.

    ``unnamed`` are the ``subject_ref`` of the accounts that the store has and the delivery does not.
    """
    url, before, absent = rt.settings.artifacts_url, 0, 0
    try:
        if not len(unnamed):
            return frozen.count_rows(url, snapshot_id, "accounts"), 0
        for batch in frozen.accounts(url, snapshot_id, ["subject_ref"]):
            before += batch.num_rows
            absent += int(pc.sum(pc.is_in(batch.column("subject_ref"), unnamed)).as_py() or 0)
    except CannotTell:
        return 0, 0  # its files are past their retention
    return before, absent
