"""Rows grouped by ranges of accounts while they arrive: memory stays bounded, the order of arrival does not matter."""

from collections import defaultdict
from types import TracebackType

import numpy as np
import pyarrow as pa

from arrears.store.shelf import Shelf

ACCOUNTS_A_RANGE = 20_000
BYTES_IN_MEMORY = 16 << 20


class Spool:
    """Holds batches with a ``code`` column by range of codes; above the limit they wait in one unnamed file."""

    def __init__(self, limit: int = BYTES_IN_MEMORY, width: int = ACCOUNTS_A_RANGE) -> None:
        """Start empty; ``limit`` is how many bytes are kept in memory, ``width`` the accounts in a range."""
        self.rows = 0
        self._limit, self._width = limit, width
        self._held = 0
        self._waiting: dict[int, list[pa.RecordBatch]] = defaultdict(list)
        self._shelf = Shelf()
        self._stored: dict[int, list[int]] = defaultdict(list)

    def __enter__(self) -> "Spool":
        """Use the spool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of what waits; the file goes with its shelf."""
        self._waiting.clear()
        self._stored.clear()
        self._shelf = Shelf()

    def add(self, batch: pa.RecordBatch, *, names: bool = False) -> None:
        """Take a batch in; the account is its code from here on, unless ``names`` are wanted as well."""
        if not batch.num_rows:  # of a feed without a good row it may have no code either
            return
        if "account_id" in batch.schema.names and not names:
            batch = batch.drop_columns(["account_id"])
        ranges = np.asarray(batch.column("code")) // self._width
        if bool(np.all(ranges[1:] >= ranges[:-1])):
            edges = np.flatnonzero(np.diff(ranges)) + 1
            starts = [0, *edges.tolist()]
            for start, end in zip(starts, [*starts[1:], len(ranges)], strict=True):
                self._waiting[int(ranges[start])].append(batch.slice(start, end - start))
        else:
            for number in np.unique(ranges):
                self._waiting[int(number)].append(batch.take(pa.array(np.flatnonzero(ranges == number))))
        self.rows += len(ranges)
        self._held += batch.nbytes
        if self._held > self._limit:
            self._spill()

    def ranges(self) -> list[int]:
        """Return the ranges that have rows, in their order."""
        return sorted(self._waiting.keys() | self._stored.keys())

    def take(self, number: int) -> pa.Table | None:
        """Return all rows of a range, in the order of arrival, and forget those in memory; None if there are none."""
        batches = [self._shelf.take(place) for place in self._stored.pop(number, [])]
        batches += self._waiting.pop(number, [])
        return pa.Table.from_batches(batches) if batches else None

    def _spill(self) -> None:
        for number, batches in self._waiting.items():
            for batch in pa.Table.from_batches(batches).combine_chunks().to_batches():
                self._stored[number].append(len(self._shelf))
                self._shelf.put(batch)
        self._waiting.clear()
        self._held = 0
