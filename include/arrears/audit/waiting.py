"""The events that wait to be sealed: read in their order, a page ahead of who takes them, and then forgotten."""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, String, and_, bindparam, cast, func, select, tuple_

from arrears.audit.parts import others_can_open
from arrears.audit.span import CHUNK
from arrears.store.bulk import driver_errors, raw_of
from arrears.store.engine import fewer_pages, reading
from arrears.store.tables.audit import audit_pending

Rows = Sequence[tuple[Any, ...]]
"""Waiting events: id, leaf, body, and the columns of the index."""
WORTH_A_THREAD = 20_000
"""Fewer are written sooner than other connections are worth."""
CUTS = (10, 40)
"""Where the parts of the order end, in percent."""
PAGES_KIB = 32_768
"""What a reader keeps in memory, of pages that it reads once, and of what it sorts."""
SAMPLES = 900
"""Events looked at to find out where that is."""
Piece = TypeVar("Piece")
_ENDS = select(
    select(func.min(audit_pending.c.id)).scalar_subquery(), select(func.max(audit_pending.c.id)).scalar_subquery()
)
_GONE = audit_pending.delete().where(audit_pending.c.id.in_(bindparam("ids", expanding=True)))


def in_order(connection: Connection, beside: Sequence[Connection] = ()) -> Generator[Rows, None, None]:
    """Yield the waiting events page by page, as the driver gives them; ``beside`` is what ``readers`` offered."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
        yield from _pages(_opened(connection, _ordered(audit_pending.c.business_date), name="sealing", binary=True))
        return
    query = _ordered(cast(audit_pending.c.business_date, String))
    if not beside:
        yield from _pages(_opened(connection, query))
        return
    parts = [query.where(among) for among in _parts(beside[0])]
    with ThreadPoolExecutor(1) as sorting:
        following = sorting.submit(_opened, beside[0], parts[0])
        for place in range(1, len(parts) + 1):
            cursor = following.result()
            if place < len(parts):
                following = sorting.submit(_opened, beside[place % 2], parts[place])
            yield from _pages(cursor)


def _parts(connection: Connection) -> Iterator[ColumnElement[bool]]:
    """Yield ranges of the order, one behind the other, each larger than the one before.

    Sorting a million takes six seconds, and nothing could be written meanwhile: a tenth is sorted first, and every
    other part while the one before it is read and written. Each part reads the whole table once, so they are few.
    """
    first, last = connection.execute(_ENDS).one()
    some = range(first, last + 1, max((last - first) // SAMPLES, 1))
    place = (audit_pending.c.run_id, audit_pending.c.type, audit_pending.c.natural_key)
    found = sorted(tuple(row) for row in connection.execute(select(*place).where(audit_pending.c.id.in_(some))))
    low, high = (found[len(found) * percent // 100] for percent in CUTS)
    yield tuple_(*place) < low
    yield and_(tuple_(*place) >= low, tuple_(*place) < high)
    yield tuple_(*place) >= high


@contextmanager
def readers(connection: Connection) -> Iterator[Sequence[Connection]]:
    """Offer two connections to read many waiting events with, where they see the same ones; else none.

    A write transaction of SQLite lets nobody else write, so what was committed before it is all there is, unless the
    transaction itself wrote one. Whoever commits ends the reading first, or SQLite could not empty its log.
    """
    first, last = connection.execute(_ENDS).one()
    url = connection.engine.url
    if connection.dialect.name != "sqlite" or not others_can_open(url) or (last or 0) - (first or 0) < WORTH_A_THREAD:
        yield ()
        return
    with reading(connection.engine) as one, reading(connection.engine) as other:
        see_all = [reader.execute(_ENDS).one() == (first, last) for reader in (one, other)]
        with fewer_pages(one, PAGES_KIB), fewer_pages(other, PAGES_KIB):
            yield (one, other) if all(see_all) else ()


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


def _opened(connection: Connection, query: Select[Any], **how: Any) -> Any:
    """Return the driver's cursor at the first row: SQLite has sorted all by then."""
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    cursor = raw_of(connection).cursor(**how)
    with driver_errors(connection, text):
        cursor.execute(text)
    return cursor


def _pages(cursor: Any) -> Generator[Rows, None, None]:
    with closing(cursor):
        while rows := cursor.fetchmany(CHUNK):
            yield rows
