"""The events that wait to be sealed: read in their order, a page ahead of who takes them, and then forgotten."""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, String, bindparam, cast, func, select

from arrears.audit.parts import others_can_open
from arrears.audit.span import CHUNK
from arrears.store.bulk import driver_errors, raw_of
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_pending

Rows = Sequence[tuple[Any, ...]]
"""Waiting events: id, leaf, body, and the columns of the index."""
WORTH_A_THREAD = 20_000
"""Fewer are written sooner than a second connection is worth."""
Piece = TypeVar("Piece")
_ENDS = select(
    select(func.min(audit_pending.c.id)).scalar_subquery(), select(func.max(audit_pending.c.id)).scalar_subquery()
)
_GONE = audit_pending.delete().where(audit_pending.c.id.in_(bindparam("ids", expanding=True)))


def in_order(connection: Connection) -> Generator[Rows, None, None]:
    """Yield the waiting events page by page, as the driver gives them."""
    if connection.dialect.name == "sqlite":
        yield from _pages(connection, _ordered(cast(audit_pending.c.business_date, String)))
        return
    connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
    yield from _pages(connection, _ordered(audit_pending.c.business_date), name="sealing", binary=True)


@contextmanager
def reader(connection: Connection) -> Iterator[Connection | None]:
    """Offer a connection of its own to read many waiting events with, where it sees the same ones; else None.

    A write transaction of SQLite lets nobody else write, so what was committed before it is all there is, unless the
    transaction itself wrote one. Whoever commits ends the reading first, or SQLite could not empty its log.
    """
    first, last = connection.execute(_ENDS).one()
    url = connection.engine.url
    if connection.dialect.name != "sqlite" or not others_can_open(url) or (last or 0) - (first or 0) < WORTH_A_THREAD:
        yield None
        return
    with reading(connection.engine) as other:
        other.exec_driver_sql("PRAGMA threads=1")  # one more core for the sort
        yield other if other.execute(_ENDS).one() == (first, last) else None


def ahead(pieces: Generator[Piece, None, None]) -> Generator[Piece, None, None]:
    """Yield the pieces in their order while a thread already makes the next one; its failure is raised here."""
    with closing(pieces), ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, pieces, None)
        while (piece := following.result()) is not None:
            following = thread.submit(next, pieces, None)
            yield piece


def forget(connection: Connection, ids: Sequence[int]) -> int:
    """Delete what was read of PostgreSQL's, where others arrive meanwhile; return how many there were."""
    return 0 if connection.dialect.name == "sqlite" else connection.execute(_GONE, {"ids": list(ids)}).rowcount


def forget_rest(connection: Connection) -> int:
    """Delete all that waits on SQLite, whose write transaction lets nothing arrive; return how many there were."""
    return connection.execute(audit_pending.delete()).rowcount if connection.dialect.name == "sqlite" else 0


def _ordered(day: Any) -> Select[Any]:
    """Run, type, natural key decide the order, never the arrival; the id breaks ties between equal bytes only."""
    waiting = audit_pending.c
    columns = (waiting.run_id, waiting.type, waiting.natural_key, waiting.subject_ref, waiting.action_id, waiting.at)
    order = (waiting.run_id, waiting.type, waiting.natural_key, waiting.at, waiting.leaf, waiting.id)
    return select(waiting.id, waiting.leaf, waiting.body, *columns, day).order_by(*order)


def _pages(connection: Connection, query: Select[Any], **how: Any) -> Generator[Rows, None, None]:
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    cursor = raw_of(connection).cursor(**how)
    try:
        with driver_errors(connection, text):
            cursor.execute(text)
        while rows := cursor.fetchmany(CHUNK):
            yield rows
    finally:
        cursor.close()
