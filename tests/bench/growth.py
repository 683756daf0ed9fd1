"""What a store grows by: ``python tests/bench/growth.py [ACCOUNTS] [DAYS] [--store URL]``, the inputs of docs/scale.md.

Rehearses a made-up portfolio (a SQLite store of its own, or an empty PostgreSQL one) and counts what the days after the
second left: rows and bytes, indexes included, of decisions, events and contacts, and how many there are for each
overdue account and day. The first two days are left out: the go-live is like no other day. Ten days end before the
first courtesy messages, which docs/scale.md counts by themselves.
"""

import argparse
import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from arrears.core.settings import Settings
from arrears.rehearsal.rehearse import FROM, Plan, rehearse
from arrears.store.engine import open_engine, reading

KINDS = {
    "decision": ("decision",),
    "event": ("audit_event", "audit_event_index"),
    "contact": ("contact", "item", "contact_attempt", "work_item"),
}
"""What is counted by its first table, and the tables in which it leaves something."""
SQLITE = "SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name = :name)"
POSTGRESQL = """SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE pg_relation_size(oid) > 0 AND relkind = 'r'
    AND (oid = CAST(:name AS regclass) OR oid IN (SELECT relid FROM pg_partition_tree(CAST(:name AS regclass))))"""
"""A month without a row counts for nothing: its empty indexes are as large as a small store's whole table."""


def main() -> None:
    """Rehearse, count, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("accounts", nargs="?", type=int, default=400)
    parser.add_argument("days", nargs="?", type=int, default=10)
    parser.add_argument("--store")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        url = {"ARREARS_STORE_URL": given.store} if given.store else {}
        settings = Settings.from_environment({"ARREARS_HOME": str(Path(home) / "var")} | url)
        rehearse(settings, Plan(given.days, given.accounts, seed=7), lambda on, step: None)
        with reading(open_engine(settings.store_url)) as connection:
            found = grown(connection) | vars(given)
        json.dump(found | {"artefact_bytes": artefacts(settings.home / "artifacts")}, sys.stdout)
    sys.stdout.write("\n")


def grown(connection: Connection) -> dict[str, Any]:
    """Return bytes a row, and rows for an overdue account and day."""
    size = SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL
    found: dict[str, Any] = {}
    for kind, tables in KINDS.items():
        rows = _number(connection, f"SELECT count(*) FROM {tables[0]}")
        taken = sum(_number(connection, size, name=name) for name in tables)
        found[kind] = {"rows": rows, "bytes": taken, "bytes_a_row": round(taken / rows)}
    since = (FROM + timedelta(2)).isoformat()
    late = "SELECT count(*) FROM decision WHERE business_date >= :since AND stage > 0 AND revision = 1"
    overdue = _number(connection, late, since=since)
    events = _number(connection, "SELECT count(*) FROM audit_event_index WHERE business_date >= :since", since=since)
    spoken = "SELECT count(*) FROM contact WHERE business_date >= :since AND state <> 'withheld'"
    contacts = _number(connection, spoken, since=since)
    messages = spoken + " AND channel IN ('sms', 'email')"
    since_then = {"overdue_account_days": overdue, "events": events, "contacts": contacts}
    return found | {
        "from_the_third_day": since_then,
        "events_an_overdue_account_and_day": round(events / overdue, 2),
        "contacts_an_overdue_account_and_day": round(contacts / overdue, 2),
        "messages_an_overdue_account_and_day": round(_number(connection, messages, since=since) / overdue, 2),
    }


def artefacts(folder: Path) -> dict[str, int]:
    """Return the bytes of each kind of artefact, all days together."""
    kinds = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    return {kind.name: sum(file.stat().st_size for file in kind.rglob("*") if file.is_file()) for kind in kinds}


def _number(connection: Connection, query: str, **values: str) -> int:
    return int(connection.execute(text(query), values).scalar() or 0)


if __name__ == "__main__":
    main()
