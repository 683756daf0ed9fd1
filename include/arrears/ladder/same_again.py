"""Which ranges of accounts are decided already as they would be now: the same run again looks at none of their rows."""

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
from sqlalchemy import Connection, delete, select

from arrears.core.keys import sha256
from arrears.store.bulk import insert_all
from arrears.store.tables.decisions import decided_range


class SameAgain:
    """What the ranges of a day's newest run came to; only the day that was decided last is kept.

    Every run of a day writes the rows it differs in and, in the same transaction, what each of its ranges came to. So
    a range that comes to the same again has its rows in force, and no others.
    """

    def __init__(self, connection: Connection, on: date, *, decided: bool) -> None:
        """Read what the newest run of the day left; without a row ``decided`` there is nothing that could stand."""
        self._connection, self._on = connection, on
        query = select(decided_range.c.number, decided_range.c.rows_sha256).where(decided_range.c.business_date == on)
        query = query.order_by(decided_range.c.number)
        self._before: dict[int, str] = dict(connection.execute(query).all()) if decided else {}
        self._now: list[str] = []

    def is_same(self, columns: Mapping[str, pa.Array]) -> bool:
        """Say whether the next range comes to what it came to before; ``columns`` is all that its rows say."""
        number, mark = len(self._now), _mark(columns)
        self._now.append(mark)
        return self._before.get(number) == mark

    def corrected(self, columns: Mapping[str, pa.Array]) -> None:
        """Let the last range come to something else: rows of accounts beside those wanted were corrected too."""
        self._now[-1] = _mark(columns)

    def keep(self) -> None:
        """Write what the ranges came to."""
        if self._now == list(self._before.values()):
            return
        self._connection.execute(delete(decided_range))
        insert_all(self._connection, decided_range, (
            {"business_date": self._on, "number": number, "rows_sha256": mark} for number, mark in enumerate(self._now)
        ))  # fmt: skip


def _mark(columns: Mapping[str, pa.Array]) -> str:
    """Return a hash over columns; equal ones may differ in how their bytes lie, which only costs another look."""
    plain = {name: values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
             for name, values in columns.items()}  # fmt: skip
    return sha256(pa.RecordBatch.from_pydict(plain).serialize())
