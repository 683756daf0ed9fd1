"""The accounts a ledger row may name: sorted ids with each account's minor digits, looked up a column at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
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
        """Return the code of each id, -1 where the id is unknown or empty."""
        coded = account_ids.dictionary_encode()
        wanted = encode(coded.dictionary)
        place = np.searchsorted(self.ids, wanted)
        known = np.zeros(len(wanted), dtype=bool)
        inside = place < len(self.ids)
        known[inside] = self.ids[place[inside]] == wanted[inside]
        by_word = np.append(np.where(known, place, -1), -1).astype(np.int64)
        return by_word[np.asarray(coded.indices.fill_null(len(wanted))).astype(np.int64)]


def encode(texts: pa.Array) -> NDArray[np.bytes_]:
    """Return ids as fixed-width UTF-8 bytes, whose order is the order of code points."""
    return np.array([text.encode() for text in texts.to_pylist()] or [], dtype=np.bytes_)
