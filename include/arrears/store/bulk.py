"""Many rows in one statement inside the caller's transaction; the natural key decides what is new."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

CHUNK = 5_000
COUNTED = {"preserve_rowcount": True}  # without it PostgreSQL answers -1 for a statement with many rows


def insert_new(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> int:
    """Insert the rows whose key is not there yet and return how many were new.

    Every row has the same columns. Existing rows are left as they are.
    """
    before = _count_changes(connection)
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing()
    new = 0
    for chunk in _chunks(rows):
        result = connection.execute(statement, chunk, execution_options=COUNTED)
        new += result.rowcount
    return _count_changes(connection) - before if connection.dialect.name == "sqlite" else new


def insert_all(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> int:
    """Insert rows that must all be new and return their number; a conflict raises IntegrityError."""
    count = 0
    for chunk in _chunks(rows):
        connection.execute(table.insert(), chunk)
        count += len(chunk)
    return count


def replace_all(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> int:
    """Insert rows or overwrite those with the same primary key; return how many rows were given."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    keys = [column.name for column in table.primary_key]
    count = 0
    for chunk in _chunks(rows):
        statement = dialect.insert(table)
        changed = {name: statement.excluded[name] for name in chunk[0] if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
        connection.execute(statement, chunk)
        count += len(chunk)
    return count


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _count_changes(connection: Connection) -> int:
    if connection.dialect.name != "sqlite":
        return 0
    return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one())
