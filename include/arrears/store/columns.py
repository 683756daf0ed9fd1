"""Whole columns into and out of the store inside the caller's transaction: Arrow batches, no object for each row."""

import io
from collections.abc import Generator, Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from sqlalchemy import ColumnElement, Connection, Select, String, Table, cast, func, or_
from sqlalchemy.dialects import sqlite

from arrears.store.bulk import (
    copy_rows,
    copy_statement,
    driver_errors,
    insert_tuples,
    merge_statement,
    raw_of,
    temporary_copy,
)

CSV = arrow_csv.WriteOptions(include_header=False)
CELL = "\x1f"
END_MARK = b"\n\\."
"""PostgreSQL may take this inside a CSV cell for the end of the data."""


def insert_columns(connection: Connection, table: Table, rows: pa.RecordBatch | pa.Table) -> int:
    """Insert rows that must all be new and return their number; a conflict raises an IntegrityError."""
    if rows.num_rows and connection.dialect.name == "postgresql":
        _copy(connection, table, table.name, rows)
    elif rows.num_rows:
        names, columns = tuple(rows.schema.names), _columns_of(rows)
        insert_tuples(connection, table, names, list(zip(*columns, strict=True)))
    return int(rows.num_rows)


def replace_columns(
    connection: Connection, table: Table, rows: pa.RecordBatch | pa.Table, unless_same: Sequence[str] = (),
    kept: Sequence[str] = (),
) -> int:  # fmt: skip
    """Insert rows or overwrite those with the same primary key, each key once; return how many rows were given.

    With ``unless_same`` a stored row that agrees in these columns is left as it is, where it came from included. A
    stored row's ``kept`` columns stay as they are: SQLite makes the entries of an index anew for every column it sets.
    """
    names = list(rows.schema.names)
    if rows.num_rows and connection.dialect.name == "postgresql":
        with temporary_copy(connection, table, names) as waiting:
            _copy(connection, table, waiting, rows)
            merge = merge_statement(connection, table, waiting, names, replace=True, unless_same=unless_same, kept=kept)
            connection.exec_driver_sql(merge)
    elif rows.num_rows:
        statement = sqlite.insert(table).values(dict.fromkeys(names))
        keys = [column.name for column in table.primary_key]
        changed = {name: statement.excluded[name] for name in names if name not in (*keys, *kept)}
        differing = [table.c[name].is_distinct_from(statement.excluded[name]) for name in unless_same]
        only = or_(*differing) if differing else None
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed, where=only)
        _execute_many(connection, str(statement.compile(connection)), _in_order_of(table, rows))
    return int(rows.num_rows)


def _in_order_of(table: Table, rows: pa.RecordBatch | pa.Table) -> pa.RecordBatch | pa.Table:
    """Return the columns in the order of the table's, in which a compiled INSERT names them."""
    return rows.select([column.name for column in table.columns if column.name in rows.schema.names])


def fetch(
    connection: Connection, query: Select[Any], schema: pa.Schema, rows: int = 32_768
) -> Generator[pa.Table, None, None]:
    """Yield the rows of a query in tables as they are read; other statements may run in between.

    The driver hands over one text a row and Arrow takes it apart, which is quicker than a Python value for each cell.
    No cell may hold U+001F; empty text is nothing.
    """
    cells: list[ColumnElement[str]] = [func.coalesce(cast(column, String), "") for column in query.selected_columns]
    line = reduce(lambda one, other: one.concat(CELL).concat(other), cells)
    text = str(query.with_only_columns(line).compile(connection, compile_kwargs={"literal_binds": True}))
    named = {"name": f"arrears_{id(query)}"} if connection.dialect.name == "postgresql" else {}
    cursor = raw_of(connection).cursor(**named)
    try:
        cursor.execute(text)
        while found := cursor.fetchmany(rows):
            yield _cells([line for (line,) in found], schema)
    finally:
        cursor.close()


def _cells(lines: list[str], schema: pa.Schema) -> pa.Table:
    """Take lines apart into columns."""
    cells, wide = pc.split_pattern(pa.array(lines, pa.string()), CELL).flatten(), len(schema)
    if len(cells) != len(lines) * wide:
        raise ValueError("a cell holds U+001F, which stands between the cells")
    first = np.arange(0, len(cells), wide)
    texts = (cells.take(pa.array(first + place)) for place in range(wide))
    columns = [pc.replace_with_mask(text, pc.equal(text, ""), pa.scalar(None, pa.string())) for text in texts]
    return pa.Table.from_arrays([own.cast(one.type) for own, one in zip(columns, schema, strict=True)], schema=schema)


def values_of(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return a column as Python values; much quicker than ``to_pylist`` for text, bytes and numbers without gaps."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        words = np.array(array.dictionary.to_pylist(), dtype=object)
        shared: list[Any] = words[np.asarray(array.indices)].tolist()
        return shared
    plain = pa.types.is_string(array.type) or pa.types.is_binary(array.type)
    if plain or (not array.null_count and pa.types.is_integer(array.type)):
        found: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
        return found
    return list(array.to_pylist())


def _execute_many(connection: Connection, statement: str, rows: pa.RecordBatch | pa.Table) -> None:
    with driver_errors(connection, statement):
        raw_of(connection).executemany(statement, zip(*_columns_of(rows), strict=True))


def _columns_of(rows: pa.RecordBatch | pa.Table) -> list[list[Any]]:
    return [values_of(_for_sqlite(column)) for column in rows.columns]


def _for_sqlite(column: Any) -> Any:
    """SQLite keeps dates as ISO text and truth as 0 and 1."""
    if pa.types.is_date(column.type):
        return column.cast(pa.string())
    return column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column


def _copy(connection: Connection, table: Table, target: str, rows: pa.RecordBatch | pa.Table) -> None:
    names = list(rows.schema.names)
    if not any(pa.types.is_binary(field.type) for field in rows.schema):
        payload = io.BytesIO()
        arrow_csv.write_csv(_plain(rows), payload, CSV)
        data = payload.getvalue()
        if END_MARK not in data:
            statement = copy_statement(connection, target, names, "CSV")
            _write_all(connection, statement, data)
            return
    columns = [values_of(column) for column in rows.columns]
    copy_rows(connection, table, names, zip(*columns, strict=True), target)


def _write_all(connection: Connection, statement: str, data: bytes) -> None:
    with driver_errors(connection, statement), raw_of(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(data)


def _plain(rows: pa.RecordBatch | pa.Table) -> pa.Table:
    """Return the rows without dictionaries, which the CSV writer does not know."""
    columns = [_decoded(column) for column in rows.columns]
    return pa.Table.from_arrays(columns, names=rows.schema.names)


def _decoded(column: Any) -> Any:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def concatenate(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return tables as one without gaps between chunks."""
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()
