"""Check the events of a log in parts: one after the other, or a big log on several cores at once."""

import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy import URL, Connection, func, select

from arrears.audit.chain import HANDOVERS, Handover
from arrears.audit.log import CHUNK, INDEX_COLUMNS, parse, rows
from arrears.audit.verdict import Tampered
from arrears.store.engine import open_engine, reading
from arrears.store.tables.audit import audit_event

PART = 4 * CHUNK
WORTH_MORE_CORES = 200_000
"""Below so many events a second process takes longer to start than to help."""
MOST_PROCESSES = 4
ERASURE = "erasure.performed"
TELLING = frozenset({ERASURE, *HANDOVERS})
"""Types of events that say something about the log itself."""
_INDEXED = itemgetter(*INDEX_COLUMNS[1:])


@dataclass
class Part:
    """What a range of the log holds, as far as it is sound: small enough to hand from one process to another."""

    start: int
    leaves: list[bytes] = field(default_factory=list)
    details: dict[str, int] = field(default_factory=dict)
    """The commitments to erasable details, with the events that made them."""
    erased: dict[str, int] = field(default_factory=dict)
    """The commitments whose details an erasure among these events names, with that erasure."""
    handovers: list[Handover] = field(default_factory=list)
    """The changes of the signing key among these events."""
    problem: str = ""

    @property
    def stop(self) -> int:
        """Return the number of the first event that is not in it."""
        return self.start + len(self.leaves)

    def take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Compare rows with their number, hash and index columns; stops at the first bad one and says why."""
        hashed = hashlib.sha256
        for seq, row in enumerate(rows, self.stop):
            found, leaf, body = row[:3]
            if found != seq:
                self.problem = f"event {seq} is missing: {found} stands in its place"
                return
            try:
                changed = hashed(b"\x00" + body).digest() != leaf
                event = {} if changed else parse(body)
                expected = () if changed else (seq, *_INDEXED(event))
            except (ValueError, KeyError, TypeError):
                self.problem = f"event {seq} is not an event"
                return
            if changed:
                self.problem = f"event {seq} does not have its hash"
                return
            if row[3:] != expected:
                self.problem = f"the index of event {seq} does not say what the event says"
                return
            if event["type"] in TELLING and not self._listen(seq, event):
                return
            self.leaves.append(leaf)
            if event.get("detail_commit"):
                self.details[event["detail_commit"]] = seq

    def _listen(self, seq: int, event: dict[str, Any]) -> bool:
        try:
            if event["type"] == ERASURE:
                self.erased |= dict.fromkeys(event["data"].get("detail_commits", ()), seq)
            else:
                self.handovers.append(Handover.read(seq, event))
        except Tampered as found:
            self.problem = str(found)
        except (AttributeError, KeyError, TypeError):
            self.problem = f"event {seq} is not an event"
        return not self.problem


def parts(connection: Connection, *, most_processes: int = MOST_PROCESSES) -> Iterator[Part]:
    """Yield the log from its first event on in order, each event compared with its number, hash and index columns.

    Several processes read by their own connections: what they see beyond the caller's moment is not asked for.
    """
    newest = connection.execute(select(func.max(audit_event.c.seq))).scalar()
    size = 0 if newest is None else newest + 1
    ranges = [(start, min(start + PART, size)) for start in range(0, size, PART)]
    processes = min(os.cpu_count() or 1, most_processes)
    if size < WORTH_MORE_CORES or processes < 2 or multiprocessing.current_process().daemon:
        for start, stop in ranges:
            yield _read(connection, start, stop)
        return
    job = partial(_read_by_itself, connection.engine.url)
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(job, ranges)


def _read_by_itself(url: URL, span: tuple[int, int]) -> Part:
    with reading(open_engine(url.render_as_string(hide_password=False))) as connection:
        return _read(connection, *span)


def _read(connection: Connection, start: int, stop: int) -> Part:
    part = Part(start)
    for chunk in rows(connection, start, stop, indexed=True):
        part.take(chunk)
        if part.problem:
            return part
    if part.stop < stop:
        part.problem = f"event {part.stop} is missing"
    return part
