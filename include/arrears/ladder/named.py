"""The accounts of a frozen ledger with their ids: the snapshot knows only random names, the store ties the two."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.store import snapshot
from arrears.store.account_range import in_byte_order
from arrears.store.columns import fetch
from arrears.store.tables.people import subject

RANGE = 16_384
"""Accounts decided at a time: what is known of them is in memory together."""

NAMES = pa.schema([("subject_ref", pa.string()), ("account_id", pa.string())])


def named_accounts(
    connection: Connection, rt: Runtime, snapshot_id: str, columns: Sequence[str]
) -> Iterator[tuple[pa.Array, pa.RecordBatch]]:
    """Yield the accounts of a snapshot in the order of their ids, as ids and the columns asked for.

    Both sides are sorted by id, so a small window of names is enough, whatever the number of accounts.

    Raises:
        CannotTell: the snapshot is not there, or knows an account that the store does not.
    """
    query = select(subject.c.subject_ref, subject.c.account_id)
    names = fetch(connection, query.order_by(in_byte_order(connection, subject.c.account_id)), NAMES)
    held = NAMES.empty_table()
    try:
        for batch in snapshot.accounts(rt.settings.artifacts_url, snapshot_id, columns, rows=RANGE):
            refs = batch.column("subject_ref")
            while (places := pc.index_in(refs, held.column("subject_ref").combine_chunks())).null_count:
                more = next(names, None)
                if more is None:
                    raise CannotTell(
                        f"snapshot {snapshot_id[:12]}: {places.null_count} of its accounts are unknown here"
                    )
                held = pa.concat_tables([held, more])
            yield held.column("account_id").take(places).combine_chunks(), batch
            held = held.slice(pc.max(places).as_py() + 1)
    finally:
        names.close()


def ranges_of(
    connection: Connection, rt: Runtime, snapshot_id: str, columns: Sequence[str]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the accounts of a snapshot in the order of their ids, range by range, each with the id of its last one.

    The first column asked for is ``subject_ref``.

    Raises:
        CannotTell: the snapshot is not there, or ends a range with an account that the store does not know.
    """
    for batch in snapshot.accounts(rt.settings.artifacts_url, snapshot_id, columns):
        if batch.num_rows:
            named = select(subject.c.account_id).where(subject.c.subject_ref == batch.column(0)[-1].as_py())
            last = connection.execute(named).scalar()
            if last is None:
                raise CannotTell(f"snapshot {snapshot_id[:12]}: an account of it is unknown here")
            yield last, batch
