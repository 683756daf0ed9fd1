"""The accounts a ledger row may name: sorted ids with each account's minor digits, looked up a column at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


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
