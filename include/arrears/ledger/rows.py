"""Checked rows to rows of the store: natural keys, defaults, and only what is new or changed is written."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Table, select

from arrears.core.keys import natural_key
from arrears.ledger.catalogue import Feed
from arrears.store import bulk
from arrears.store.tables import feeds, people

Row = dict[str, Any]
LOOK_UP = 500


@dataclass(frozen=True)
class Target:
    """Where a feed's rows live: its table, and its key column when that is a hash over several parts."""

    table: Table
    hashed: str | None = None


TARGETS = {
    "parties": Target(people.account_party),
    "outcomes": Target(feeds.outcome, "outcome_key"),
    "promises": Target(feeds.promise, "promise_key"),
    "holds": Target(feeds.hold, "hold_key"),
    "plans": Target(feeds.plan, "plan_key"),
    "staff": Target(feeds.staff),
    "assignments": Target(feeds.assignment),
    "agencies": Target(feeds.agency),
    "documents": Target(feeds.document, "document_key"),
    "locations": Target(feeds.location, "location_key"),
    "schedule_changes": Target(feeds.schedule_change, "schedule_change_key"),
    "charges": Target(feeds.charge, "charge_key"),
    "cases": Target(feeds.court_case, "court_case_key"),
    "visit_requests": Target(feeds.visit_request, "visit_request_key"),
    "committee": Target(feeds.committee, "committee_key"),
    "debits": Target(feeds.debit),
    "recoveries": Target(feeds.recovery, "recovery_key"),
    "order_reports": Target(feeds.order_report, "order_report_key"),
    "placement_reports": Target(feeds.placement_report, "placement_report_key"),
    "controls": Target(feeds.control, "control_key"),
    "opening": Target(feeds.opening, "opening_key"),
    "payments": Target(feeds.payment),
}

DEFAULTS: dict[str, Row] = {
    "staff": {"skills": "", "dialects": "", "branch": ""},
    "agencies": {"region": "", "channel": "file"},
}


def row_hash(text: str) -> str:
    """Return the hash by which an auditor finds the delivered row again."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(feed: Feed, row: Row) -> str:
    """Return the natural key of a row; an absent part counts as ``-``."""
    parts = [row[part] for part in feed.key]
    return natural_key(*("-" if part is None else part if isinstance(part, int) else str(part) for part in parts))


def key_columns(feed: Feed) -> tuple[str, ...]:
    """Return the columns that tell one row of a feed from another in the store."""
    target = TARGETS[feed.name]
    return feed.key if target.hashed else tuple(column.name for column in target.table.primary_key)


def store_rows(feed: Feed, rows: pa.RecordBatch, delivery_id: str) -> Iterator[Row]:
    """Yield checked rows as the store holds them."""
    target, defaults = TARGETS[feed.name], DEFAULTS.get(feed.name, {})
    absent = {field.stored: None for field in feed.fields}
    for row in rows.drop_columns(["code"]).to_pylist():
        text = row.pop("row_text")
        full = absent | row | {"delivery_id": delivery_id, "row_sha256": row_hash(text)}
        for name, value in defaults.items():
            full[name] = full[name] or value
        if target.hashed:
            full[target.hashed] = key_of(feed, full)
        yield full


def identity(table: Table, row: Row) -> tuple[Any, ...]:
    """Return the primary key of a row."""
    return tuple(row[column.name] for column in table.primary_key)


def once(table: Table, rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Split rows into the first of each key and those whose key stood in an earlier row."""
    first: dict[tuple[Any, ...], Row] = {}
    again = []
    for row in rows:
        key = identity(table, row)
        if key in first:
            again.append(row)
        else:
            first[key] = row
    return list(first.values()), again


def write_changed(connection: Connection, table: Table, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Write what is new or differs from the stored row, and return the new and the corrected rows.

    Columns that a row does not name, such as a promise's state, keep their value.
    """
    known = _stored_hashes(connection, table, rows)
    new = [row for row in rows if identity(table, row) not in known]
    changed = [row for row in rows if known.get(identity(table, row), row["row_sha256"]) != row["row_sha256"]]
    bulk.replace_all(connection, table, [*new, *changed])
    return new, changed


def _stored_hashes(connection: Connection, table: Table, rows: list[Row]) -> dict[tuple[Any, ...], str | None]:
    keys = list(table.primary_key)
    first = sorted({row[keys[0].name] for row in rows})
    found: dict[tuple[Any, ...], str | None] = {}
    for start in range(0, len(first), LOOK_UP):
        wanted = keys[0].in_(first[start : start + LOOK_UP])
        for stored in connection.execute(select(*keys, table.c.row_sha256).where(wanted)):
            found[tuple(stored[:-1])] = stored[-1]
    return found
