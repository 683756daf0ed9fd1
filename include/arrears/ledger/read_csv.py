"""CSV: declared encoding and delimiter, exact row numbers, and nothing repaired in silence."""

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from arrears.core.errors import BadArguments, BadInput
from arrears.ledger.catalogue import Feed
from arrears.ledger.mapping import Dialect
from arrears.ledger.source import Rows, Source, match_header

BLOCK_BYTES = 8 << 20
HEADER_BYTES = 1 << 16
_BOM = b"\xef\xbb\xbf"


def open_csv(path: Path, feed: Feed, dialect: Dialect) -> Source:
    """Open a CSV file and check what can be checked before its rows are read; a header alone is a feed without rows.

    Raises:
        BadArguments: there is no such file.
        BadInput: empty, NUL bytes, another encoding, a quote never closed, a bad header; names file and row.
    """
    digest = _inspect(path, dialect)
    header, more = _header(path, dialect)
    columns = match_header(header, feed, dialect, path.name)
    unknown = tuple(cell for cell in header if cell not in columns)
    source = Source(
        feed, path.name, digest, columns, unknown, lambda: _batches(path, source, header, dialect) if more else iter(())
    )
    return source


def _inspect(path: Path, dialect: Dialect) -> str:
    """Hash the bytes and refuse what no CSV of a known encoding holds."""
    if not path.exists():
        raise BadArguments(f"{path}: no such file")
    whole, quotes, row = hashlib.sha256(), 0, 1
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    try:
        with path.open("rb") as handle:
            while block := handle.read(BLOCK_BYTES):
                if b"\0" in block:
                    row += block[: block.index(0)].count(b"\n")
                    raise BadInput(f"{path.name} row {row}: a NUL byte, so the file is not text in {dialect.encoding}")
                decoder.decode(block)
                whole.update(block)
                quotes += block.count(b'"')
                row += block.count(b"\n")
        decoder.decode(b"", final=True)
    except OSError as error:
        raise BadInput(f"{path.name}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        row += bytes(error.object[: error.start]).count(b"\n")
        raise BadInput(_other_encoding(path, row, dialect)) from None
    if quotes % 2:
        _refuse_open_quote(path, dialect)
    return whole.hexdigest()


def _refuse_open_quote(path: Path, dialect: Dialect) -> None:
    """Say where a quote is never closed; an odd quote in the middle of a plain cell is harmless."""
    row = 0
    with path.open(newline="", encoding=_codec(dialect), errors="replace") as handle:
        reader = csv.reader(handle, delimiter=dialect.delimiter, strict=True)
        try:
            for _ in reader:
                row += 1
        except csv.Error:
            raise BadInput(f"{path.name} row {row + 1}: a quote is never closed, the file looks truncated") from None


def _other_encoding(path: Path, row: int, dialect: Dialect) -> str:
    return f"{path.name} row {row}: not {dialect.encoding}; name the encoding in mapping.yaml"


def _codec(dialect: Dialect) -> str:
    return "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding


def _header(path: Path, dialect: Dialect) -> tuple[list[str], bool]:
    """Return the cells of the first line, and whether a line follows it, if only an empty one."""
    with path.open("rb") as handle:
        head = handle.read(HEADER_BYTES)
    if not head.removeprefix(_BOM).strip():
        raise BadInput(f"{path.name}: the file is empty")
    first = head.splitlines(keepends=True)[0]
    line = first.splitlines()[0]
    return _cells(line.decode(_codec(dialect)), dialect), line != first


def _cells(line: str, dialect: Dialect) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(line), delimiter=dialect.delimiter), [])
    except csv.Error:
        return []


def _batches(path: Path, source: Source, header: list[str], dialect: Dialect) -> Iterator[Rows]:
    columns = source.columns

    def spoil(row: arrow_csv.InvalidRow) -> str:  # an error raised in here would be swallowed by the reader
        source.spoil(row.number, _cells(row.text, dialect), header)
        return "skip"

    try:
        reader = arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, encoding=dialect.encoding),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=spoil, ignore_empty_lines=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                strings_can_be_null=False,
                include_columns=list(columns),
                column_types=dict.fromkeys(columns, pa.string()),
            ),
        )
        seen = 1
        for batch in reader:
            source.check_width()
            number, seen = _numbers(seen, batch.num_rows, source.malformed)
            yield Rows(number, pa.RecordBatch.from_arrays(batch.columns, names=list(columns.values())))
    except pa.ArrowInvalid as error:
        said = f"one row is longer than {BLOCK_BYTES} bytes" if "straddling" in str(error) else "not CSV"
        raise BadInput(f"{path.name}: {said}") from None
    source.check_width()


def _numbers(seen: int, count: int, malformed: list[tuple[int, str | None]]) -> tuple[NDArray[np.int64], int]:
    """Number ``count`` good rows after row ``seen``, leaving out the malformed ones between them."""
    skipped = np.array([row for row, _ in malformed if row > seen], dtype=np.int64)
    candidates = np.arange(seen + 1, seen + 1 + count + len(skipped))
    numbers = np.setdiff1d(candidates, skipped, assume_unique=True)[:count]
    return numbers, int(numbers[-1]) if count else seen
