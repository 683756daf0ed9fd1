"""With which earlier ledger a new one is compared: the newest accepted one before it."""

from dataclasses import dataclass
from datetime import date

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


def accounts_absent_since(rt: Runtime, snapshot_id: str, subject_refs: list[str]) -> tuple[int, int]:
    """Return how many accounts an earlier snapshot had, and how many of them the new delivery does not name."""
    there, before, absent = set(subject_refs), 0, 0
    try:
        for batch in frozen.accounts(rt.settings.artifacts_url, snapshot_id, ["subject_ref"]):
            refs = batch.column("subject_ref").to_pylist()
            before += len(refs)
            absent += sum(ref not in there for ref in refs)
    except CannotTell:
        return 0, 0  # its files are past their retention
    return before, absent
