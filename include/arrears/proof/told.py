"""What the store says of a decision beside what the log was told of it: a row changed later agrees with neither."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from arrears.audit.log import parse
from arrears.audit.receipt import DECISION
from arrears.core.keys import digest
from arrears.ladder.decision_rows import ROW
from arrears.store.tables.audit import audit_event, audit_event_index

AT_ONCE = 500


def row_hash(row: Row[Any]) -> str:
    """Return the hash that a row of ``decision`` has by its own columns."""
    return digest({name: str(getattr(row, name)) for name in ROW})


def told_hashes(connection: Connection, on: date, subject_refs: Sequence[str]) -> dict[tuple[str, int], str]:
    """Return the row hash the sealed log holds of each subject's decisions of a day, by their revision.

    Quiet accounts, of which the log tells together, and what is not sealed yet are absent.
    """
    index, found = audit_event_index.c, {}
    for start in range(0, len(subject_refs), AT_ONCE):
        query = (
            select(index.type, index.subject_ref, audit_event.c.body)
            .join(audit_event, audit_event.c.seq == index.seq)
            .where(index.subject_ref.in_(subject_refs[start : start + AT_ONCE]), index.business_date == on)
        )
        for kind, ref, body in connection.execute(query):
            if kind == DECISION:
                data = parse(body)["data"]
                found[ref, int(data["revision"])] = str(data["row_sha256"])
    return found


def is_as_told(row: Row[Any], told: str | None) -> bool:
    """Say whether a decision's row is what was hashed when it was made, and what the log holds, if it was told."""
    return row_hash(row) == row.row_sha256 and told in (None, row.row_sha256)
