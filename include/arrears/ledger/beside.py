"""What the store has of accounts beside a delivery: both in the order of the ids, so a small window is enough."""

from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, Select, String, case, cast, select

from arrears.store.account_range import in_byte_order
from arrears.store.columns import fetch
from arrears.store.tables.feeds import account

MISSING, ERASED = 1, 2
"""Bits of ``flags``."""

STORED = pa.schema([("account_id", pa.string()), ("subject_ref", pa.string()), ("row_sha256", pa.string()),
                    ("closed_on", pa.string()), ("flags", pa.int8())])  # fmt: skip


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


def stored_accounts(connection: Connection) -> Walk:
    """Return the walk through the account table."""
    flags = case((account.c.is_missing, MISSING), else_=0) + case((account.c.erased_at.is_(None), 0), else_=ERASED)
    closed_on = cast(account.c.closed_on, String)  # both databases write a date as ISO text
    query = select(account.c.account_id, account.c.subject_ref, account.c.row_sha256, closed_on, flags)
    return Walk(connection, query, account.c.account_id, STORED)
