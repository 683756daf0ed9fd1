"""SQL: one SELECT on the ledger's own database, read-only, streamed, hashed by what it returned."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, CursorResult, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from arrears.core.errors import BadArguments, BadInput, TemporaryFailure
from arrears.ledger.catalogue import Feed
from arrears.ledger.mapping import Dialect
from arrears.ledger.source import BATCH_ROWS, Rows, Source, match_header
from arrears.store.shelf import Shelf

BYTES = (bytes, bytearray, memoryview)
_SELECT = re.compile(r"\s*(?:--[^\n]*\n\s*)*(select|with)\b", re.IGNORECASE)


def open_sql(path: Path, feed: Feed, dialect: Dialect, ledger_url: str | None, business_date: date) -> Source:
    """Run the one SELECT of a ``.sql`` file on the ledger's database; ``:business_date`` may stand in it.

    The hash is over the rows the database returned, not over the query's text, so new data is a new delivery.

    Raises:
        BadArguments: no ledger URL is set, or the file is missing.
        BadInput: not exactly one SELECT, a bad header, or floats.
        TemporaryFailure: the database did not answer.
    """
    query = _read_query(path)
    if not ledger_url:
        raise BadArguments(f"{path.name}: set ARREARS_LEDGER_URL to the database it is to be run on")
    try:
        engine = create_engine(ledger_url, hide_parameters=True)
        try:
            with engine.connect().execution_options(stream_results=True, yield_per=BATCH_ROWS) as connection:
                _only_read(connection)
                given = {"business_date": business_date.isoformat()} if ":business_date" in query else {}
                return _fetch(path.name, connection.execute(text(query), given), feed, dialect)
        finally:
            engine.dispose()
    except DBAPIError as error:
        raise TemporaryFailure(f"{path.name}: the ledger's database refused it ({type(error.orig).__name__})") from None
    except (SQLAlchemyError, ImportError) as error:
        raise BadArguments(f"{path.name}: ARREARS_LEDGER_URL cannot be used ({type(error).__name__})") from None


def _read_query(path: Path) -> str:
    if not path.exists():
        raise BadArguments(f"{path}: no such file")
    try:
        query = path.read_text(encoding="utf-8").strip().removesuffix(";")
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"{path.name}: not readable as UTF-8") from None
    if not _SELECT.match(query) or ";" in query:
        raise BadInput(f"{path.name}: write exactly one SELECT")
    return query


def _only_read(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _fetch(name: str, result: CursorResult[Any], feed: Feed, dialect: Dialect) -> Source:
    header = list(result.keys())
    columns = match_header(header, feed, dialect, name)
    digest = hashlib.sha256("\x1f".join(header).encode())
    shelf = Shelf()  # the hash tells whether the rows are news, so all must have come before the first is looked at
    exact = {cell for cell, column in columns.items() if feed.field(column).kind != "degrees"}
    places = [header.index(cell) for cell in columns]
    row_no = 1
    for part in result.partitions(BATCH_ROWS):
        texts = [_texts(name, number, header, row, exact) for number, row in enumerate(part, start=row_no + 1)]
        for line in texts:
            digest.update(b"\x1e" + "\x1f".join(line).encode())
        arrays = [pa.array([line[place] for line in texts], pa.string()) for place in places]
        shelf.put(pa.RecordBatch.from_arrays(arrays, names=list(columns.values())))
        row_no += len(texts)
    unknown = tuple(cell for cell in header if cell not in columns)
    return Source(feed, name, digest.hexdigest(), columns, unknown, lambda: _numbered(shelf))


def _numbered(batches: Iterable[pa.RecordBatch]) -> Iterator[Rows]:
    seen = 1
    for batch in batches:
        yield Rows(np.arange(seen + 1, seen + 1 + batch.num_rows), batch)
        seen += batch.num_rows


def _texts(name: str, number: int, header: list[str], row: Sequence[Any], exact: set[str]) -> list[str]:
    for cell, value in zip(header, row, strict=True):
        if isinstance(value, float) and cell in exact:
            raise BadInput(f"{name} row {number}, column {cell}: floats are refused, select exact decimals")
        if isinstance(value, BYTES) and cell in exact:
            raise BadInput(f"{name} row {number}, column {cell}: bytes are refused, select text")
    return [_text(value) for value in row]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        plain = format(value, "f")
        return plain.rstrip("0").removesuffix(".") if "." in plain else plain
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else str(value)
