"""Wishes by column: they wait on disk until those of a contact are together, however many a day has."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from operator import attrgetter
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from arrears.audit.columns import hole, row_digests
from arrears.outreach.audience import Person
from arrears.outreach.earlier import EARLIER
from arrears.outreach.wanted import Wanted
from arrears.store.shelf import Shelf
from arrears.store.spool import Spool

PORTION = 16_384
"""Wishes in memory at a time; those of one contact are never divided."""

FIRST_DIGITS = pa.array([f"{number:02x}" for number in range(256)])
"""What the key of a contact may begin with: wishes that share it wait together."""

NUMBERS = ("ordinal", "rung", "stage", "amount_minor", "overdue_instalments", "revision")
OWN = [(name, pa.date32() if name == "due_on" else pa.int64() if name in NUMBERS else pa.string())
       for name in Wanted._fields if name != "person"]  # fmt: skip
PERSONAL = ("party_id", "language", "preferred_time", "dialect")
SCHEMA = pa.schema([*OWN, *((name, pa.string()) for name in (*PERSONAL, "zones", "item_key", "contact_id")),
                    ("is_kept", pa.bool_()), ("is_dropped", pa.bool_())])  # fmt: skip
ITEM_KEY = ("account_id", "occasion", "step", "channel", "party_id", "ordinal")


def rows_of(wishes: Sequence[Wanted], day: date) -> dict[str, pa.Array]:
    """Return wishes by column, with the key of the item that each will be and that of its contact."""
    columns = {name: pa.array(list(map(attrgetter(name), wishes)), kind) for name, kind in OWN}
    people = [wish.person for wish in wishes]
    columns |= {name: pa.array(list(map(attrgetter(name), people)), pa.string()) for name in PERSONAL}
    columns["zones"] = pa.array([" ".join(person.zones) for person in people], pa.string())
    parts = {name: columns[name].cast(pa.string()) for name in ITEM_KEY}
    columns["item_key"] = row_digests([hole(name) for name in ITEM_KEY], parts)
    columns["contact_id"] = row_digests([hole("party_id"), hole("channel"), day.isoformat()], parts)
    return columns


def wishes_of(rows: pa.RecordBatch) -> list[Wanted]:
    """Return rows as wishes again; of a person what a contact with them needs."""
    own = (rows.column(name).to_pylist() for name, _ in OWN)
    party_ids, languages, times, dialects = (rows.column(name).to_pylist() for name in PERSONAL)
    zones = map(_zones, rows.column("zones").to_pylist())
    people = (Person(*one, {}) for one in zip(party_ids, languages, zones, times, dialects, strict=True))
    return [Wanted(*one) for one in zip(*own, people, strict=True)]


@lru_cache(maxsize=1024)
def _zones(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True)
class Portion:
    """The wishes for some contacts, each contact's whole, and what earlier runs of the day planned of these."""

    wishes: pa.RecordBatch
    earlier: pa.RecordBatch

    @cached_property
    def _states(self) -> pa.Array:
        """Return the state of each wish's contact where an earlier run planned it."""
        places = pc.index_in(self.wishes.column("contact_id"), self.earlier.column("contact_id"))
        return self.earlier.column("state").take(places)

    def _unplanned(self, among: pa.Array) -> pa.RecordBatch:
        return self.wishes.filter(pc.and_(pc.invert(self.wishes.column("is_kept")), among))

    def new(self) -> pa.RecordBatch:
        """Return the wishes for contacts that are not there yet."""
        return self._unplanned(pc.is_null(self._states))

    def absorbed(self) -> pa.RecordBatch:
        """Return the new wishes that a contact can still take."""
        return self._unplanned(self._is("planned"))

    def wanted_again(self) -> pa.RecordBatch:
        """Return the wishes that a correction took back and that a contact can still take."""
        return self.wishes.filter(pc.and_(self.wishes.column("is_dropped"), self._is("planned")))

    def too_late(self) -> tuple[pa.RecordBatch, list[str]]:
        """Return the wishes without an item whose contact left or ended today, and the states of these contacts."""
        ended = pc.not_equal(self._states, "planned").fill_null(False)
        stands = pc.and_not(self.wishes.column("is_kept"), self.wishes.column("is_dropped"))
        late = pc.and_(pc.invert(stands), ended)
        return self.wishes.filter(late), self._states.filter(late).to_pylist()

    def _is(self, state: str) -> pa.Array:
        return pc.equal(self._states, state).fill_null(False)

    def kept(self) -> pa.RecordBatch:
        """Return the wishes whose item an earlier run of the day planned."""
        return self.wishes.filter(self.wishes.column("is_kept"))

    def items(self, states: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Return the items that stand on contacts in these states with the wish for each, where the two differ."""
        here = pc.is_in(self.earlier.column("state"), pa.array(states, pa.string()))
        there = self.earlier.filter(pc.and_(here, pc.is_valid(self.earlier.column("item_key"))))
        kept = self.kept()
        wish = kept.take(pc.index_in(there.column("item_key"), kept.column("item_key")))
        said = ((_comparable(one.column("amount_minor")), _comparable(one.column("due_on"))) for one in (there, wish))
        alike = [pc.equal(before, now) for before, now in zip(*said, strict=True)]
        other = pc.or_(pc.is_null(wish.column("item_key")), pc.invert(pc.and_(*alike)))
        wished = [row if row["item_key"] else None for row in wish.filter(other).to_pylist()]
        return list(zip(there.filter(other).to_pylist(), wished, strict=True))


def _comparable(values: pa.Array) -> pa.Array:
    """Return amounts or days with nothing as a number that neither is."""
    whole = values.cast(pa.int32()) if pa.types.is_date32(values.type) else values
    return whole.cast(pa.int64()).fill_null(-(1 << 40))


class Waiting:
    """Wishes of a day, and what earlier runs planned of it, while those of a contact are brought together."""

    def __init__(self) -> None:
        """Start empty."""
        self._wishes, self._earlier = Spool(width=1), Spool(width=1)
        self._portions: tuple[Shelf, Shelf] = Shelf(), Shelf()

    def __enter__(self) -> "Waiting":
        """Use what waits."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what waits on disk."""
        with ExitStack() as spools:
            spools.push(self._earlier.__exit__)
            spools.push(self._wishes.__exit__)

    def add(self, wishes: pa.RecordBatch) -> None:
        """Take in wishes as ``rows_of`` gives them, with ``is_kept``: whether an earlier run of the day planned it."""
        self._wishes.add(_placed(wishes), names=True)

    def add_earlier(self, rows: pa.RecordBatch) -> None:
        """Take in contacts that earlier runs planned, with their items."""
        self._earlier.add(_placed(rows), names=True)

    def bring_together(self) -> Iterator[Portion]:
        """Yield all portions for the first time, in the order of the keys of their contacts."""
        wishes, earlier = [SCHEMA.empty_table()], [EARLIER.empty_table()]
        for number in range(len(FIRST_DIGITS)):
            wishes += _taken(self._wishes, number)
            earlier += _taken(self._earlier, number)
            is_full = max(sum(map(len, wishes)), sum(map(len, earlier))) >= PORTION
            if is_full or number == len(FIRST_DIGITS) - 1:
                yield self._keep(Portion(_whole(wishes), _whole(earlier)))
                wishes, earlier = wishes[:1], earlier[:1]

    def _keep(self, portion: Portion) -> Portion:
        for shelf, rows in zip(self._portions, (portion.wishes, portion.earlier), strict=True):
            shelf.put(rows)
        return portion

    def portions(self) -> Iterator[Portion]:
        """Yield all portions once more."""
        wishes, earlier = self._portions
        return (Portion(wishes.take(number), earlier.take(number)) for number in range(len(wishes)))


def _placed(rows: pa.RecordBatch) -> pa.RecordBatch:
    first = pc.utf8_slice_codeunits(rows.column("contact_id"), 0, 2)
    return rows.append_column("code", pc.index_in(first, FIRST_DIGITS).cast(pa.int64()))


def _taken(spool: Spool, number: int) -> list[pa.Table]:
    rows = spool.take(number)
    return [] if rows is None else [rows.drop_columns(["code"])]


def _whole(tables: Sequence[pa.Table]) -> pa.RecordBatch:
    rows = pa.concat_tables(tables).combine_chunks()
    return rows.to_batches()[0] if len(rows) else pa.RecordBatch.from_pylist([], schema=rows.schema)
