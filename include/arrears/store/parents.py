"""Foreign keys of many rows at once: each distinct value is looked up once, and not with every row that has it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Column, Connection, Engine, Table, select

from arrears.store.bulk import raw_of

LOOKUP = 500
"""Values named in one statement."""


@contextmanager
def writing_sets(engine: Engine) -> Iterator[Connection]:
    """Open one write transaction in which SQLite looks up no foreign key: whoever inserts asks ``Parents``.

    SQLite takes the order only between transactions, and only for this connection. PostgreSQL looks up what decisions
    point at once a statement, by a trigger.
    """
    with engine.connect().execution_options(arrears_write=True) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        try:
            if is_sqlite:
                raw_of(connection).execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                yield connection
        finally:
            if is_sqlite:
                raw_of(connection).execute("PRAGMA foreign_keys=ON")


class Parents:
    """What the foreign keys of a table's new rows point at; what was found once in a transaction stays there."""

    def __init__(self, connection: Connection, table: Table) -> None:
        """Begin without knowing of any."""
        self._connection, self._table = connection, table
        self._found: dict[str, set[str]] = {key.parent.name: set() for key in table.foreign_keys}

    def checked(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows once all that they point at was looked up.

        Raises:
            LookupError: it is not there; names the column, never the value.
        """
        for key in self._table.foreign_keys:
            known = self._found[key.parent.name]
            new = sorted(set(pc.unique(rows.column(key.parent.name)).drop_null().to_pylist()) - known)
            known |= self._there(key.column, new)
            if not known.issuperset(new):
                raise LookupError(f"{self._table.name}.{key.parent.name} points at no row of {key.column.table.name}")
        return rows

    def _there(self, column: Column[str], values: list[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(values), LOOKUP):
            query = select(column).where(column.in_(values[start : start + LOOKUP]))
            found |= set(self._connection.execute(query).scalars())
        return found
