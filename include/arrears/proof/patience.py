"""Break off a question that would keep a page waiting: one about a whole portfolio may read millions of events."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from arrears.store.bulk import raw_of

LOOK_EVERY = 100_000
"""SQLite looks at the time after so many of its own steps: some milliseconds."""


class TookTooLong(Exception):
    """The question was broken off."""


@contextmanager
def within(connection: Connection, seconds: float | None) -> Iterator[None]:
    """Let the reads of a transaction take so long; without ``seconds`` as long as they need.

    Raises:
        TookTooLong: they took longer and were broken off.
    """
    if seconds is None:
        yield
        return
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        end = monotonic() + seconds
        raw_of(connection).set_progress_handler(lambda: int(monotonic() > end), LOOK_EVERY)
    else:
        connection.execute(text(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}"))
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "57014" or "interrupted" in str(error.orig):
            raise TookTooLong from None
        raise
    finally:
        if is_sqlite:
            raw_of(connection).set_progress_handler(None, 0)
