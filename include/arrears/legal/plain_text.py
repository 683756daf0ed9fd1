"""How amounts, dates, shares, long words and the QR code are written in a document."""

from collections.abc import Iterable, Sequence
from datetime import date
from io import BytesIO

from arrears.core.money import digits_of, format_minor
from arrears.legal.facts import Money

_ZERO_WIDTH_SPACE = "\u200b"
_LONG_WORD = 12
_WIDEST = 105
_WIDTHS = (
    dict.fromkeys("0123456789 .,:;-/()[]'|*", 56)
    | dict.fromkeys("abcdefghijklnopqrstuvxyz", 67)
    | dict.fromkeys("ABCDEFGHIJKLNOPQRSTUVXYZw", 86)
    | {_ZERO_WIDTH_SPACE: 0}
)
"""At most how wide a character of the pinned serif is, in hundredths of the type size; any other is the widest."""

Cells = list[tuple[list[str], list[int], list[list[int]]]]
"""Rows a few at a time: each column as lines of one text, how wide it is at most, and how wide each row is."""

TOGETHER = 5


def breakable(text: str) -> str:
    """Allow a line break after every eighth character of a long word such as a hash or a licence number."""
    if len(text) <= _LONG_WORD or not text.isascii():
        return text
    return " ".join(
        _ZERO_WIDTH_SPACE.join(word[at : at + 8] for at in range(0, len(word), 8)) if len(word) > _LONG_WORD else word
        for word in text.split(" ")
    )


def table(rows: Iterable[Sequence[str]], together: int = TOGETHER) -> Cells:
    """Return the rows of a table, each cell with the most room it can take: rows that cannot wrap are set together."""
    width = _WIDTHS.get
    said = [[cell.replace("\n", " ") for cell in row] for row in rows]
    wide = [[sum([width(sign, _WIDEST) for sign in cell]) for cell in row] for row in said]
    groups: Cells = []
    for start in range(0, len(said), together):
        those = wide[start : start + together]
        columns = ["\n".join(column) for column in zip(*said[start : start + together], strict=True)]
        groups.append((columns, [max(column) for column in zip(*those, strict=True)], those))
    return groups


def pairs(rows: Iterable[Sequence[str]]) -> Cells:
    """Return names with what they name: fewer lines together, so that a short list may still break over two pages."""
    return table(rows, together=3)


def plain_amount(minor: int, money: Money) -> str:
    """Write minor units of the account's currency with grouped thousands."""
    return format_minor(minor, digits_of(money.currency), grouped=True)


def amount(minor: int, money: Money) -> str:
    """Write minor units with the currency in front."""
    return f"{money.currency} {plain_amount(minor, money)}"


def share(part: int, whole: int) -> str:
    """Write a share as per cent with one decimal, rounded down so that no test looks met before it is."""
    if whole <= 0:
        return ""
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"


def day_text(value: date | None) -> str:
    """Write a date as the standard says, or nothing."""
    return value.isoformat() if value else ""


def qr_svg(text: str) -> str:
    """Return a QR code as SVG; the same text is the same picture."""
    import segno

    out = BytesIO()
    code = segno.make(text, error="m", micro=False, mask=0)  # weighing all eight masks costs ten times as much
    code.save(out, kind="svg", border=1, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue().decode()
