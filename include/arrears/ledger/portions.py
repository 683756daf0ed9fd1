"""A feed beside the ledger, read in portions: rows that share a key or an account lie in one, in the file's order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arrears.ledger.catalogue import Feed
from arrears.ledger.rows import key_columns
from arrears.ledger.source import Source
from arrears.ledger.validate import Problem, Rules, check
from arrears.store.shelf import Shelf
from arrears.store.spool import Spool

PORTION = 8_192
"""Rows that stand in memory at a time; one account with more of them is a portion all the same."""

PLACES = 1 << 20
"""Over so many places rows are spread that belong to no account."""

NOTHING = "-"
"""What an absent part of a key counts as."""


@dataclass
class Arrived:
    """A feed that was read and checked: how many rows it had, what was refused, and the good rows on disk."""

    rows: int = 0
    bad: list[Problem] = field(default_factory=list)
    portions: Shelf = field(default_factory=Shelf)


def read_portions(source: Source, rules: Rules) -> Arrived:
    """Read and check a feed; of two rows with one key the first stands and the other is refused.

    Raises:
        BadInput: the file as a whole cannot be read.
    """
    arrived, by_account = Arrived(), "account_id" in key_columns(source.feed)
    with Spool() as spool:
        for valid in check(source, rules):
            arrived.rows += valid.count
            arrived.bad += valid.bad
            if valid.rows.num_rows:
                placed = valid.rows if by_account else _place(valid.rows, key_columns(source.feed)[0])
                spool.add(placed, names=True)
        for portion in portions(spool):
            first, again = _once(source.feed, portion)
            arrived.bad += again
            arrived.portions.put(first)
    return arrived


def portions(spool: Spool) -> Iterator[pa.RecordBatch]:
    """Yield all rows, those of one place together, in portions that are each in the order of the file."""
    held: list[pa.Table] = []
    for number in spool.ranges():
        rows = spool.take(number)
        for piece in _pieces(rows) if rows is not None else ():
            if held and sum(map(len, held)) + len(piece) > PORTION:
                yield _together(held)
                held = []
            held.append(piece)
    if held:
        yield _together(held)


def place_of(texts: pa.Array) -> pa.Array:
    """Return a place for each text, the same for the same text."""
    return pa.array([crc32(text) % PLACES for text in texts.cast(pa.binary()).fill_null(b"").to_pylist()], pa.int64())


def _place(rows: pa.RecordBatch, name: str) -> pa.RecordBatch:
    kept = rows.drop_columns(["code"]) if "code" in rows.schema.names else rows
    return kept.append_column("code", place_of(rows.column(name).cast(pa.string())))


def _pieces(rows: pa.Table) -> Iterator[pa.Table]:
    """Cut a range between places, into pieces of at most a portion where a place allows it."""
    if len(rows) <= PORTION:
        yield rows
        return
    rows = rows.take(pc.sort_indices(rows.column("code")))
    ends = np.append(np.flatnonzero(np.diff(rows.column("code").to_numpy())) + 1, len(rows))
    start = 0
    while start < len(rows):
        fitting = int(np.searchsorted(ends, start + PORTION, "right")) - 1
        end = int(ends[max(fitting, int(np.searchsorted(ends, start, "right")))])
        yield rows.slice(start, end - start)
        start = end


def _together(pieces: list[pa.Table]) -> pa.RecordBatch:
    rows = pa.concat_tables(pieces)
    return rows.take(pc.sort_indices(rows.column("row_no"))).combine_chunks().to_batches()[0]


def _once(feed: Feed, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Problem]]:
    """Split off the rows whose key stands in an earlier one.

    A row that repeats another to the letter leaves no doubt, so it holds no account.
    """
    first = _first_of(_keys(feed, rows))
    again = np.flatnonzero(first != np.arange(len(first)))
    if not len(again):
        return rows, []
    texts, numbers = rows.column("row_text"), rows.column("row_no")
    same = np.asarray(pc.equal(texts.take(pa.array(again)), texts.take(pa.array(first[again]))))
    accounts = rows.column("account_id").to_pylist() if feed.of_accounts else [None] * len(rows)
    told = [Problem(numbers[int(row)].as_py(), feed.key[0], "duplicate", None if alike else accounts[row])
            for row, alike in zip(again, same, strict=True)]  # fmt: skip
    return rows.filter(pa.array(first == np.arange(len(first)))), told


def _keys(feed: Feed, rows: pa.RecordBatch) -> pa.Array:
    """Return the key of each row as one text."""
    names = rows.schema.names
    parts = [rows.column(name).cast(pa.string()).fill_null(NOTHING) if name in names else NOTHING
             for name in key_columns(feed)]  # fmt: skip
    return pc.binary_join_element_wise(*parts, "\x1f")


def _first_of(keys: pa.Array) -> NDArray[np.int64]:
    """Return for each row the place of the first row with its key."""
    coded = keys.dictionary_encode()
    own = np.asarray(coded.indices).astype(np.int64)
    _, first = np.unique(own, return_index=True)
    found: NDArray[np.int64] = first[own].astype(np.int64)
    return found
