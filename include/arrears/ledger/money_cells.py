"""Cells of money: exact thousandths first, minor units of the row's currency as soon as that is known."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arrears.ledger.catalogue import Field
from arrears.ledger.columns import CODES, Column, Context, Refused, all_match, distinct, fine, normal

_AMOUNT = r"^-?[0-9]{1,12}(\.[0-9]{1,3})?$"
_ANY_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]+)?")
_DECIMALS = 3
_PRECISION = 15
"""Digits whose thousandths still fit into 64 bits."""
_TOO_LARGE = 10**15
"""In thousandths: an amount has at most twelve digits before the point."""


def amounts(_field: Field, cells: pa.Array, context: Context) -> Column:
    """Read money as thousandths with the number of decimals written; ``scale`` turns them into minor units."""
    if not all_match(cells, _AMOUNT):
        thousands = context.dialect.thousands
        plain = distinct(cells, pa.string(), lambda text: _plain_amount(normal(text), thousands))
    else:
        plain = fine(cells)
    exact = plain.values.cast(pa.decimal128(15, _DECIMALS)).fill_null(0)
    dot = np.asarray(pc.find_substring(plain.values, ".").fill_null(-1))
    length = np.asarray(pc.binary_length(plain.values).fill_null(0))
    decimals = np.where(dot < 0, 0, length - dot - 1).astype(np.int8)
    absent = np.asarray(plain.values.is_null())
    return Column(pa.array(_unscaled(exact), pa.int64(), mask=absent), plain.refused, decimals)


def exact_amounts(cells: pa.Array) -> Column | None:
    """Read decimals as they are, as ``amounts`` would read their text; None where only the text can tell."""
    kind = cells.type
    if not pa.types.is_decimal128(kind) or kind.precision > _PRECISION or not 0 <= kind.scale <= _DECIMALS:
        return None
    absent = np.asarray(cells.is_null())
    thousandths = np.where(absent, 0, _unscaled(cells)) * 10 ** (_DECIMALS - kind.scale)
    if bool(np.any(np.abs(thousandths) >= _TOO_LARGE)):
        return None
    decimals = np.zeros(len(cells), dtype=np.int8)
    for place in range(_DECIMALS):
        decimals += thousandths % 10 ** (_DECIMALS - place) != 0
    return Column(pa.array(thousandths, pa.int64(), mask=absent), np.zeros(len(cells), dtype=np.int8), decimals)


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
