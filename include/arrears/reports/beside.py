"""Files of frozen ledgers side by side, a range of accounts at a time, whatever their number."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from sqlalchemy import Connection

from arrears.ladder.named import Beside, ranges_of
from arrears.store.account_range import AccountRange

KINDS = {"subject_ref": pa.string(), "due_date": pa.date32(), "paid_on": pa.date32()}
"""Of columns that are no amounts."""


def ranges_with(
    connection: Connection, url: str, snapshot_id: str, columns: Sequence[str]
) -> Iterator[tuple[AccountRange, pa.Table]]:
    """Yield the accounts of a snapshot, each part with the range of ids it lies in."""
    before = ""
    for last, batch in ranges_of(connection, url, snapshot_id, columns):
        yield AccountRange(before, last), pa.Table.from_batches([batch])
        before = last


class Rows:
    """Rows of a file of a snapshot beside ranges of accounts, of this snapshot or another."""

    def __init__(self, connection: Connection, url: str, snapshot_id: str, name: str, columns: Sequence[str]) -> None:
        """Begin before the first account."""
        named = ("subject_ref", *columns)
        self._schema = pa.schema([(column, KINDS.get(column, pa.int64())) for column in named])
        self._beside = Beside(ranges_of(connection, url, snapshot_id, named, name))

    def of(self, among: AccountRange) -> pa.Table:
        """Return all rows of the accounts of a range, and some of their neighbours."""
        return pa.Table.from_batches(self._beside.meeting(among), schema=self._schema)
