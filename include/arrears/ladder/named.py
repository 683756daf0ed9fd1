"""The accounts of a frozen ledger with their ids: the snapshot knows only random names, the store ties the two."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, select

from arrears.core.errors import CannotTell
from arrears.store import snapshot
from arrears.store.account_range import AccountRange, in_byte_order
from arrears.store.columns import fetch
from arrears.store.tables.feeds import account
from arrears.store.tables.people import subject

RANGE = 16_384
"""Accounts decided at a time: what is known of them is in memory together."""

NAMES = pa.schema([("subject_ref", pa.string()), ("account_id", pa.string())])


def named_accounts(
    connection: Connection, artifacts_url: str, snapshot_id: str, columns: Sequence[str]
) -> Iterator[tuple[pa.Array, pa.RecordBatch]]:
    """Yield the accounts of a snapshot in the order of their ids, as ids and the columns asked for.

    Both sides are sorted by id, so a small window of names is enough, whatever the number of accounts. The first column
    asked for is ``subject_ref``. An account that was erased since is passed over: nobody knows its name any more.

    Raises:
        CannotTell: the snapshot is not there, or knows an account that the store does not and never erased.
    """
    query = select(subject.c.subject_ref, subject.c.account_id)
    names = fetch(connection, query.order_by(in_byte_order(connection, subject.c.account_id)), NAMES)
    held, gone = NAMES.empty_table(), 0
    try:
        for batch in snapshot.accounts(artifacts_url, snapshot_id, columns, rows=RANGE):
            refs = batch.column("subject_ref")
            last = _last_named(connection, refs)
            while last is not None and pc.index(held.column("subject_ref"), last[0]).as_py() < 0:
                held = pa.concat_tables([held, next(names)])
            places = pc.index_in(refs, held.column("subject_ref").combine_chunks())
            known = places.drop_null()
            if places.null_count:
                gone += places.null_count
                _refuse_unknown(connection, snapshot_id, gone)
            if len(known):
                own = batch.filter(places.is_valid()) if places.null_count else batch
                yield held.column("account_id").take(known).combine_chunks(), own
                held = held.slice(pc.max(known).as_py() + 1)
    finally:
        names.close()


def _last_named(connection: Connection, refs: pa.Array) -> tuple[str, str] | None:
    """Return the last of some random names that leads to an account, with its id."""
    for ref in reversed(refs):
        named = select(subject.c.account_id).where(subject.c.subject_ref == ref.as_py())
        if (account_id := connection.execute(named).scalar()) is not None:
            return ref.as_py(), account_id
    return None


def _refuse_unknown(connection: Connection, snapshot_id: str, unknown: int) -> None:
    erased = select(func.count()).select_from(account).where(account.c.erased_at.is_not(None))
    if unknown > connection.execute(erased).scalar_one():
        raise CannotTell(f"snapshot {snapshot_id[:12]}: {unknown} of its accounts are unknown here")


def ranges_of(
    connection: Connection, artifacts_url: str, snapshot_id: str, columns: Sequence[str], name: str = "accounts"
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield a file of a snapshot in the order of its accounts, range by range, each with the id of its last account.

    The first column asked for is ``subject_ref``. Of accounts that were erased since nobody knows the id: their rows
    stand with those of the account before them, also where a range has no others.

    Raises:
        CannotTell: the snapshot is not there.
    """
    last = ""
    for batch in snapshot.batches(artifacts_url, snapshot_id, name, columns):
        named = _last_named(connection, batch.column(0))
        last = named[1] if named is not None else last
        yield last, batch


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
