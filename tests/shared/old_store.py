"""A store as an older revision left it, with a row in every table: what a migration must carry over."""

import re
from datetime import date
from typing import Any

from alembic import command
from sqlalchemy import Connection, Engine, MetaData, Table, inspect, select
from sqlalchemy.exc import IntegrityError

from arrears.store import migrate
from arrears.store.engine import writing

Rows = dict[str, list[dict[str, Any]]]
DAY = date(2026, 11, 12)
A_MONTH = re.compile(r"(decision|audit_event_index)_(\d{4}_\d\d|other|first)")
"""A part of a table that PostgreSQL divides: its rows are put into the whole."""
FITTING: dict[str, dict[str, Any]] = {
    "emergency_packet": {"state": "lacking"},
    "delivery": {"rows": 2, "accepted": 1, "quarantined": 1},
    "committee": {"decided_by": "S1", "second_decided_by": "S2"},
    "opening": {"attested_by": "S1", "second_attested_by": "S2"},
    "store_identity": {"id": 1},
    "audit_event": {"seq": 0},
    "collection": {"read_until": "2026-11-12T02:00:00Z"},
    "audit_pending": {"body": b'{"action_id":null,"business_date":"2026-11-12","subject_ref":null}'},
}
"""Values that rules over several columns ask for; every other value follows from the column itself."""


def at_revision(engine: Engine, revision: str) -> None:
    """Bring an empty store to one revision and no further."""
    with writing(engine) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def fill(engine: Engine) -> Rows:
    """Put a row into every table, parents first, and return what was put there."""
    filled: Rows = {}
    with writing(engine) as connection:
        schema = MetaData()
        schema.reflect(connection, views=False)
        for table in sorted(schema.sorted_tables, key=lambda one: one.name == "decision"):  # no key says what it needs
            if table.name != "alembic_version" and not A_MONTH.fullmatch(table.name):
                filled[table.name] = [_put(connection, table, filled)]
    return filled


def read(engine: Engine, names: Rows) -> Rows:
    """Return the rows of those tables, each with the columns it was filled with."""
    with writing(engine) as connection:
        schema = MetaData()
        schema.reflect(connection, only=list(names))
        found: Rows = {}
        for name, rows in names.items():
            columns = [schema.tables[name].c[column] for column in rows[0]]
            found[name] = [dict(row._mapping) for row in connection.execute(select(*columns))]
        return found


def _put(connection: Connection, table: Table, filled: Rows) -> dict[str, Any]:
    words = _words(connection, table.name)
    row: dict[str, Any] = {}
    for column in table.columns:
        parent = next(iter(column.foreign_keys), None)
        if parent is not None and parent.column.table.name in filled and parent.column.table is not table:
            row[column.name] = filled[parent.column.table.name][0].get(parent.column.name)
        elif not column.nullable:
            row[column.name] = _value(column, words.get(column.name))
    row |= FITTING.get(table.name, {})
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(row))
    except IntegrityError as error:
        raise AssertionError(f"{table.name} takes another row than {row}: add it to FITTING") from error
    return row


def _words(connection: Connection, table: str) -> dict[str, str]:
    """Return the first allowed word of each column that has a list of them."""
    found = {}
    for rule in inspect(connection).get_check_constraints(table):
        text = re.sub(r"::[a-z ]+(\[\])?", "", rule["sqltext"])
        for column, _, word in re.findall(r"\"?(\w+)\"?\)? ?(IN \(|= ANY \(\(?ARRAY\[)'([^']*)'", text):
            found.setdefault(column, word)
    return found


def _value(column: Any, word: str | None) -> Any:
    kind = column.type.python_type
    if kind is str:
        length = column.type.length or 20
        return word or ("2026-11-12T02:00:00Z" if length == 20 else "f" * 64 if length == 64 else "x")[:length]
    return {int: 1, bool: True, date: DAY, bytes: b"\x01" * 32}.get(kind, 1)
