"""The store's accounts beside a delivery's: both in the order of their ids, so a small window is enough."""

from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, String, case, cast, select

from arrears.store.account_range import in_byte_order
from arrears.store.columns import fetch
from arrears.store.tables.feeds import account

MISSING, ERASED = 1, 2
"""Bits of ``flags``."""

STORED = pa.schema([("account_id", pa.string()), ("subject_ref", pa.string()), ("row_sha256", pa.string()),
                    ("closed_on", pa.string()), ("flags", pa.int8())])  # fmt: skip


class Stored:
    """Walks through the account table from the first id to the last."""

    def __init__(self, connection: Connection) -> None:
        """Begin before the first account."""
        flags = case((account.c.is_missing, MISSING), else_=0) + case((account.c.erased_at.is_(None), 0), else_=ERASED)
        closed_on = cast(account.c.closed_on, String)  # both databases write a date as ISO text
        own = (account.c.account_id, account.c.subject_ref, account.c.row_sha256, closed_on, flags)
        query = select(*own).order_by(in_byte_order(connection, account.c.account_id))
        self._batches = fetch(connection, query, STORED)
        self._held = STORED.empty_table()

    def __enter__(self) -> "Stored":
        """Use the walk."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was being read."""
        self._batches.close()

    def up_to(self, account_id: str) -> pa.Table:
        """Return the accounts after those returned before, up to an id; rows written meanwhile are not among them."""
        while not self._held.num_rows or self._held.column("account_id")[-1].as_py().encode() <= account_id.encode():
            more = next(self._batches, None)
            if more is None:
                break
            self._held = pa.concat_tables([self._held, more])
        count = pc.sum(pc.less_equal(self._held.column("account_id"), account_id)).as_py() or 0
        found, self._held = self._held.slice(0, count), self._held.slice(count)
        return found.combine_chunks()

    def rest(self) -> pa.Table:
        """Return all accounts that are left."""
        return pa.concat_tables([self._held, *self._batches])
