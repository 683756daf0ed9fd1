"""Move waiting events behind the log in their order: each is read once, hashed, written, and no longer waits."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, String, bindparam, cast, select

from arrears.audit.merkle import Frontier
from arrears.audit.span import CHUNK, COLUMNS
from arrears.core.errors import Finding
from arrears.store.bulk import driver_errors, insert_tuples, raw_of
from arrears.store.tables.audit import audit_event, audit_event_index, audit_node, audit_pending

Rows = Sequence[tuple[Any, ...]]
"""Waiting events: id, leaf, body, and the columns of the index."""


def move(connection: Connection, frontier: Frontier) -> str:
    """Move what waits behind the log that ends at this frontier, let the frontier grow, return the run of the last.

    An event that arrives meanwhile waits for the next seal.

    Raises:
        Finding: an event was changed while it waited.
    """
    run_id = ""
    with _bytes_left_lying(connection):
        for rows in _take(connection):
            size = frontier.size
            _check(rows, size)
            events = [(seq, row[1], row[2]) for seq, row in enumerate(rows, size)]
            insert_tuples(connection, audit_event, ("seq", "leaf", "body"), events)
            index = [(seq, *row[3:]) for seq, row in enumerate(rows, size)]
            insert_tuples(connection, audit_event_index, ("seq", *COLUMNS), index)
            frontier.extend([row[1] for row in rows])
            _keep_tiles(connection, frontier)
            run_id = rows[-1][3]
    return run_id


def _check(rows: Rows, size: int) -> None:
    hashed = hashlib.sha256
    for seq, row in enumerate(rows, size):
        if hashed(b"\x00" + row[2]).digest() != row[1]:
            raise Finding(f"a waiting event was changed after it was written: not sealed (it would be {seq})")


def _keep_tiles(connection: Connection, frontier: Frontier) -> None:
    tiles = [{"height": height, "position": position, "hash": node} for height, position, node in frontier.tiles]
    if tiles:
        connection.execute(audit_node.insert(), tiles)
        frontier.tiles.clear()


def _in_order(day: Any) -> Select[Any]:
    """Run, type, natural key decide the order, never the arrival; the id breaks ties between equal bytes only."""
    waiting = audit_pending.c
    columns = (waiting.run_id, waiting.type, waiting.natural_key, waiting.subject_ref, waiting.action_id, waiting.at)
    order = (waiting.run_id, waiting.type, waiting.natural_key, waiting.at, waiting.leaf, waiting.id)
    return select(waiting.id, waiting.leaf, waiting.body, *columns, day).order_by(*order)


def _take(connection: Connection) -> Iterator[Rows]:
    """Yield the waiting events in their order, as the driver gives them, and delete those that were yielded."""
    if connection.dialect.name == "sqlite":
        yield from _pages(connection, _in_order(cast(audit_pending.c.business_date, String)))
        connection.execute(audit_pending.delete())  # a write transaction of SQLite lets nothing else arrive
        return
    connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
    gone = audit_pending.delete().where(audit_pending.c.id.in_(bindparam("ids", expanding=True)))
    for rows in _pages(connection, _in_order(audit_pending.c.business_date), name="sealing", binary=True):
        yield rows
        connection.execute(gone, {"ids": [row[0] for row in rows]})


def _pages(connection: Connection, query: Select[Any], **how: Any) -> Iterator[Rows]:
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    cursor = raw_of(connection).cursor(**how)
    try:
        with driver_errors(connection, text):
            cursor.execute(text)
        while rows := cursor.fetchmany(CHUNK):
            yield rows
    finally:
        cursor.close()


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
