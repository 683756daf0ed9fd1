"""One at a time: whoever does a whole day holds the store's turn, and the database or the kernel gives it back."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from arrears.store.engine import file_of, open_engine

_TURN_LOCK = 4_715_003


@contextmanager
def turn(store_url: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the turn of a store while the block runs; say that we are ``waiting`` when somebody else has it.

    It ends with its process, however that dies, so that nothing stale can block the next one: a record lock beside a
    SQLite file, an advisory lock of a session in PostgreSQL.
    """
    engine, file = open_engine(store_url), file_of(store_url)
    if engine.dialect.name == "postgresql":
        with _session_lock(engine, waiting):
            yield
    elif file is not None:
        with _record_lock(file.with_name(f"{file.name}.turn"), waiting):
            yield
    else:
        yield


@contextmanager
def _record_lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    with path.open("a") as held:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.lockf(held, fcntl.LOCK_EX)
        yield


@contextmanager
def _session_lock(engine: Engine, waiting: Callable[[], None]) -> Iterator[None]:
    number = {"number": _TURN_LOCK}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:number)"), number).scalar():
            waiting()
            connection.execute(text("SELECT pg_advisory_lock(:number)"), number)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)
