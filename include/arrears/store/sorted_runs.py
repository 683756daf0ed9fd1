"""Rows in order, however many: sorted in parts that wait on disk, and merged when all are there."""

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Any

import pyarrow as pa

from arrears.store.shelf import Shelf

BLOCK = 256
"""Rows of a part in memory while the parts are merged."""

Row = tuple[Any, ...]


class SortedRuns:
    """Rows of text and whole numbers that are compared as tuples; what two rows differ in is never nothing."""

    def __init__(self) -> None:
        """Start empty."""
        self._shelf = Shelf()
        self._runs: list[range] = []

    def add(self, rows: Iterable[Row]) -> None:
        """Take in a part, in any order."""
        run, start = sorted(rows), len(self._shelf)
        for first in range(0, len(run), BLOCK):
            columns = zip(*run[first : first + BLOCK], strict=True)
            arrays = [pa.array(column) for column in columns]
            self._shelf.put(pa.record_batch(arrays, names=[str(place) for place in range(len(arrays))]))
        self._runs.append(range(start, len(self._shelf)))

    def merged(self) -> Iterator[Row]:
        """Yield all rows in their order."""
        return merge(*map(self._rows, self._runs))

    def _rows(self, run: range) -> Iterator[Row]:
        for number in run:
            yield from zip(*(column.to_pylist() for column in self._shelf.take(number).columns), strict=True)
