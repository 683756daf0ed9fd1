"""Rows of the store in the order of their accounts, beside something else in that order: a small window is enough."""

from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, Select

from arrears.store.account_range import in_byte_order
from arrears.store.columns import fetch


class Walk:
    """Walks through rows of the store in the order of their accounts, from the first id to the last."""

    def __init__(
        self, connection: Connection, query: Select[Any], account_id: ColumnElement[str], schema: pa.Schema
    ) -> None:
        """Begin before the first account; ``account_id`` is that column of the query."""
        self._batches = fetch(connection, query.order_by(in_byte_order(connection, account_id)), schema)
        self._held = schema.empty_table()

    def __enter__(self) -> "Walk":
        """Use the walk."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was being read."""
        self._batches.close()

    def up_to(self, account_id: str) -> pa.Table:
        """Return the rows after those returned before, up to an account; rows written meanwhile are not among them."""
        while not self._held.num_rows or self._held.column("account_id")[-1].as_py().encode() <= account_id.encode():
            more = next(self._batches, None)
            if more is None:
                break
            self._held = pa.concat_tables([self._held, more])
        count = pc.sum(pc.less_equal(self._held.column("account_id"), account_id)).as_py() or 0
        found, self._held = self._held.slice(0, count), self._held.slice(count)
        return found.combine_chunks()

    def rest(self) -> pa.Table:
        """Return all rows that are left."""
        return pa.concat_tables([self._held, *self._batches])
