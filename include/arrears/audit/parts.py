"""Check the events of a log in parts: one after the other, or a big log on several cores at once."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, func, select

from arrears.audit import span
from arrears.audit.chain import HANDOVERS, Handover
from arrears.audit.log import parse
from arrears.audit.verdict import Tampered, Unsure
from arrears.core.progress import tell
from arrears.store.bulk import driver_errors, raw_of
from arrears.store.tables.audit import audit_event

PART = span.CHUNK
WORTH_MORE_CORES = 50_000
"""Below so many events a second process takes longer to start than to help."""
MOST_PROCESSES = 4
AHEAD = 1 << 20
"""Bytes that a process may have written before they are read: a few parts."""


@dataclass
class Told:
    """What the events of a part say about the log itself."""

    erased: dict[str, int] = field(default_factory=dict)
    """The commitments whose details an erasure names, with that erasure."""
    handovers: list[Handover] = field(default_factory=list)
    """The changes of the signing key."""


def parts(connection: Connection, *, most_processes: int = MOST_PROCESSES) -> Iterator[tuple[span.Part, Told]]:
    """Yield the log from its first event on in order, each event compared with its number, hash and index columns.

    Several processes read by their own connections: what they see beyond the caller's moment is not asked for.

    Raises:
        Unsure: a process could not read the store.
    """
    newest = connection.execute(select(func.max(audit_event.c.seq))).scalar()
    size = 0 if newest is None else newest + 1
    spans = [(start, min(start + PART, size)) for start in range(0, size, PART)]
    processes = min(os.cpu_count() or 1, most_processes)
    url = connection.engine.url
    alone = size < WORTH_MORE_CORES or processes < 2 or not others_can_open(url)
    for part in _read(connection, spans) if alone else _read_by_processes(url, spans, processes):
        if part.failure:
            raise Unsure(f"the store cannot be read: {part.failure}")
        yield part, _listen(part)
        tell(min(part.start + PART, size), size, "events")


def others_can_open(url: URL) -> bool:
    """Say whether another process finds this store by its address: SQLite in memory or with a query is this one's."""
    return url.get_backend_name() != "sqlite" or (url.database not in (None, "", ":memory:") and not url.query)


def _read(connection: Connection, spans: Sequence[tuple[int, int]]) -> Iterator[span.Part]:
    dialect = connection.dialect.name
    cursor = raw_of(connection).cursor(**({"binary": True} if dialect == "postgresql" else {}))

    def fetch(query: str) -> Sequence[tuple[Any, ...]]:
        with driver_errors(connection, query):
            found: Sequence[tuple[Any, ...]] = cursor.execute(query).fetchall()
            return found

    try:
        for start, stop in spans:
            yield span.read(fetch, dialect, start, stop)
    finally:
        cursor.close()


def _read_by_processes(url: URL, spans: Sequence[tuple[int, int]], processes: int) -> Iterator[span.Part]:
    """Deal the spans out in turn, so that what comes back is taken in turn and little of it waits."""
    with ExitStack() as stack:
        started = [stack.enter_context(_start(url, list(spans[place::processes]))) for place in range(processes)]
        try:
            for place in range(len(spans)):
                source = started[place % processes].stdout
                yield span.receive(source) if source else span.Part(0, failure="nothing came")
        finally:
            for process in started:
                process.kill()


def _start(url: URL, spans: list[tuple[int, int]]) -> subprocess.Popen[bytes]:
    dialect = url.get_backend_name()
    address = url.set(drivername=dialect).render_as_string(hide_password=False)
    task = span.Task(dialect, str(url.database) if dialect == "sqlite" else address, spans)
    command = [sys.executable, "-m", span.__name__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pipesize=AHEAD)  # noqa: S603 - fixed words only
    if process.stdin is not None:
        process.stdin.write(msgspec.json.encode(task))
        process.stdin.close()
    return process


def _listen(part: span.Part) -> Told:
    """Read what the events of a part say about the log; the part ends before one that says it badly."""
    told = Told()
    for seq, body in part.telling:
        try:
            event = parse(body)
            if event["type"] in HANDOVERS:
                told.handovers.append(Handover.read(seq, event))
            else:
                told.erased |= dict.fromkeys(event["data"].get("detail_commits", ()), seq)
        except (Tampered, AttributeError, KeyError, TypeError, ValueError) as found:
            part.problem = str(found) if isinstance(found, Tampered) else f"event {seq} is not an event"
            del part.leaves[seq - part.start :]
            break
    return told
