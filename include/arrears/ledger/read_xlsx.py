"""XLSX: one sheet, numbers through their decimal text, limits against packed bombs."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from arrears.core.errors import BadInput
from arrears.ledger.catalogue import Feed
from arrears.ledger.mapping import Dialect
from arrears.ledger.source import Source, hash_file, match_header, text_batches

FILE_BYTES = 64 << 20
UNPACKED_BYTES = 1 << 30
BLOCK_BYTES = 1 << 20
SHEET_ROWS = 1 << 20
BROKEN = (zipfile.BadZipFile, InvalidFileException, zlib.error, SyntaxError, EOFError, OSError, LookupError, ValueError,
          TypeError, AttributeError)  # fmt: skip
"""What reading a broken workbook ends in: a part that is missing, cut off or not XML, a number that is none."""

_SHEET = re.compile(r"/worksheets/[^/]+\.xml$", re.IGNORECASE)
_ROW = re.compile(rb"""<(?:\w+:)?row(?=\s)[^>]*?\sr=["']([0-9]+)["']""")


def open_xlsx(path: Path, feed: Feed, dialect: Dialect) -> Source:
    """Open the one sheet of a workbook, or the sheet the mapping names; numbers go through their decimal text.

    Raises:
        BadInput: not a workbook, too large when unpacked, more than one sheet and none named, a bad header.
    """
    digest = hash_file(path, FILE_BYTES)
    cells = _sheet(path, dialect)
    header = [cell_text(cell) for cell in next(cells, ())]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise BadInput(f"{path.name}: the sheet is empty")
    columns = match_header(header, feed, dialect, path.name)
    unknown = tuple(cell for cell in header if cell not in columns)
    filled_in = [place for place, cell in enumerate(header) if columns.get(cell) in dialect.skip_when_empty]
    source = Source(
        feed,
        path.name,
        digest,
        columns,
        unknown,
        lambda: text_batches(_widths(_worked(cells, filled_in), header, source), header, columns),
    )
    return source


def _worked(rows: Iterator[Sequence[Any]], filled_in: list[int]) -> Iterator[Sequence[Any]]:
    """Blank out the rows of a form in which nobody has written anything."""
    for row in rows:
        untouched = filled_in and not any(cell_text(row[place]) for place in filled_in if place < len(row))
        yield () if untouched else row


def headers_of(path: Path) -> list[list[str]]:
    """Return the first row of every sheet.

    Raises:
        BadInput: no workbook.
    """
    rows = [next(_rows(sheet, path.name), ()) for sheet in _book(path).worksheets]
    return [[cell_text(cell) for cell in row] for row in rows]


def _sheet(path: Path, dialect: Dialect) -> Iterator[Sequence[Any]]:
    book = _book(path)
    names = book.sheetnames
    if dialect.sheet is None and len(names) != 1:
        raise BadInput(f"{path.name}: {len(names)} sheets, name one in mapping.yaml")
    if dialect.sheet is not None and dialect.sheet not in names:
        raise BadInput(f"{path.name}: no sheet {dialect.sheet!r}")
    return _rows(book[dialect.sheet or names[0]], path.name)


def _rows(sheet: Any, name: str) -> Iterator[Sequence[Any]]:
    """Yield every row that is there; how far the sheet says it reaches is a note other programs leave stale."""
    sheet.reset_dimensions()
    try:
        yield from sheet.iter_rows(values_only=True)
    except BROKEN:
        raise BadInput(_unreadable(name)) from None


def _book(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > UNPACKED_BYTES:
                raise BadInput(f"{path.name}: larger than {UNPACKED_BYTES} bytes when unpacked")
            for part in packed.infolist():
                if _SHEET.search(part.filename) and (row := _misplaced(packed, part)):
                    raise BadInput(f"{path.name} row {row}: stands out of order, or beyond what a sheet holds")
        return load_workbook(path, read_only=True, data_only=True)
    except BROKEN:
        raise BadInput(_unreadable(path.name)) from None


def _unreadable(name: str) -> str:
    return f"{name}: not a workbook of plain sheets (XLSX), or a truncated one"


def _misplaced(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> int | None:
    """Return the number of a row that does not come after the one before it: the reader would pass over it."""
    last, rest = 0, b""
    with packed.open(part) as handle:
        while block := handle.read(BLOCK_BYTES):
            text = rest + block
            whole = text.rfind(b"<")
            for found in _ROW.finditer(text, 0, whole):
                number = int(found[1])
                if not last < number <= SHEET_ROWS:
                    return number
                last = number
            rest = text[whole:]
    return None


def _widths(rows: Iterator[Sequence[Any]], header: list[str], source: Source) -> Iterator[tuple[int, list[str]]]:
    width = len(header)
    for number, row in enumerate(rows, start=2):
        texts = [cell_text(cell) for cell in row]
        if any(texts[width:]):
            source.spoil(number, texts, header)
            source.check_width()
        elif any(texts):
            yield number, (texts + [""] * width)[:width]


def cell_text(value: object) -> str:
    """Return what a person reads in the cell; a float as its shortest exact decimal text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S")
    return value.isoformat() if isinstance(value, date) else str(value)
