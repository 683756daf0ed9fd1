"""The accounts a ledger row may name: sorted ids with each account's minor digits, looked up a column at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from arrears.core.money import digits_of
from arrears.store.account_range import in_byte_order
from arrears.store.columns import fetch
from arrears.store.tables.feeds import account

STORED = pa.schema([("account_id", pa.string()), ("currency", pa.string())])


@dataclass(frozen=True)
class Register:
    """Accounts in the byte order of their ids; an account's place in it is its code."""

    ids: NDArray[np.bytes_]
    digits: NDArray[np.int8]

    @classmethod
    def of(cls, account_ids: Sequence[str], digits: Sequence[int] | NDArray[np.int8]) -> "Register":
        """Build a register; the ids are distinct, in any order."""
        ids = encode(pa.array(account_ids, pa.string()))
        order = np.argsort(ids, kind="stable")
        return cls(ids[order], np.asarray(digits, dtype=np.int8)[order])

    def codes(self, account_ids: pa.Array) -> NDArray[np.int64]:
        """Return the code of each id, -1 where the id is unknown or empty.

        Only the part of the register between the smallest and the largest id is searched: a file in the order of its
        accounts meets a short one.
        """
        ends = pc.min_max(account_ids).as_py()
        if ends["min"] is None or not len(self.ids):
            return np.full(len(account_ids), -1, dtype=np.int64)
        first = int(np.searchsorted(self.ids, ends["min"].encode(), "left"))
        last = int(np.searchsorted(self.ids, ends["max"].encode(), "right"))
        among = pa.array(self.ids[first:last], pa.binary())
        found = pc.index_in(account_ids.cast(pa.binary()), among, skip_nulls=True)
        return np.asarray(found.cast(pa.int64()).fill_null(-1 - first)).astype(np.int64) + first


def register_of(connection: Connection) -> Register:
    """Return the accounts of the store."""
    ids, digits = [np.zeros(0, dtype=np.bytes_)], [np.zeros(0, dtype=np.int8)]
    query = select(account.c.account_id, account.c.currency)
    for rows in fetch(connection, query.order_by(in_byte_order(connection, account.c.account_id)), STORED):
        ids.append(encode(rows.column("account_id")))
        digits.append(minor_digits(rows.column("currency")))
    return Register(np.concatenate(ids), np.concatenate(digits))


def minor_digits(currencies: pa.Array, usual: str = "") -> NDArray[np.int8]:
    """Return the minor digits of each currency; ``usual`` is meant where none stands."""
    coded = pc.dictionary_encode(currencies)
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    table = [digits_of(word) for word in coded.dictionary.to_pylist()]
    if coded.null_count:
        table.append(digits_of(usual))
    return np.array(table, dtype=np.int8)[np.asarray(coded.indices.fill_null(len(table) - 1)).astype(np.int64)]


def encode(texts: pa.Array) -> NDArray[np.bytes_]:
    """Return ids as fixed-width UTF-8 bytes, whose order is the order of code points."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    lengths = np.asarray(pc.binary_length(texts).fill_null(0)).astype(np.int64)
    width = int(lengths.max(initial=0))
    if not width:
        return np.zeros(len(texts), dtype=np.bytes_)
    ends = np.cumsum(lengths)
    start = int(np.frombuffer(texts.buffers()[1], dtype="<i4")[texts.offset])
    letters = np.frombuffer(texts.buffers()[2], dtype=np.uint8)[start : start + int(ends[-1])]
    filled = np.zeros((len(texts), width), dtype=np.uint8)
    filled[np.arange(width) < lengths[:, None]] = letters
    return filled.reshape(-1).view(f"S{width}")


def decode(ids: NDArray[np.bytes_]) -> pa.Array:
    """Return the texts that ``encode`` turned into bytes."""
    return pa.array(ids, pa.binary()).cast(pa.string())
