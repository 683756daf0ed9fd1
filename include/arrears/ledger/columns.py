"""A column of cells on its way to a typed one, and the reasons why a cell is refused."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arrears.core.errors import BadInput
from arrears.ledger.mapping import Dialect

REASONS = {
    "missing_value": "the cell is empty",
    "bad_id": "use 1 to 64 characters without spaces or control characters",
    "bad_text": "control characters are not allowed",
    "cell_too_long": "the cell is too long",
    "bad_amount": "write plain digits with a decimal point, at most 12 before it",
    "too_many_decimals": "more decimals than the currency has",
    "below_minimum": "the value is below what this column allows",
    "bad_date": "write an existing date as YYYY-MM-DD",
    "bad_moment": "write a moment as YYYY-MM-DDTHH:MM:SS with Z or an offset, or local time without",
    "future_date": "the date lies in the future",
    "bad_count": "write a whole number",
    "bad_degrees": "write decimal degrees",
    "bad_sha256": "write 64 hex digits",
    "bad_currency": "use a three-letter ISO 4217 code",
    "unknown_value": "the value is not in the list of this column",
    "wrong_cell_count": "the row has more or fewer cells than the header",
    "duplicate": "the same key stands in an earlier row",
    "id_collision": "two spellings of an id become the same id",
    "unknown_account": "the account is not in the accounts feed",
    "unknown_party": "the party is not in the parties feed",
    "same_person": "two different people must attest",
    "incomplete_pair": "give both columns or neither",
    "ends_before_begin": "the last day lies before the first",
}
"""Reason codes of quarantined rows, with the mend."""

CODES = {name: number for number, name in enumerate(REASONS, start=1)}
NAMES = dict(enumerate(REASONS, start=1))


class Refused(Exception):
    """One cell's reason."""


@dataclass(frozen=True)
class Context:
    """What cells are read against: how the file is written, whose clock, and the last day that is not the future."""

    dialect: Dialect
    time_zone: str
    today: date


@dataclass
class Column:
    """A typed column and, per row, the code of the reason why its cell was refused (0 = fine)."""

    values: pa.Array
    refused: NDArray[np.int8]
    decimals: NDArray[np.int8] | None = None


def to_text(cells: pa.Array) -> pa.Array:
    """Return the text a typed column of Parquet or SQL would have in CSV."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return to_text(cells.dictionary_decode())
    if pa.types.is_string(kind):
        return cells
    if pa.types.is_timestamp(kind):
        seconds = pc.strftime(cells.cast(pa.timestamp("s", "UTC"), safe=False), format="%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(seconds, "Z" if kind.tz else "", "")
    if pa.types.is_decimal(kind):
        text = cells.cast(pa.string())  # the scale is the column's, so zeros at the end were never written by anybody
        return pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".") if kind.scale > 0 else text
    types = pa.types
    plain = (types.is_null, types.is_integer, types.is_date32, types.is_large_string, types.is_string_view)
    if any(is_kind(kind) for is_kind in plain):
        return cells.cast(pa.string())
    raise BadInput(f"a column of type {kind} is not read: deliver text, integers, decimals or dates")


def as_text(values: list[str | None]) -> pa.Array:
    """Return a text column."""
    return pa.array(values, pa.string())


def distinct(cells: pa.Array, kind: pa.DataType, read: Callable[[str], Any]) -> Column:
    """Read each distinct cell once: dates, words and numbers repeat, so a column costs few calls."""
    coded = cells.dictionary_encode()
    values: list[Any] = []
    refused = [0]
    for text in coded.dictionary.to_pylist():
        try:
            values.append(read(text))
            refused.append(0)
        except Refused as error:
            values.append(None)
            refused.append(CODES[str(error)])
    indices = coded.indices
    rows = np.asarray(indices.fill_null(-1)).astype(np.int64) + 1
    return Column(pa.array(values, kind).take(indices), np.array(refused, dtype=np.int8)[rows])


def all_match(cells: pa.Array, pattern: str) -> bool:
    """Say whether every cell that is not empty matches."""
    return pc.all(pc.match_substring_regex(cells, pattern), min_count=0).as_py() is not False


def fine(values: pa.Array) -> Column:
    """Return a column without a refused cell."""
    return Column(values, np.zeros(len(values), dtype=np.int8))


def normal(text: str) -> str:
    """Return the NFKC form: full-width digits and letters become plain ones."""
    return unicodedata.normalize("NFKC", text)


def unprintable(text: str, allowed: str = "") -> bool:
    """Say whether there is a control character or one that shows nothing."""
    return any(
        unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") and letter not in allowed for letter in text
    )
