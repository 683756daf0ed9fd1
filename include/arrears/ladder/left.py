"""Who a correction took out of a day's ledger: an account it closes, or no longer has, leaves its decision behind.

That decision gives way to one about nothing: no ledger row stands behind it, nothing is overdue and nothing is done, so
that contacts, packet and orders of the account go the way of any that are not wanted any more. It is never a cure.
"""

from collections.abc import Iterator
from datetime import date
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from arrears.ladder.gather import NOTHING
from arrears.ladder.in_force import FIRST, NO_ROW
from arrears.ladder.named import named_accounts
from arrears.store.account_range import in_byte_order
from arrears.store.columns import concatenate, fetch
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account

NOT_IN_LEDGER = NOTHING._replace(hard_holds=("not_in_ledger",))
"""All that decide() is told of an account that left: nothing may be done."""

KNOWN = pa.schema([(name, pa.string()) for name in ("account_id", "subject_ref", "currency", "branch")])
COUNTS = ("stage", "overdue_instalments", "overdue_minor", "days_past_due")


def left_since(connection: Connection, artifacts_url: str, snapshot_id: str, on: date) -> Iterator[pa.RecordBatch]:
    """Yield the accounts decided on a day that its ledger does not hold, in order, as its rows would say nothing.

    An account that was erased is in no ledger by name, and stands as it was decided.
    """
    own, after = in_byte_order(connection, decision.c.account_id), ""
    query = (
        select(*(account.c[name] for name in KNOWN.names))
        .join(account, account.c.account_id == decision.c.account_id)
        .where(decision.c.business_date == on, decision.c.revision == FIRST, account.c.erased_at.is_(None))
        .order_by(own)
    )
    there = (ids for ids, _ in named_accounts(connection, artifacts_url, snapshot_id, ("subject_ref",)))
    for ids in chain(there, (None,)):
        some = query.where(own > after)
        if ids is not None:
            after = ids[-1].as_py()
            some = some.where(own <= after)
        decided = concatenate(fetch(connection, some, KNOWN), KNOWN)
        left = decided if ids is None else decided.filter(pc.invert(pc.is_in(decided.column("account_id"), ids)))
        if left.num_rows:
            yield _row_of_nothing(left)


def _row_of_nothing(accounts: pa.Table) -> pa.RecordBatch:
    count = accounts.num_rows
    known = {name: accounts.column(name).combine_chunks() for name in KNOWN.names}
    return pa.RecordBatch.from_pydict({
        **known, **{name: pa.repeat(pa.scalar(0, pa.int64()), count) for name in COUNTS},
        "oldest_unpaid_due": pa.nulls(count, pa.date32()), "ledger_row_sha256": pa.repeat(NO_ROW, count),
    })  # fmt: skip
