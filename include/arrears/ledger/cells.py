"""Text cells to typed columns, a whole column at a time; a cell that cannot be read gets a reason, never a guess."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arrears.core.clock import utc_text
from arrears.core.errors import BadInput
from arrears.core.money import digits_of
from arrears.ledger.catalogue import Field
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
}
"""Reason codes of quarantined rows, with the mend."""

CODES = {name: number for number, name in enumerate(REASONS, start=1)}
NAMES = dict(enumerate(REASONS, start=1))

_ID = "^[!-~]{1,64}$"
_AMOUNT = r"^-?[0-9]{1,12}(\.[0-9]{1,3})?$"
_ANY_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]+)?")
_DECIMALS = 3
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(Z|[+-][0-9:]{4,6})?")


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


def parse(field: Field, cells: pa.Array, context: Context) -> Column:
    """Read one column.

    Raises:
        BadInput: the whole column has a type that cannot be exact, such as floats for money.
    """
    if pa.types.is_floating(cells.type):
        if field.kind != "degrees":
            raise BadInput(f"column {field.name}: floating-point numbers are refused, deliver text or exact decimals")
        cells = _as_text([None if value is None else repr(value) for value in cells.to_pylist()])
    cells = to_text(cells)
    if context.dialect.trim:
        cells = pc.utf8_trim_whitespace(cells)
    blank = np.asarray(pc.equal(pc.binary_length(cells), 0).fill_null(True))
    column = _PARSERS[field.kind](field, pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), cells), context)
    if not field.empty:
        column.refused[blank] = CODES["missing_value"]
    return column


def to_text(cells: pa.Array) -> pa.Array:
    """Return the text a typed column of Parquet or SQL would have in CSV."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return to_text(cells.dictionary_decode())
    if pa.types.is_string(kind):
        return cells
    if pa.types.is_timestamp(kind):
        seconds = pc.strftime(cells.cast(pa.timestamp("s", kind.tz), safe=False), format="%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(seconds, "Z", "") if kind.tz else pc.replace_substring(seconds, "T00:00:00", "")
    if pa.types.is_decimal(kind):
        text = cells.cast(pa.string())  # the scale is the column's, so zeros at the end were never written by anybody
        return pc.replace_substring_regex(text, r"\.?0+$", "") if kind.scale > 0 else text
    plain = (pa.types.is_null, pa.types.is_integer, pa.types.is_date32, pa.types.is_large_string, pa.types.is_string_view)
    if any(is_kind(kind) for is_kind in plain):
        return cells.cast(pa.string())
    raise BadInput(f"a column of type {kind} is not read: deliver text, integers, decimals or dates")


def _as_text(values: list[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _distinct(cells: pa.Array, kind: pa.DataType, read: Callable[[str], Any]) -> Column:
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


def _all_match(cells: pa.Array, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(cells, pattern), min_count=0).as_py() is not False


def _fine(values: pa.Array) -> Column:
    return Column(values, np.zeros(len(values), dtype=np.int8))


def normal(text: str) -> str:
    """Return the NFKC form: full-width digits and letters become plain ones."""
    return unicodedata.normalize("NFKC", text)


def _unprintable(text: str, allowed: str = "") -> bool:
    return any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") and letter not in allowed
               for letter in text)


def _ids(field: Field, cells: pa.Array, _context: Context) -> Column:
    if _all_match(cells, _ID):
        return _fine(cells)

    def read(text: str) -> str:
        plain = normal(text)
        if not 1 <= len(plain) <= field.limit or _unprintable(plain) or any(letter.isspace() for letter in plain):
            raise Refused("bad_id")
        return plain

    return _distinct(cells, pa.string(), read)


def _texts(field: Field, cells: pa.Array, _context: Context) -> Column:
    if _all_match(cells, f"^[ -~]{{0,{min(field.limit, 1000)}}}$"):
        return _fine(cells)

    def read(text: str) -> str:
        if len(text) > field.limit:
            raise Refused("cell_too_long")
        if _unprintable(text, "\n\r\t\u200d"):
            raise Refused("bad_text")
        return text

    return _distinct(cells, pa.string(), read)


def _dates(field: Field, cells: pa.Array, context: Context) -> Column:
    pattern = context.dialect.dates

    def read(text: str) -> date:
        try:
            plain = normal(text)
            if pattern is None and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", plain):
                raise Refused("bad_date")
            day = date.fromisoformat(plain) if pattern is None else _written(plain, pattern).date()
        except ValueError:
            raise Refused("bad_date") from None
        if not 1900 <= day.year <= 2199:
            raise Refused("bad_date")
        if field.past and day > context.today:
            raise Refused("future_date")
        return day

    return _distinct(cells, pa.date32(), read)


def _written(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern)  # noqa: DTZ007 - the caller adds the zone, a date has none


def _moments(field: Field, cells: pa.Array, context: Context) -> Column:
    zone = ZoneInfo(context.dialect.time_zone or context.time_zone)
    pattern = context.dialect.moments

    def read(text: str) -> str:
        try:
            plain = normal(text)
            if pattern is None and not _MOMENT.fullmatch(plain):
                raise Refused("bad_moment")
            moment = datetime.fromisoformat(plain) if pattern is None else _written(plain, pattern)
        except ValueError:
            raise Refused("bad_moment") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        if not 1900 <= moment.year <= 2199:
            raise Refused("bad_moment")
        if field.past and moment.astimezone(zone).date() > context.today:
            raise Refused("future_date")
        return utc_text(moment)

    return _distinct(cells, pa.string(), read)


def _amounts(_field: Field, cells: pa.Array, context: Context) -> Column:
    """Read money as thousandths with the number of decimals written; ``scale`` turns it into minor units later."""
    if not _all_match(cells, _AMOUNT):
        thousands = context.dialect.thousands
        plain = _distinct(cells, pa.string(), lambda text: _plain_amount(normal(text), thousands))
    else:
        plain = _fine(cells)
    exact = plain.values.cast(pa.decimal128(15, _DECIMALS)).fill_null(0)
    dot = np.asarray(pc.find_substring(plain.values, ".").fill_null(-1))
    length = np.asarray(pc.binary_length(plain.values).fill_null(0))
    decimals = np.where(dot < 0, 0, length - dot - 1).astype(np.int8)
    absent = np.asarray(plain.values.is_null())
    return Column(pa.array(_unscaled(exact), pa.int64(), mask=absent), plain.refused, decimals)


def _plain_amount(text: str, thousands: str | None) -> str:
    if thousands and thousands in text:
        if not re.fullmatch(rf"-?[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+(\.[0-9]+)?", text):
            raise Refused("bad_amount")
        text = text.replace(thousands, "")
    found = _ANY_AMOUNT.fullmatch(text)
    if not found:
        raise Refused("bad_amount")
    if len(found.group(1) or "") > _DECIMALS + 1:
        raise Refused("too_many_decimals")
    return text


def _unscaled(values: pa.Array) -> NDArray[np.int64]:
    """Return the integers inside a decimal128 column: the low half of each 16-byte little-endian number."""
    buffer = values.buffers()[1]
    return np.frombuffer(buffer, dtype="<i8")[2 * values.offset : 2 * (values.offset + len(values)) : 2]


def scale(column: Column, digits: NDArray[np.int8], lowest: int | None) -> Column:
    """Turn thousandths into minor units of each row's currency; too many decimals or too small are refused."""
    assert column.decimals is not None  # noqa: S101 - only amounts are scaled
    refused = column.refused.copy()
    there = ~np.asarray(column.values.is_null())
    thousandths = np.asarray(column.values.fill_null(0)).astype(np.int64)
    minor = thousandths // 10 ** (_DECIMALS - digits.astype(np.int64))
    refused[there & (column.decimals > digits) & (refused == 0)] = CODES["too_many_decimals"]
    if lowest is not None:
        refused[there & (minor < lowest) & (refused == 0)] = CODES["below_minimum"]
    return Column(pa.array(minor, pa.int64(), mask=~there), refused)


def _counts(field: Field, cells: pa.Array, _context: Context) -> Column:
    lowest = 0 if field.lowest is None else field.lowest

    def read(text: str) -> int:
        plain = normal(text)
        if not re.fullmatch(r"[0-9]{1,9}", plain):
            raise Refused("bad_count")
        if int(plain) < lowest:
            raise Refused("below_minimum")
        return int(plain)

    return _distinct(cells, pa.int32(), read)


def _values(field: Field, cells: pa.Array, context: Context) -> Column:
    mapped = context.dialect.values.get(field.name, {})

    def read(text: str) -> str:
        value = mapped.get(text, text)
        if value not in field.values:
            raise Refused("unknown_value")
        return value

    return _distinct(cells, pa.string(), read)


def _lists(field: Field, cells: pa.Array, context: Context) -> Column:
    mapped = context.dialect.values.get(field.name, {})

    def read(text: str) -> str:
        parts = [mapped.get(part.strip(), part.strip()) for part in normal(text).split(";") if part.strip()]
        if len(";".join(parts)) > field.limit:
            raise Refused("cell_too_long")
        if any((field.values and part not in field.values) or _unprintable(part) for part in parts):
            raise Refused("unknown_value")
        return ";".join(parts)

    return _distinct(cells, pa.string(), read)


def _currencies(_field: Field, cells: pa.Array, _context: Context) -> Column:
    def read(text: str) -> str:
        try:
            digits_of(text)
        except BadInput:
            raise Refused("bad_currency") from None
        return text

    return _distinct(cells, pa.string(), read)


def _degrees(field: Field, cells: pa.Array, _context: Context) -> Column:
    def read(text: str) -> str:
        if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,10})?", text) or abs(float(text)) > field.limit:
            raise Refused("bad_degrees")
        return text

    return _distinct(cells, pa.string(), read)


def _hashes(_field: Field, cells: pa.Array, _context: Context) -> Column:
    def read(text: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            raise Refused("bad_sha256")
        return text

    return _distinct(cells, pa.string(), read)


_PARSERS: dict[str, Callable[[Field, pa.Array, Context], Column]] = {
    "id": _ids, "text": _texts, "date": _dates, "moment": _moments, "amount": _amounts, "count": _counts,
    "value": _values, "currency": _currencies, "degrees": _degrees, "sha256": _hashes, "list": _lists,
}
