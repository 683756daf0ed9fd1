"""Draw the second page of a work list: one card a contact, with script, brief and checklist side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from arrears.reports.briefs import Card
from arrears.reports.wording import Words
from arrears.reports.worklist_rows import Row

WIDTHS = (56, 56, 30)
LINE_HEIGHT = 15
HEAD_HEIGHT = 20
SCALE = 70
"""Percent at which the three columns are as wide as an A4 page."""

PAGE = 1_070
"""Points that a page holds at that scale: a card begins a new one rather than be cut in two."""

TALLEST = 400
"""A row of a sheet is at most 409 points high; longer texts are cut by the reader, so they go over two rows."""

Key = tuple[str, str]


def numbers_of(rows: Sequence[Row], cards: Mapping[Key, Card]) -> dict[Key, int]:
    """Return the number of each card, in the order of the list: the list and its cards name each other by it."""
    found: dict[Key, int] = {}
    for row in rows:
        key = (row.party_id, row.channel)
        if key in cards and key not in found:
            found[key] = len(found) + 1
    return found


def draw_cards(book: Any, rows: Sequence[Row], cards: Mapping[Key, Card], say: Words) -> None:
    """Write the cards of one list into their own page, one under the other, ready to print and take along."""
    numbers = numbers_of(rows, cards)
    if not numbers:
        return
    page = book.book.add_worksheet(say("sheet.cards"))
    page.set_portrait()
    page.set_paper(9)
    page.set_print_scale(SCALE)  # a sheet that is made to fit would ignore where pages begin
    page.hide_gridlines(2)
    page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    for column, width in enumerate(WIDTHS):
        page.set_column(column, column, width)
    page.set_footer("&R&8&P/&N")
    firsts = {(row.party_id, row.channel): row for row in reversed(rows)}
    line = used = 0
    begins = []
    for key, number in numbers.items():
        tall = _tall(cards[key])
        if used and used + tall > PAGE:
            begins.append(line)
            used = 0
        used += tall
        line = _card(book, page, line, f"{number}  {_head(firsts[key], say)}", cards[key], say)
    page.set_h_pagebreaks(begins)
    page.protect("", {"format_rows": True, "format_columns": True})


def _head(row: Row, say: Words) -> str:
    name = say.named(row.party_name or "", row.audience)
    reach = row.mobile if row.channel == "call" else row.address
    parts = (name, say.label("channel", row.channel), say.label("tone", row.tone), reach or "")
    return " · ".join(part for part in parts if part)


def _card(book: Any, page: Any, line: int, head: str, card: Card, say: Words) -> int:
    page.merge_range(line, 0, line, len(WIDTHS) - 1, "", book.style("head", font_size=11))
    page.write_string(line, 0, head, book.style("head", font_size=11))
    page.set_row(line, HEAD_HEIGHT)
    titles = (say("sheet.card_script"), say("sheet.card_brief"), say("sheet.card_checklist"))
    for column, title in enumerate(titles):
        page.write_string(line + 1, column, title, book.style("plain", bold=True, bottom=0))
    rows = _over_rows(_texts(card))
    for offset, parts in enumerate(rows, start=2):
        for column, text in enumerate(parts):
            page.write_string(line + offset, column, text, book.style("plain", bottom=0))
        page.set_row(line + offset, _row_height(parts))
    return line + 2 + len(rows) + 1


def _texts(card: Card) -> tuple[str, str, str]:
    return card.script, card.brief, "\n".join(card.checklist)


def _tall(card: Card) -> int:
    """Return the points of a card with its head, its titles and the gap below it."""
    return HEAD_HEIGHT + 2 * LINE_HEIGHT + round(sum(_row_height(parts) for parts in _over_rows(_texts(card))))


def _row_height(parts: Sequence[str]) -> float:
    return min(max(_height(text, width) for text, width in zip(parts, WIDTHS, strict=True)), TALLEST)


def _over_rows(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Split texts that are taller than a row can be over as many rows as they need, at their line ends."""
    columns = [_parts(text, width) for text, width in zip(texts, WIDTHS, strict=True)]
    rows = max(len(parts) for parts in columns)
    return [tuple(parts[n] if n < len(parts) else "" for parts in columns) for n in range(rows)]


def _parts(text: str, width: int) -> list[str]:
    parts: list[list[str]] = [[]]
    used = 0
    for line in text.split("\n"):
        needed = _lines(line, width)
        if parts[-1] and _points(used + needed) > TALLEST:
            parts.append([])
            used = 0
        parts[-1].append(line)
        used += needed
    return ["\n".join(lines) for lines in parts]


def _height(text: str, width: int) -> float:
    return _points(sum(_lines(line, width) for line in text.split("\n")))


def _points(lines: int) -> float:
    return lines * LINE_HEIGHT + 4


def _lines(line: str, width: int) -> int:
    """Return how many lines a line takes in a column; a Chinese character is as wide as two letters."""
    units = 2 * len(line) - len(line.encode("ascii", "ignore"))
    return max(1, -(-units // (width - 2)))
