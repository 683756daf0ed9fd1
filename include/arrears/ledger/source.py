"""One opened feed file: its hash, its header, and its cells in batches with the row number of each row."""

import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from arrears.core.errors import BadArguments, BadInput
from arrears.ledger.catalogue import Feed
from arrears.ledger.mapping import Dialect

MALFORMED_LIMIT = 10_000
BATCH_ROWS = 32_768


@dataclass(frozen=True)
class Rows:
    """A batch: the wanted columns under their catalogue names; ``number`` counts the header as row 1."""

    number: NDArray[np.int64]
    cells: pa.RecordBatch


@dataclass
class Source:
    """A feed file whose header was checked; ``columns`` is the catalogue name by header cell.

    ``malformed`` fills with rows of the wrong width and what stands where their account should.
    """

    feed: Feed
    name: str
    sha256: str
    columns: dict[str, str]
    unknown: tuple[str, ...]
    batches: Callable[[], Iterator[Rows]]
    malformed: list[tuple[int, str | None]] = field(default_factory=list)

    @property
    def present(self) -> tuple[str, ...]:
        """Return the catalogue's columns that the file has."""
        return tuple(self.columns.values())

    def spoil(self, number: int, cells: Sequence[str], header: Sequence[str]) -> None:
        """Note a row with the wrong number of cells, and what stands where its account should."""
        place = next((at for at, cell in enumerate(header) if self.columns.get(cell) == "account_id"), len(cells))
        self.malformed.append((number, cells[place] if place < len(cells) else None))

    def check_width(self) -> None:
        """Stop at a file that is not what it claims to be.

        Raises:
            BadInput: too many rows have the wrong number of cells.
        """
        if len(self.malformed) > MALFORMED_LIMIT:
            raise BadInput(f"{self.name}: more than {MALFORMED_LIMIT} rows have more or fewer cells than the header")


def nothing_delivered(feed: Feed, name: str) -> Source:
    """Return an empty file of the daily ledger as a feed without rows: the gates hold the run, not the reader."""
    columns = {column: column for column in feed.required}
    return Source(feed, name, hashlib.sha256(b"").hexdigest(), columns, (), lambda: iter(()))


def match_header(header: Sequence[str], feed: Feed, dialect: Dialect, name: str) -> dict[str, str]:
    """Return catalogue name by header cell for the known columns.

    Raises:
        BadInput: a header twice, a required column missing, or one that is almost a column; names the columns.
    """
    mapped = {cell: dialect.columns.get(cell, cell) for cell in header}
    targets = [dialect.columns.get(cell, cell) for cell in header]
    twice = sorted(
        {cell for cell in targets if cell in feed.columns and targets.count(cell) > 1}
        | {cell for cell in header if list(header).count(cell) > 1}
    )
    if twice:
        raise BadInput(f"{name} row 1: the column {twice[0][:40]!r} stands there twice")
    missing = [column for column in feed.required if column not in mapped.values()]
    if missing:
        raise BadInput(f"{name} row 1: missing column {', '.join(missing)}")
    _refuse_almost(header, mapped, feed, name)
    return {cell: column for cell, column in mapped.items() if column in feed.columns}


def _refuse_almost(header: Sequence[str], mapped: Mapping[str, str], feed: Feed, name: str) -> None:
    """Refuse a header that differs from an absent column in case, blanks and the like: ignored, it would be missed."""
    absent = {_letters(column): column for column in feed.columns if column not in mapped.values()}
    for cell in header:
        column = absent.get(_letters(cell))
        if column is not None and mapped[cell] not in feed.columns:
            raise BadInput(f"{name} row 1: the column {cell[:40]!r} is almost {column}: write it so, or map it")


def _letters(cell: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKC", cell).casefold() if letter.isalnum())


def hash_file(path: Path, limit: int) -> str:
    """Return the SHA-256 of a file.

    Raises:
        BadArguments: there is no such file.
        BadInput: it cannot be read, or is larger than ``limit`` bytes.
    """
    if not path.exists():
        raise BadArguments(f"{path}: no such file")
    try:
        if path.stat().st_size > limit:
            raise BadInput(f"{path.name}: larger than {limit} bytes")
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path.name}: cannot be read ({error.strerror})") from None


def text_batches(rows: Iterator[tuple[int, list[str]]], header: list[str], columns: dict[str, str]) -> Iterator[Rows]:
    """Gather numbered rows of text into batches of the wanted columns."""
    places = [header.index(cell) for cell in columns]
    while chunk := list(islice(rows, BATCH_ROWS)):
        arrays = [pa.array([texts[place] for _, texts in chunk], pa.string()) for place in places]
        numbers = np.array([number for number, _ in chunk], dtype=np.int64)
        yield Rows(numbers, pa.RecordBatch.from_arrays(arrays, names=list(columns.values())))
