"""Draw one work list: frozen head, yellow cells to fill in, choices by channel, one page wide in print."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from arrears.core.money import digits_of, format_minor
from arrears.reports.briefs import Card
from arrears.reports.card_sheet import Key, draw_cards, numbers_of
from arrears.reports.choices import CHOICES
from arrears.reports.money_text import masked, symbol
from arrears.reports.scope import LEGAL_DESK, POSTED
from arrears.reports.wording import Words
from arrears.reports.worklist_rows import Row

INPUTS = ("at", "outcome", "reason", "promised_amount", "promised_on", "next_on", "willingness", "ability", "note")
WIDTHS = {
    "customer": 14, "contract": 11, "reach": 16, "term": 6, "amount": 12, "total": 12, "channel": 8, "product": 11,
    "script": 30, "last": 12, "at": 17, "outcome": 12, "reason": 9, "promised_amount": 10, "promised_on": 10,
    "next_on": 10, "willingness": 6, "ability": 6, "note": 12, "party_id": 4, "staff_id": 4,
}  # fmt: skip
COLUMNS = tuple(WIDTHS)
HIDDEN = ("party_id", "staff_id")
MASKED_COLUMNS = ("contract", "customer", "channel", "term", "amount", "last", "owner")
YELLOW = "#FFF9DB"
GREY = "#F2F4F6"
LINE = "#B8C2CC"
STYLES: dict[str, dict[str, Any]] = {
    "all": {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top", "text_wrap": True, "bottom": 1,
            "bottom_color": LINE},
    "head": {"bold": True, "bg_color": GREY, "bottom": 2},
    "plain": {},
    "first": {"top": 2},
    "name": {"top": 2, "bold": True},
    "input": {"bg_color": YELLOW, "locked": False, "border": 1, "border_color": LINE},
}  # fmt: skip
AMOUNT_FORMATS = {0: "#,##0", 2: "#,##0.00", 3: "#,##0.000"}
LINE_HEIGHT = 16
"""Points of a line: Chinese type stands taller than Latin, and a reader may have another font than ours."""

INDENTED = ("channel",)
"""Text columns right of a number, which would touch it."""

WRAPPED = ("customer", "reach", "product", "script", "last")
EXACT_UP_TO = 10**15
"""A sheet keeps numbers as 64-bit floats: up to here every minor unit survives; larger amounts are text."""


def list_sheet(
    rows: list[Row],
    title: str,
    business_date: date,
    say: Words,
    cards: Mapping[Key, Card] | None = None,
    warning: str = "",
) -> bytes:
    """Return the workbook of one desk: the list, each contact behind the warning, and on a second sheet their cards."""
    known = cards or {}
    with _Book(business_date, title) as book:
        _List(book, rows, title, business_date, say, numbers_of(rows, known), warning).draw()
        draw_cards(book, rows, known, say)
    return book.content


def masked_sheet(rows: list[Row], names: dict[str, str], business_date: date, say: Words) -> bytes:
    """Return the workbook for a manager's mail: no name in full, no number, no address."""
    heads = say.family("sheet.header") | {"owner": say("column.staff")}
    with _Book(business_date, say("sheet.list")) as book:
        page = book.page(say("sheet.list"), len(rows), len(MASKED_COLUMNS))
        for place, name in enumerate(MASKED_COLUMNS):
            page.write_string(0, place, heads[name], book.style("head"))
            page.set_column(place, place, WIDTHS.get(name, 14))
        for number, row in enumerate(rows, start=1):
            owner = (
                say("sheet.desk_legal") if row.desk == LEGAL_DESK else names.get(row.desk) or row.desk or say("nobody")
            )
            shown = {
                "contract": row.account_id,
                "customer": masked(row.party_name),
                "owner": owner,
                "channel": say.label("channel", row.channel),
                "term": str(row.overdue_instalments),
                "last": _last(row, say),
            }
            for place, name in enumerate(MASKED_COLUMNS):
                if name == "amount":
                    book.write_amount(page, number, place, row.amount_minor, row.currency, "plain")
                else:
                    page.write_string(number, place, shown[name], book.style("plain"))
        page.set_footer(f"&L&8{say('sheet.masked')}&R&8&P/&N")
    return book.content


class _Book:
    """A workbook in memory whose bytes depend on its content and the business date alone."""

    def __init__(self, business_date: date, title: str) -> None:
        import xlsxwriter

        self._target = io.BytesIO()
        self.book = xlsxwriter.Workbook(
            self._target,
            {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
        )
        made = datetime.combine(business_date, time.min, UTC).replace(tzinfo=None)
        self.book.set_properties({"title": title, "created": made})
        self._styles: dict[tuple[str, tuple[tuple[str, Any], ...]], Any] = {}
        self.content = b""

    def __enter__(self) -> "_Book":
        return self

    def __exit__(self, *_error: object) -> None:
        self.book.close()
        self.content = self._target.getvalue()

    def style(self, kind: str, **more: Any) -> Any:
        """Return a cell style: head, plain, first (row of a customer), name (there) or input."""
        key = (kind, tuple(more.items()))
        if key not in self._styles:
            self._styles[key] = self.book.add_format(STYLES["all"] | STYLES[kind] | more)
        return self._styles[key]

    def page(self, name: str, rows: int, columns: int) -> Any:
        """Return the sheet of the list: landscape, one page wide, the head repeated and frozen, filters on."""
        page = self.book.add_worksheet(name)
        page.freeze_panes(1, 2)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        page.set_margins(left=0.3, right=0.3, top=0.6, bottom=0.6)
        page.autofilter(0, 0, max(rows, 1), columns - 1)
        return page

    def write_amount(self, page: Any, row: int, column: int, minor: int, currency: str, kind: str) -> None:
        """Write money as a number a sheet can add up, or as text where a float would lose a minor unit."""
        digits = digits_of(currency)
        text = format_minor(minor, digits)
        if abs(minor) < EXACT_UP_TO:
            money = f'"{symbol(currency)}"{AMOUNT_FORMATS[digits]}'
            style = self.style(kind, num_format=money, align="right")
            page.write_number(row, column, float(text), style)
        else:
            page.write_string(row, column, f"{symbol(currency)}{text}", self.style(kind, align="right"))


@dataclass
class _List:
    """The list of one desk."""

    book: _Book
    rows: list[Row]
    title: str
    business_date: date
    say: Words
    numbers: Mapping[Key, int]
    warning: str

    def draw(self) -> None:
        """Write the head, the rows and the rules for what may be filled in."""
        page = self.book.page(self.say("sheet.list"), len(self.rows), len(COLUMNS))
        heads = self.say.family("sheet.header")
        for place, name in enumerate(COLUMNS):
            side = {"align": "right"} if name in ("amount", "total") else _indent(name)
            page.write_string(0, place, heads[name], self.book.style("head", **side))
            page.set_column(place, place, WIDTHS[name], None, {"hidden": name in HIDDEN})
        page.set_row(0, 32)
        before: tuple[str, str] | None = None
        for number, row in enumerate(self.rows, start=1):
            self._row(page, number, row, is_first=(row.party_id, row.channel) != before)
            before = (row.party_id, row.channel)
        self._rules(page)
        page.set_header(
            f'&L&12&"Microsoft YaHei,Bold"{self.title.replace("&", "&&")}&R{self.say("sheet.count", n=len(self.rows))}'
        )
        page.set_footer("&R&8&P/&N")
        page.write_comment(
            0, 0, "\n".join(self.say.lines("sheet.guide_lines")), {"width": 420, "height": 160, "author": ""}
        )
        page.protect("", {"autofilter": True, "sort": True, "format_columns": True, "format_rows": True})

    def _row(self, page: Any, number: int, row: Row, *, is_first: bool) -> None:
        kind = "first" if is_first else "plain"
        texts = self._texts(row, is_first=is_first)
        page.set_row(number, LINE_HEIGHT * max(_lines(texts.get(name, ""), WIDTHS[name]) for name in WRAPPED))
        for place, name in enumerate(COLUMNS):
            if name in INPUTS:
                page.write_blank(number, place, None, self.book.style("input", **_input_format(name)))
            elif name == "amount":
                self.book.write_amount(page, number, place, row.amount_minor, row.currency, kind)
            elif name == "total" and is_first:
                self.book.write_amount(page, number, place, row.total_minor, row.currency, kind)
            elif texts.get(name):
                is_name = is_first and name == "customer"
                page.write_string(
                    number, place, texts[name], self.book.style("name" if is_name else kind, **_indent(name))
                )
            else:
                page.write_blank(number, place, None, self.book.style(kind))

    def _texts(self, row: Row, *, is_first: bool) -> dict[str, str]:
        script, name = (
            self.say.label("script", f"{row.channel}_{row.tone}"),
            self.say.named(row.party_name or "", row.audience),
        )
        if number := self.numbers.get((row.party_id, row.channel)):
            script = f"{script} {self.say('sheet.card', n=number)}"
        if row.audience == "guarantors":
            script = f"{self.say('script.guarantor')} {script}"
        script = f"{self.warning} {script}".strip()
        reach = (row.mobile, row.address) if row.channel == "visit" else (row.mobile,)
        texts = {
            "contract": row.account_id,
            "term": str(row.overdue_instalments),
            "channel": self.say.label("channel", row.channel),
            "product": row.product,
            "last": _last(row, self.say),
            "party_id": row.party_id,
            "staff_id": "" if row.desk == LEGAL_DESK else row.desk,
            "customer": name,
            "script": script if is_first else "",
        }
        if is_first:
            shown = (row.address,) if row.channel in POSTED else reach
            texts["reach"] = " ".join(part for part in shown if part)
        return texts

    def _rules(self, page: Any) -> None:
        for first, last, channel in self._runs():
            choices = [self.say.label("outcome", code) for code in CHOICES[channel]]
            self._rule(page, "outcome", (first, last), {"validate": "list", "source": choices})
        end = len(self.rows)
        if not end:
            return
        for name, family in (("reason", "why"), ("willingness", "level"), ("ability", "level")):
            self._rule(page, name, (1, end), {"validate": "list", "source": list(self.say.family(family).values())})
        for name in ("at", "promised_on", "next_on"):
            self._rule(page, name, (1, end), {"validate": "date", "criteria": ">=", "value": self.business_date})
        self._rule(page, "promised_amount", (1, end), {"validate": "decimal", "criteria": ">", "value": 0})
        outcome, red = _letter("outcome"), self.book.book.add_format({"bg_color": "#F8C9C9"})
        for name in ("at", "next_on"):
            page.conditional_format(
                1,
                _at(name),
                end,
                _at(name),
                {"type": "formula", "criteria": f'=AND(${outcome}2<>"",${_letter(name)}2="")', "format": red},
            )

    def _rule(self, page: Any, name: str, rows: tuple[int, int], rule: dict[str, Any]) -> None:
        """Let the cells of a column take what a rule allows; what it does not is refused with how to write it."""
        kind = "at" if name == "at" else rule["validate"]
        said = {
            "error_title": self.say.family("sheet.header")[name],
            "error_message": self.say(f"sheet.allowed.{kind}", date=self.business_date.isoformat()),
        }
        page.data_validation(rows[0], _at(name), rows[1], _at(name), rule | said)

    def _runs(self) -> Iterator[tuple[int, int, str]]:
        """Yield first row, last row and channel of neighbouring rows of one channel."""
        start = 1
        for number, row in enumerate(self.rows, start=1):
            if number == len(self.rows) or self.rows[number].channel != row.channel:
                yield start, number, row.channel
                start = number + 1


def _last(row: Row, say: Words) -> str:
    return f"{row.last_on}\n{say.label('outcome', row.last_outcome)}" if row.last_outcome else ""


def _indent(name: str) -> dict[str, Any]:
    return {"align": "left", "indent": 1} if name in INDENTED else {}


def _input_format(name: str) -> dict[str, str]:
    formats = {
        "at": "yyyy-mm-dd hh:mm",
        "promised_on": "yyyy-mm-dd",
        "next_on": "yyyy-mm-dd",
        "promised_amount": "#,##0.00",
    }
    return {"num_format": formats[name]} if name in formats else {}


def _lines(text: str, width: int) -> int:
    """Return how many lines a text takes in a column; a Chinese character is as wide as two letters."""
    units = (2 * len(line) - len(line.encode("ascii", "ignore")) for line in text.split("\n"))
    return sum(max(1, -(-wide // (width - 1))) for wide in units)


def _at(name: str) -> int:
    return COLUMNS.index(name)


def _letter(name: str) -> str:
    return chr(ord("A") + _at(name))
