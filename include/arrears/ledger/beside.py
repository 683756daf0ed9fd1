"""What the store has of accounts beside a delivery: both in the order of the ids, so a small window is enough."""

import pyarrow as pa
from sqlalchemy import Connection, String, case, cast, select

from arrears.store.tables.feeds import account
from arrears.store.walk import Walk

MISSING, ERASED = 1, 2
"""Bits of ``flags``."""

STORED = pa.schema([("account_id", pa.string()), ("subject_ref", pa.string()), ("row_sha256", pa.string()),
                    ("closed_on", pa.string()), ("flags", pa.int8())])  # fmt: skip


def stored_accounts(connection: Connection) -> Walk:
    """Return the walk through the account table."""
    flags = case((account.c.is_missing, MISSING), else_=0) + case((account.c.erased_at.is_(None), 0), else_=ERASED)
    closed_on = cast(account.c.closed_on, String)  # both databases write a date as ISO text
    query = select(account.c.account_id, account.c.subject_ref, account.c.row_sha256, closed_on, flags)
    return Walk(connection, query, account.c.account_id, STORED)
