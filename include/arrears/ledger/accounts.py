"""The accounts feed as a whole: sorted by id, each id once, its rows waiting on disk."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arrears.audit.columns import text_digests
from arrears.core.money import digits_of
from arrears.ledger.register import Register, encode, minor_digits
from arrears.ledger.source import Source
from arrears.ledger.validate import Problem, Rules, check
from arrears.store.shelf import Shelf
from arrears.store.spool import ACCOUNTS_A_RANGE, Spool

EMPTY = pa.schema([("account_id", pa.string()), ("closed_on", pa.date32()), ("row_no", pa.int64()),
                   ("row_sha256", pa.string())])  # fmt: skip


@dataclass
class Accounts:
    """Accepted accounts in the byte order of their ids, with the register made of them."""

    register: Register
    rows: int
    bad: list[Problem]
    shelf: Shelf

    def parts(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the order of the register, ``ACCOUNTS_A_RANGE`` at a time."""
        return iter(self.shelf)


def read_accounts(source: Source, rules: Rules) -> Accounts:
    """Read and check the accounts feed; of two rows with one id the first stands."""
    arrived = _Arrived()
    for valid in check(source, rules):
        arrived.take(valid.rows, valid.count, valid.bad, rules)
    arrived.put_aside(1)
    ids, digits = arrived.column(arrived.ids), arrived.column(arrived.digits).astype(np.int8, copy=False)
    if not len(ids) or bool(np.all(ids[1:] > ids[:-1])):
        return Accounts(Register(ids, digits), arrived.rows, arrived.bad, arrived.shelf)
    numbers = np.concatenate([np.asarray(rows.column("row_no")) for rows in arrived.shelf])
    order = np.lexsort((numbers, ids))
    again = np.append(False, ids[order][1:] == ids[order][:-1])
    twice, first = order[again], order[~again]
    arrived.bad += [Problem(int(numbers[row]), "account_id", arrived.reason(ids, ids[row]), ids[row].decode())
                    for row in twice]  # fmt: skip
    code = np.full(len(ids), -1, dtype=np.int64)
    code[first] = np.arange(len(first))
    return Accounts(Register(ids[first], digits[first]), arrived.rows, arrived.bad, _sorted(arrived.shelf, code))


@dataclass
class _Arrived:
    """The feed while it is read: rows go to disk a range at a time, what they are sorted by stays."""

    shelf: Shelf = field(default_factory=Shelf)
    held: list[pa.RecordBatch] = field(default_factory=list)
    ids: list[NDArray[np.bytes_]] = field(default_factory=list)
    digits: list[NDArray[np.int8]] = field(default_factory=list)
    rows: int = 0
    bad: list[Problem] = field(default_factory=list)
    respelled: list[pa.RecordBatch] = field(default_factory=list)

    def take(self, rows: pa.RecordBatch, count: int, bad: list[Problem], rules: Rules) -> None:
        self.rows += count
        self.bad += bad
        if not rows.num_rows:
            return
        raw = rows.column("account_id_raw")
        other = pc.not_equal(raw, rows.column("account_id"))
        if pc.any(other).as_py():
            self.respelled.append(rows.select(["account_id", "account_id_raw"]).filter(other))
        self.ids.append(encode(rows.column("account_id")))
        self.digits.append(_digits(rows, rules.currency))
        self.held.append(_hashed(rows))
        self.put_aside(ACCOUNTS_A_RANGE)

    def put_aside(self, least: int) -> None:
        """Put what is held on the shelf, a range at a time, while at least so many rows are left."""
        rows = pa.Table.from_batches(self.held) if self.held else pa.table({})
        while rows.num_rows >= least:
            self.shelf.put(_whole(rows.slice(0, ACCOUNTS_A_RANGE)))
            rows = rows.slice(ACCOUNTS_A_RANGE)
        self.held = rows.to_batches()

    def column(self, parts: list[NDArray[np.bytes_]] | list[NDArray[np.int8]]) -> NDArray:  # type: ignore[type-arg] # two kinds of one shape
        """Return the parts as one and let go of each as it is copied: together they are the most a large feed holds."""
        found = np.empty(sum(map(len, parts)), dtype=np.result_type(*parts) if parts else np.bytes_)
        at = len(found)
        while parts:
            part = parts.pop()
            found[at - len(part) : at] = part
            at -= len(part)
        return found

    def reason(self, ids: NDArray[np.bytes_], account_id: np.bytes_) -> str:
        """Tell a plain duplicate from two spellings that became one id."""
        raw: list[str] = []
        for rows in self.respelled:
            same = pc.equal(rows.column("account_id"), account_id.decode())
            raw += rows.column("account_id_raw").filter(same).to_pylist()
        as_it_is = int((ids == account_id).sum()) > len(raw)
        return "id_collision" if len(set(raw)) + as_it_is > 1 else "duplicate"


def _hashed(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Put the hash of each delivered row in the place of its text."""
    kept = rows.drop_columns(["account_id_raw"])
    if "row_text" not in rows.schema.names:
        return kept
    hashes = pa.array(text_digests(rows.column("row_text")), pa.string())
    return kept.drop_columns(["row_text"]).append_column("row_sha256", hashes)


def _sorted(shelf: Shelf, code: NDArray[np.int64]) -> Shelf:
    """Put rows into the order of their codes, a range in memory at a time; -1 is left out."""
    ranged, start = Shelf(), 0
    with Spool() as spool:
        for batch in shelf:
            own = code[start : start + batch.num_rows]
            start += batch.num_rows
            spool.add(batch.append_column("code", pa.array(own)).filter(pa.array(own >= 0)), names=True)
        for number in range(-(-int(code.max(initial=-1) + 1) // ACCOUNTS_A_RANGE)):
            rows = spool.take(number)
            if rows is not None:
                order = pc.sort_indices(rows.column("code"))
                ranged.put(_whole(rows.drop_columns(["code"]).take(order)))
    return ranged


def _whole(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0]


def _digits(rows: pa.RecordBatch, currency: str) -> NDArray[np.int8]:
    if "currency" not in rows.schema.names:
        return np.full(rows.num_rows, digits_of(currency), dtype=np.int8)
    return minor_digits(rows.column("currency"), currency)
