"""Break off a question that would keep a page waiting: one about a whole portfolio may read millions of events."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Select, text
from sqlalchemy.exc import OperationalError

from arrears.store.bulk import raw_of

LOOK_EVERY = 100_000
"""SQLite looks at the time after so many of its own steps: some milliseconds."""


class TookTooLong(Exception):
    """The question was broken off."""


class Patience:
    """So many seconds for all reads of a question together; as long as they need without a number."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else monotonic() + seconds

    def read(self, connection: Connection, query: Select[Any]) -> list[Any]:
        """Return the rows of a query.

        Raises:
            TookTooLong: the time is over, before it or in its midst.
        """
        if self._end is None:
            return list(connection.execute(query))
        with _until(connection, self._end):
            return list(connection.execute(query))


@contextmanager
def _until(connection: Connection, end: float) -> Iterator[None]:
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        raw_of(connection).set_progress_handler(lambda: int(monotonic() > end), LOOK_EVERY)
    else:
        left = max(1, int((end - monotonic()) * 1000))
        connection.execute(text(f"SET LOCAL statement_timeout = {left}"))
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "57014" or "interrupted" in str(error.orig):
            raise TookTooLong from None
        raise
    finally:
        if is_sqlite:
            raw_of(connection).set_progress_handler(None, 0)
