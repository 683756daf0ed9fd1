"""One engine per store: SQLite in WAL mode or PostgreSQL, values never shown in errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from arrears.core.errors import BadArguments

BUSY_SECONDS = 60
SQLITE_PRAGMAS = (
    "page_size=16384",  # of a new file: an event fills a quarter of SQLite's usual page
    "cache_size=-65536",  # KiB, the most one connection takes; the usual two megabytes thrash an index
    "journal_mode=WAL",
    "journal_size_limit=67108864",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
)


@lru_cache(maxsize=8)
def open_engine(store_url: str) -> Engine:
    """Return the engine of a store; a folder for a SQLite file is made when missing.

    Raises:
        BadArguments: the URL is neither SQLite nor PostgreSQL.
    """
    try:
        url = make_url(store_url)
    except ArgumentError:
        raise BadArguments("ARREARS_STORE_URL cannot be read: use sqlite:///… or postgresql+psycopg://…") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if backend in ("postgresql", "postgres"):  # the latter is how Airflow writes its connections
        engine = create_engine(url.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    raise BadArguments(f"ARREARS_STORE_URL uses {backend}: the store is SQLite or PostgreSQL")


def shown_url(store_url: str) -> str:
    """Return a store's address for people: without login, password and options."""
    try:
        url = make_url(store_url)
    except ArgumentError:
        return "of ARREARS_STORE_URL"
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def file_of(store_url: str) -> Path | None:
    """Return the file of a SQLite store; None for any other store."""
    try:
        url = make_url(store_url)
    except ArgumentError:
        return None
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file and not url.query else None


@lru_cache(maxsize=8)
def open_to_read(file: Path) -> Engine:
    """Return the engine of a SQLite file that this user may only read.

    SQLite cannot open a file in WAL mode where it may not make files beside it, unless told that nobody changes it:
    that is so when no log of writes lies there.
    """
    log = file.with_name(f"{file.name}-wal")
    still = not (log.exists() and log.stat().st_size)
    query = {"uri": "true", **({"immutable": "1"} if still else {"mode": "ro"})}
    url = URL.create("sqlite", database=f"file:{quote(str(file))}", query=query)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_reading)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_reading(raw: Any, _record: object) -> None:
    raw.isolation_level = None
    raw.execute("PRAGMA query_only=ON")


def _prepare_sqlite(raw: Any, _record: object) -> None:
    raw.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    cursor = raw.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgresql(raw: Any, _record: object) -> None:
    """To compile a question costs PostgreSQL more than it saves: ours take seconds at most."""
    with raw.cursor() as cursor:
        cursor.execute("SET jit = off")
    raw.commit()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("arrears_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one write transaction: committed at the end, rolled back on any error."""
    with engine.connect().execution_options(arrears_write=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open one consistent read."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def reading_widely(engine: Engine) -> Iterator[Connection]:
    """Open one consistent read of a whole portfolio: PostgreSQL may take memory for it, and has most pages at hand."""
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
            connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")
        yield connection


def forget_pages(engine: Engine) -> None:
    """Let go of the pages that SQLite keeps in memory: a long pass over a store reads each of them once."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA shrink_memory")


@contextmanager
def fewer_pages(connection: Connection, most_kib: int) -> Iterator[None]:
    """Let a SQLite connection keep no more than so much in memory for a while, and then as much as before."""
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size=-{int(most_kib)}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size={int(before)}")


def forget_log(engine: Engine) -> None:
    """Empty SQLite's write-ahead log into its file, so that what was overwritten there is nowhere."""
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()
