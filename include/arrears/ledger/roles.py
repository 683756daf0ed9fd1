"""Who holds which role from which day on: an event whenever the staff feed says something new about a person."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from arrears.audit.record import Event
from arrears.core.keys import natural_key


def role_snapshots(rows: Iterable[dict[str, Any]], sha256: str, business_date: date) -> Iterator[Event]:
    """Yield one event per new or changed row of the staff feed: the staff id and the roles, never a name."""
    for row in rows:
        said = {name: row[name] for name in ("staff_id", "roles", "skills", "branch")}
        origin = {"sha256": sha256, "row": row["row_no"], "row_sha256": row["row_sha256"]}
        key = natural_key(row["staff_id"], business_date.isoformat(), row["row_sha256"])
        yield Event("role.snapshot", key, business_date, data=said, ledger=origin)
