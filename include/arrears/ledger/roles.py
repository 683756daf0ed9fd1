"""Who holds which role, and whose account it is: an event whenever the feeds say something new about either."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from arrears.audit.record import Event
from arrears.core.keys import natural_key
from arrears.ledger.rows import LOOK_UP
from arrears.store.tables.feeds import assignment
from arrears.store.tables.people import subject


@dataclass(frozen=True)
class Collector:
    """Who has an account, and under which random name the log knows it."""

    subject_ref: str
    staff_id: str | None


def role_snapshots(rows: Iterable[dict[str, Any]], sha256: str, business_date: date) -> Iterator[Event]:
    """Yield one event per new or changed row of the staff feed: the staff id and the roles, never a name."""
    for row in rows:
        said = {name: row[name] for name in ("staff_id", "roles", "skills", "branch")}
        key = natural_key(row["staff_id"], business_date.isoformat(), row["row_sha256"])
        yield Event("role.snapshot", key, business_date, data=said, ledger=_origin(row, sha256))


def collectors_of(connection: Connection, rows: Iterable[dict[str, Any]]) -> dict[str, Collector]:
    """Return who has each of the named accounts so far, by the newest assignment."""
    wanted = sorted({row["account_id"] for row in rows})
    found: dict[str, Collector] = {}
    query = (
        select(subject.c.account_id, subject.c.subject_ref, assignment.c.staff_id)
        .outerjoin(assignment, assignment.c.account_id == subject.c.account_id)
        .order_by(subject.c.account_id, assignment.c.from_on)
    )
    for start in range(0, len(wanted), LOOK_UP):
        some = query.where(subject.c.account_id.in_(wanted[start : start + LOOK_UP]))
        found |= {row.account_id: Collector(row.subject_ref, row.staff_id) for row in connection.execute(some)}
    return found


def reassignments(
    rows: Iterable[dict[str, Any]], before: Mapping[str, Collector], sha256: str, business_date: date
) -> Iterator[Event]:
    """Yield one event per account that another person has from now on; the first assignment is in its file alone."""
    for row in rows:
        had = before.get(row["account_id"])
        if had is None or had.staff_id in (None, row["staff_id"]):
            continue
        said = {"staff_id": row["staff_id"], "staff_before": had.staff_id, "from_on": row["from_on"].isoformat()}
        key = natural_key(had.subject_ref, row["from_on"].isoformat(), row["row_sha256"])
        yield Event("account.reassigned", key, business_date, had.subject_ref, data=said, ledger=_origin(row, sha256))


def _origin(row: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    return {"sha256": sha256, "row": row["row_no"], "row_sha256": row["row_sha256"]}
