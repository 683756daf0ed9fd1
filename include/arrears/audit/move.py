"""Move waiting events behind the log in their order: each is read once, hashed, written, and no longer waits."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from arrears.audit.merkle import Frontier
from arrears.audit.span import COLUMNS
from arrears.audit.waiting import Rows, ahead, forget, forget_rest, in_order, readers
from arrears.core.errors import Finding
from arrears.store.bulk import insert_tuples
from arrears.store.tables.audit import audit_event, audit_event_index, audit_node

_GUARDS = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    " AND name IN ('audit_event_no_gap', 'audit_event_index_no_replace')"
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some events as they will stand in the log: checked, numbered, and in the tree."""

    ids: list[int]
    events: list[tuple[Any, ...]]
    index: list[tuple[Any, ...]]
    nodes: list[dict[str, Any]]

    @property
    def run_id(self) -> str:
        """Return the run of the last."""
        return str(self.index[-1][1])


def move(connection: Connection, frontier: Frontier) -> str:
    """Move what waits behind the log that ends at this frontier, let the frontier grow, return the run of the last.

    An event that arrives meanwhile waits for the next seal. Where many wait on SQLite, threads sort, read and hash
    the next ones while these are written: all writing is done here, in the one transaction.

    Raises:
        Finding: an event was changed while it waited.
    """
    run_id, before, gone = "", frontier.size, 0
    with _bytes_left_lying(connection):
        with readers(connection) as beside, _row_guards_aside(connection, are_many=bool(beside)):
            pieces = _pieces(in_order(connection, beside), frontier)
            with closing(ahead(pieces) if beside else pieces) as ready:
                for piece in ready:
                    _write(connection, piece)
                    gone += forget(connection, piece.ids)
                    run_id = piece.run_id
        gone += forget_rest(connection)
    if gone != frontier.size - before:
        raise Finding(f"{frontier.size - before} events were read, but {gone} waited: nothing sealed")
    return run_id


def _pieces(pages: Generator[Rows, None, None], frontier: Frontier) -> Generator[_Piece, None, None]:
    with closing(pages):
        for rows in pages:
            size = frontier.size
            _check(rows, size)
            frontier.extend([row[1] for row in rows])
            yield _Piece(
                [row[0] for row in rows],
                [(seq, row[1], row[2]) for seq, row in enumerate(rows, size)],
                [(seq, *row[3:]) for seq, row in enumerate(rows, size)],
                [{"height": height, "position": position, "hash": node} for height, position, node in frontier.tiles],
            )
            frontier.tiles.clear()


def _check(rows: Rows, size: int) -> None:
    hashed = hashlib.sha256
    for seq, row in enumerate(rows, size):
        if hashed(b"\x00" + row[2]).digest() != row[1]:
            raise Finding(f"a waiting event was changed after it was written: not sealed (it would be {seq})")


def _write(connection: Connection, piece: _Piece) -> None:
    insert_tuples(connection, audit_event, ("seq", "leaf", "body"), piece.events)
    insert_tuples(connection, audit_event_index, ("seq", *COLUMNS), piece.index)
    if piece.nodes:
        connection.execute(audit_node.insert(), piece.nodes)


@contextmanager
def _bytes_left_lying(connection: Connection) -> Iterator[None]:
    """Let SQLite free the pages of what waited without overwriting them: the same bytes now stand in the log."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA secure_delete").scalar_one()
    connection.exec_driver_sql("PRAGMA secure_delete=FAST")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA secure_delete={int(before)}")


@contextmanager
def _row_guards_aside(connection: Connection, *, are_many: bool) -> Iterator[None]:
    """Write many events without SQLite's guards of single inserts, and put these back in the same transaction.

    A guard costs a microsecond a row whatever it asks, two of five. Until the commit nobody else can write, afterwards
    all guards stand as before; here plain inserts refuse a number that is taken, and the tree proves that none is
    missing. A crash leaves the guards where they were.
    """
    found = connection.exec_driver_sql(_GUARDS).all() if are_many else []
    for name, _ in found:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, statement in found:
        connection.exec_driver_sql(statement)
