"""Many rows in one statement inside the caller's transaction; the natural key decides what is new."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, count, islice
from typing import Any

from sqlalchemy import Connection, Dialect, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

CHUNK = 5_000
MOST_VALUES = 2_000
"""Values in one statement for SQLite: enough to make its price small, few enough to be read at once."""
FEW = 50
"""Up to so many rows go one by one: a COPY to PostgreSQL and a long statement for SQLite have their own price."""

COUNTED = {"preserve_rowcount": True}  # without it PostgreSQL answers -1 for a statement with many rows
_NUMBERS = count(1)
Row = dict[str, Any]


def insert_new(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert the rows whose key is not there yet and return how many were new.

    Every row has the same columns. Existing rows are left as they are.
    """
    before = _count_changes(connection)
    statement = _new_only(connection.dialect.name, table)
    new = 0
    for chunk in _chunks(rows):
        if _by_copy(connection, chunk):
            new += _merge(connection, table, chunk, replace=False)
        else:
            new += connection.execute(statement, chunk, execution_options=COUNTED).rowcount
    return _count_changes(connection) - before if connection.dialect.name == "sqlite" else new


def insert_all(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert rows that must all be new and return their number; a conflict raises IntegrityError."""
    total = 0
    for chunk in _chunks(rows):
        if _by_copy(connection, chunk):
            names = list(chunk[0])
            copy_rows(connection, table, names, ([row[name] for name in names] for row in chunk))
        elif connection.dialect.name == "sqlite":
            _insert_plainly(connection, table, chunk)
        else:
            connection.execute(table.insert(), chunk)
        total += len(chunk)
    return total


def replace_all(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert rows or overwrite those with the same primary key; return how many rows were given."""
    keys = [column.name for column in table.primary_key]
    total = 0
    for chunk in _chunks(rows):
        if _by_copy(connection, chunk):
            last = {tuple(row[key] for key in keys): row for row in chunk}
            _merge(connection, table, list(last.values()), replace=True)
        else:
            connection.execute(_overwriting(connection.dialect.name, table, tuple(chunk[0])), chunk)
        total += len(chunk)
    return total


@cache
def _new_only(dialect_name: str, table: Table) -> Executable:
    statement: Executable = _insert(dialect_name, table).on_conflict_do_nothing()
    return statement


@cache
def _overwriting(dialect_name: str, table: Table, names: tuple[str, ...]) -> Executable:
    keys, statement = [column.name for column in table.primary_key], _insert(dialect_name, table)
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    overwriting: Executable = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return overwriting


def _insert(dialect_name: str, table: Table) -> Any:
    dialect: Any = sqlite if dialect_name == "sqlite" else postgresql
    return dialect.insert(table)


def insert_tuples(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows that must all be new, of values as the driver takes them; a conflict raises IntegrityError.

    SQLite is handed many rows in one statement: its price for each statement, and SQLAlchemy's for each of many rows,
    are more than that of the row itself. What is left over goes in powers of two, so that there are few statements,
    each of which SQLite's driver keeps with the last values it was given.
    """
    if connection.dialect.name == "postgresql":
        copy_rows(connection, table, names, rows)
        return
    for part in _together(rows, MOST_VALUES // len(names)):
        if len(part) > FEW:
            statement = _plain_insert(connection.dialect, table, tuple(names), len(part))
            with driver_errors(connection, statement):
                raw_of(connection).execute(statement, tuple(chain.from_iterable(part)))
        else:
            statement = _plain_insert(connection.dialect, table, tuple(names), 1)
            connection.exec_driver_sql(statement, list(map(tuple, part)))


def _together(rows: Sequence[Sequence[Any]], most: int) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows in parts of ``most``, then of ever smaller powers of two while these are no few."""
    at = 0
    while at < len(rows):
        left = len(rows) - at
        size = most if left >= most else 1 << left.bit_length() - 1
        size = size if size > FEW else left
        yield rows[at : at + size]
        at += size


def _insert_plainly(connection: Connection, table: Table, chunk: Sequence[Row]) -> None:
    names = tuple(chunk[0])
    rows = [tuple([row[name] for name in names]) for row in chunk]
    for place, bind in _binds(connection.dialect, table, names):
        rows = [(*row[:place], bind(row[place]), *row[place + 1 :]) for row in rows]
    insert_tuples(connection, table, names, rows)


@cache
def _plain_insert(dialect: Dialect, table: Table, names: tuple[str, ...], count: int) -> str:
    """Return an INSERT of so many rows; it fails where it would abort (see the guards of the audit tables)."""
    quote = dialect.identifier_preparer.quote
    places = ", ".join([f"({', '.join('?' * len(names))})"] * count)
    return f"INSERT OR FAIL INTO {quote(table.name)} ({', '.join(map(quote, names))}) VALUES {places}"  # noqa: S608 - quoted names of our own tables


@cache
def _binds(dialect: Dialect, table: Table, names: tuple[str, ...]) -> list[tuple[int, Any]]:
    """Return the columns whose values SQLite's driver cannot take as they are, with what turns them."""
    binds = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    return [(place, bind) for place, bind in enumerate(binds) if bind]


def raw_of(connection: Connection) -> Any:
    """Return the driver's connection under a SQLAlchemy one: the same transaction, without a layer for each row."""
    return connection.connection.driver_connection


@contextmanager
def driver_errors(connection: Connection, statement: str) -> Iterator[None]:
    """Turn a driver's error into SQLAlchemy's, without the row that PostgreSQL quotes in its context."""
    base: Any = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except base as error:
        said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
        bare = type(error)(said)
        raise DBAPIError.instance(statement, None, bare, base, hide_parameters=True) from None


def copy_rows(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]], target: str | None = None
) -> None:
    """Write rows to PostgreSQL by binary COPY; ``target`` is another table of the same columns."""
    statement = copy_statement(connection, target or table.name, names, "BINARY")
    types = [_TYPES[table.c[name].type.as_generic().__class__.__name__] for name in names]
    with driver_errors(connection, statement), raw_of(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


_TYPES = {"String": "text", "Text": "text", "Integer": "int4", "SmallInteger": "int2", "BigInteger": "int8",
          "Date": "date", "Boolean": "bool", "LargeBinary": "bytea"}  # fmt: skip


def copy_statement(connection: Connection, target: str, names: Sequence[str], form: str) -> str:
    """Return the COPY that fills these columns."""
    quote = connection.dialect.identifier_preparer.quote
    return f"COPY {quote(target)} ({', '.join(map(quote, names))}) FROM STDIN (FORMAT {form})"


@contextmanager
def temporary_copy(connection: Connection, table: Table, names: Sequence[str]) -> Iterator[str]:
    """Make a temporary table with some columns of a table, and drop it at the end; PostgreSQL only."""
    quote, name = connection.dialect.identifier_preparer.quote, f"waiting_{next(_NUMBERS)}"
    columns = ", ".join(map(quote, names))
    source = f"SELECT {columns} FROM {quote(table.name)} WITH NO DATA"  # noqa: S608 - quoted names of our own tables
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {source}")
    yield name
    connection.exec_driver_sql(f"DROP TABLE {name}")


def merge_statement(
    connection: Connection, table: Table, waiting: str, names: Sequence[str], *, replace: bool,
    unless_same: Sequence[str] = (), kept: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return the INSERT that takes rows over from a temporary table; ``replace`` overwrites those already there.

    With ``unless_same`` only those that differ in one of these columns, and never their ``kept`` columns.
    """
    quote, own = connection.dialect.identifier_preparer.quote, connection.dialect.identifier_preparer.quote(table.name)
    keys, columns = [column.name for column in table.primary_key], ", ".join(map(quote, names))
    changed = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in (*keys, *kept))
    action = f"({', '.join(map(quote, keys))}) DO UPDATE SET {changed}" if replace and changed else "DO NOTHING"
    other = " OR ".join(f"{own}.{quote(name)} IS DISTINCT FROM excluded.{quote(name)}" for name in unless_same)
    only = f" WHERE {other}" if other else ""
    return f"INSERT INTO {own} ({columns}) SELECT {columns} FROM {waiting} ON CONFLICT {action}{only}"  # noqa: S608 - quoted names of our own tables


def _merge(connection: Connection, table: Table, chunk: Sequence[Row], *, replace: bool) -> int:
    names = list(chunk[0])
    with temporary_copy(connection, table, names) as waiting:
        copy_rows(connection, table, names, ([row[name] for name in names] for row in chunk), waiting)
        return connection.exec_driver_sql(merge_statement(connection, table, waiting, names, replace=replace)).rowcount


def _by_copy(connection: Connection, chunk: Sequence[Row]) -> bool:
    return len(chunk) > FEW and connection.dialect.name == "postgresql"


def _chunks(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _count_changes(connection: Connection) -> int:
    if connection.dialect.name != "sqlite":
        return 0
    return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one())
