"""The accounts of a frozen ledger with their ids: the snapshot knows only random names, the store ties the two."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.store import snapshot
from arrears.store.account_range import AccountRange, in_byte_order
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
    connection: Connection, artifacts_url: str, snapshot_id: str, columns: Sequence[str], name: str = "accounts"
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield a file of a snapshot in the order of its accounts, range by range, each with the id of its last account.

    The first column asked for is ``subject_ref``. Of accounts that were erased since nobody knows the id.

    Raises:
        CannotTell: the snapshot is not there.
    """
    for batch in snapshot.batches(artifacts_url, snapshot_id, name, columns):
        for ref in reversed(batch.column(0)):
            named = select(subject.c.account_id).where(subject.c.subject_ref == ref.as_py())
            if (last := connection.execute(named).scalar()) is not None:
                yield last, batch
                break


class Beside:
    """Ranges of a snapshot read beside other ranges in the same order: only those that these meet are held."""

    def __init__(self, ranges: Iterator[tuple[str, pa.RecordBatch]]) -> None:
        """Begin before the first account."""
        self._ranges = ranges
        self._held: list[tuple[bytes, pa.RecordBatch]] = []
        self._reached = b""

    def meeting(self, among: AccountRange) -> list[pa.RecordBatch]:
        """Return what may hold rows of a range that lies behind those asked for before.

        Where a batch ends with the last account of the range, the next one may begin with more rows of it.
        """
        first, last = (among.first or "").encode(), (among.last or "").encode()
        self._held = [(end, batch) for end, batch in self._held if end >= first]
        while self._reached <= last and (more := next(self._ranges, None)) is not None:
            self._reached = more[0].encode()
            if self._reached >= first:
                self._held.append((self._reached, more[1]))
        return [batch for _, batch in self._held]
