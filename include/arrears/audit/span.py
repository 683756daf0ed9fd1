"""Compare events of the log with their number, hash and index columns: ``python -m arrears.audit.span`` for a process.

Nothing heavy is imported here: a process of its own must begin to read at once.
"""

import hashlib
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from operator import attrgetter
from typing import IO, Any

import msgspec

CHUNK = 5_000
COLUMNS = ("run_id", "type", "key", "subject_ref", "action_id", "at", "business_date")
"""The fields of an event that the index repeats, in the order in which they are read."""
TELLING = frozenset({"erasure.performed", "key.rotated", "key.replaced"})
"""Types of events that say something about the log itself."""

_SELECT = (
    "SELECT e.seq, e.leaf, e.body, i.seq, i.run_id, i.type, i.key, i.subject_ref, i.action_id, i.at, {day} "
    "FROM audit_event e LEFT JOIN audit_event_index i ON i.seq = e.seq AND i.seq >= {start:d} AND i.seq < {stop:d} "
    "WHERE e.seq >= {start:d} AND e.seq < {stop:d} ORDER BY e.seq LIMIT {count:d}"
)
_DAY = {"sqlite": "i.business_date", "postgresql": "CAST(i.business_date AS text)"}

Fetch = Callable[[str], Sequence[tuple[Any, ...]]]
"""Returns the rows of a query, as the driver gives them."""


class Indexed(msgspec.Struct, gc=False):
    """What is read of every event: as its bytes say it, the rest skipped."""

    run_id: str | None
    type: str | None
    key: str | None
    subject_ref: str | None
    action_id: str | None
    at: str | None
    business_date: str | None
    detail_commit: str | None = None


_read = msgspec.json.Decoder(Indexed).decode
_indexed = attrgetter(*COLUMNS)


class Part(msgspec.Struct):
    """What a range of the log holds, as far as it is sound: small enough to hand from one process to another."""

    start: int
    leaves: list[bytes] = []
    details: dict[str, int] = {}
    """The commitments to erasable details, with the events that made them."""
    telling: list[tuple[int, bytes]] = []
    """The events among these that say something about the log itself."""
    problem: str = ""
    failure: str = ""
    """Why nothing can be said: the store could not be read."""

    @property
    def stop(self) -> int:
        """Return the number of the first event that is not in it."""
        return self.start + len(self.leaves)

    def take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Compare rows with their number, hash and index columns; stops at the first bad one and says why."""
        hashed, leaves = hashlib.sha256, self.leaves
        for seq, row in enumerate(rows, self.stop):
            found, leaf, body = row[:3]
            if found != seq:
                self.problem = f"event {seq} is missing: {found} stands in its place"
                return
            try:
                event = _read(body) if hashed(b"\x00" + body).digest() == leaf else None
            except (TypeError, ValueError, msgspec.DecodeError):
                self.problem = f"event {seq} is not an event"
                return
            if event is None:
                self.problem = f"event {seq} does not have its hash"
                return
            if row[3:] != (seq, *_indexed(event)):
                self.problem = f"the index of event {seq} does not say what the event says"
                return
            leaves.append(leaf)
            if event.type in TELLING:
                self.telling.append((seq, body))
            if event.detail_commit:
                self.details[event.detail_commit] = seq


def read(fetch: Fetch, dialect: str, start: int, stop: int) -> Part:
    """Read the events ``[start, stop)`` and compare each; gaps are found."""
    part = Part(start)
    while part.stop < stop and not part.problem:
        query = _SELECT.format(day=_DAY[dialect], start=part.stop, stop=stop, count=CHUNK)
        rows = fetch(query)
        if not rows:
            part.problem = f"event {part.stop} is missing"
        part.take(rows)
    return part


class Task(msgspec.Struct):
    """What a process is to read, given to it on its standard input: an address may hold a password."""

    dialect: str
    address: str
    """A file, or a PostgreSQL address."""
    spans: list[tuple[int, int]]


def work(task: Task, out: IO[bytes]) -> None:
    """Write one part for each span, in their order, each behind its length."""
    with closing(_connect(task)) as connection:
        cursor = connection.cursor(**({"binary": True} if task.dialect == "postgresql" else {}))

        def fetch(query: str) -> Sequence[tuple[Any, ...]]:
            found: Sequence[tuple[Any, ...]] = cursor.execute(query).fetchall()
            return found

        for start, stop in task.spans:
            _send(out, read(fetch, task.dialect, start, stop))


def receive(source: IO[bytes]) -> Part:
    """Return the next part that a process wrote."""
    length = int.from_bytes(source.read(8), "big")
    found = source.read(length)
    if not length or len(found) < length:
        return Part(0, failure="a process that read it ended")
    return msgspec.msgpack.decode(found, type=Part)


def _send(out: IO[bytes], part: Part) -> None:
    written = msgspec.msgpack.encode(part)
    out.write(len(written).to_bytes(8, "big") + written)
    out.flush()


def _connect(task: Task) -> Any:
    if task.dialect == "sqlite":
        import sqlite3

        return sqlite3.connect(task.address, timeout=60, isolation_level=None)
    import psycopg

    return psycopg.connect(task.address, autocommit=True)


def main() -> None:
    """Do the task on the standard input; a store that cannot be read is said, never taken for a change."""
    try:
        work(msgspec.json.decode(sys.stdin.buffer.read(), type=Task), sys.stdout.buffer)
    except BrokenPipeError:
        return
    except Exception as reason:
        _send(sys.stdout.buffer, Part(0, failure=str(reason) or type(reason).__name__))


if __name__ == "__main__":
    main()
