"""Text cells to typed columns, a whole column at a time; a cell that cannot be read gets a reason, never a guess."""

import re
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from arrears.core.clock import utc_text
from arrears.core.errors import BadInput
from arrears.core.money import digits_of
from arrears.ledger.catalogue import Field
from arrears.ledger.columns import (
    CODES,
    Column,
    Context,
    Refused,
    all_match,
    as_text,
    distinct,
    fine,
    normal,
    to_text,
    unprintable,
)
from arrears.ledger.money_cells import amounts, exact_amounts

MIDNIGHT = "T00:00:00"
"""How sheets and databases write a date that they keep as a moment."""

ONE_LINE = "\u200d"
"""What shows nothing and is still part of a name: the joiner between letters."""

SEVERAL_LINES = "\n\r\t" + ONE_LINE

_ID = '^[!"$-~][!-~]{0,63}$'
_FAILED = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|FIELD!|GETTING_DATA)", re.IGNORECASE)
"""What a sheet shows, and exports, where a formula failed: it names nobody, or everybody whose look-up failed."""

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(Z|[+-][0-9:]{4,6})?")


def parse(field: Field, cells: pa.Array, context: Context) -> Column:
    """Read one column.

    Raises:
        BadInput: the whole column has a type that cannot be exact, such as floats for money.
    """
    if pa.types.is_floating(cells.type):
        if field.kind != "degrees":
            raise BadInput(f"column {field.name}: floating-point numbers are refused, deliver text or exact decimals")
        cells = as_text([None if value is None else repr(value) for value in cells.to_pylist()])
    exact = exact_amounts(cells) if field.kind == "amount" else None
    if exact is not None:
        if not field.empty:
            exact.refused[np.asarray(cells.is_null())] = CODES["missing_value"]
        return exact
    cells = to_text(cells)
    if context.dialect.trim:
        cells = pc.utf8_trim_whitespace(cells)
    blank = np.asarray(pc.equal(pc.binary_length(cells), 0).fill_null(True))
    column = _PARSERS[field.kind](field, pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), cells), context)
    if not field.empty:
        column.refused[blank] = CODES["missing_value"]
    return column


def _ids(field: Field, cells: pa.Array, _context: Context) -> Column:
    if all_match(cells, _ID):
        return fine(cells)

    def read(text: str) -> str:
        plain = normal(text)
        if not 1 <= len(plain) <= field.limit or unprintable(plain) or any(letter.isspace() for letter in plain):
            raise Refused("bad_id")
        if _FAILED.fullmatch(plain):
            raise Refused("bad_id")
        return plain

    return distinct(cells, pa.string(), read)


def _texts(field: Field, cells: pa.Array, _context: Context) -> Column:
    if all_match(cells, f'^[ !"$-~][ -~]{{0,{min(field.limit, 1000) - 1}}}$'):
        return fine(cells)

    def read(text: str) -> str:
        if len(text) > field.limit:
            raise Refused("cell_too_long")
        if unprintable(text, SEVERAL_LINES if field.lines else ONE_LINE):
            raise Refused("bad_text")
        if _FAILED.fullmatch(text.strip()):
            raise Refused("bad_text")
        return text

    return distinct(cells, pa.string(), read)


def _dates(field: Field, cells: pa.Array, context: Context) -> Column:
    pattern = context.dialect.dates

    def read(text: str) -> date:
        try:
            plain = normal(text).removesuffix(MIDNIGHT)
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

    return distinct(cells, pa.date32(), read)


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

    return distinct(cells, pa.string(), read)


def _counts(field: Field, cells: pa.Array, _context: Context) -> Column:
    lowest = 0 if field.lowest is None else field.lowest

    def read(text: str) -> int:
        plain = normal(text)
        if not re.fullmatch(r"[0-9]{1,9}", plain):
            raise Refused("bad_count")
        if int(plain) < lowest:
            raise Refused("below_minimum")
        return int(plain)

    return distinct(cells, pa.int32(), read)


def _values(field: Field, cells: pa.Array, context: Context) -> Column:
    mapped = context.dialect.values.get(field.name, {})

    def read(text: str) -> str:
        value = mapped.get(text, text)
        if value not in field.values:
            raise Refused("unknown_value")
        return value

    return distinct(cells, pa.string(), read)


def _lists(field: Field, cells: pa.Array, context: Context) -> Column:
    mapped = context.dialect.values.get(field.name, {})

    def read(text: str) -> str:
        parts = [mapped.get(part.strip(), part.strip()) for part in normal(text).split(";") if part.strip()]
        if len(";".join(parts)) > field.limit:
            raise Refused("cell_too_long")
        if any((field.values and part not in field.values) or unprintable(part) for part in parts):
            raise Refused("unknown_value")
        return ";".join(parts)

    return distinct(cells, pa.string(), read)


def _currencies(_field: Field, cells: pa.Array, _context: Context) -> Column:
    def read(text: str) -> str:
        try:
            digits_of(text)
        except BadInput:
            raise Refused("bad_currency") from None
        return text

    return distinct(cells, pa.string(), read)


def _degrees(field: Field, cells: pa.Array, _context: Context) -> Column:
    def read(text: str) -> str:
        if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,10})?", text) or abs(float(text)) > field.limit:
            raise Refused("bad_degrees")
        return text

    return distinct(cells, pa.string(), read)


def _hashes(_field: Field, cells: pa.Array, _context: Context) -> Column:
    def read(text: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            raise Refused("bad_sha256")
        return text

    return distinct(cells, pa.string(), read)


_PARSERS: dict[str, Callable[[Field, pa.Array, Context], Column]] = {
    "id": _ids,
    "text": _texts,
    "date": _dates,
    "moment": _moments,
    "amount": amounts,
    "count": _counts,
    "value": _values,
    "currency": _currencies,
    "degrees": _degrees,
    "sha256": _hashes,
    "list": _lists,
}
