"""Blanks: what a text is written with once for all notices that say the same, to be filled in for each person.

A blank stands for a value that templates only print or find missing, and never look into: name, contract, amount, date.
It is a character of private use, which no ledger text keeps (:func:`arrears.outreach.notice.plain`).
"""

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from arrears.outreach.notice import Line, Notice

FIRST = 0xE000
PRIVATE = re.compile("([\ue000-\uf8ff])")
MOST = 6_400
"""So many characters of private use there are."""

OF_PERSON = ("contact_ref", "name", "address")
OF_LINE = ("account", "amount", "due_on")


@dataclass(frozen=True, slots=True)
class Blanked:
    """A notice with blanks, the same for all that say the same, and the values that belong there."""

    notice: Notice
    values: list[str]


@dataclass(frozen=True, slots=True)
class Wording:
    """A text with blanks: its pieces, and which value stands at which place."""

    pieces: list[str]
    blanks: list[tuple[int, int]]

    def filled(self, values: list[str]) -> str:
        """Return the text with every blank filled in."""
        pieces = self.pieces.copy()
        for place, number in self.blanks:
            pieces[place] = values[number]
        return "".join(pieces)


def blanked(notice: Notice) -> Blanked:
    """Put blanks for whatever belongs to one person alone; what is missing stays missing."""
    values: list[str] = []

    def blank(value: str) -> str:
        if not value:
            return ""
        values.append(value)
        return chr(FIRST + len(values) - 1)

    def blanks(one: Notice | Line, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: blank(getattr(one, name)) for name in names}

    person = blanks(notice, OF_PERSON)
    lines = tuple(replace(line, **blanks(line, OF_LINE)) for line in notice.lines)
    totals = tuple((blank(amount), currency) for amount, currency in notice.totals)
    return Blanked(replace(notice, lines=lines, totals=totals, **person), values)


def is_told_apart(notice: Notice, values: int) -> bool:
    """Say whether every blank can be told from the words around it: not if the policy itself uses such characters."""
    own = [getattr(notice, field.name) for field in fields(notice) if field.name not in (*OF_PERSON, "lines", "totals")]
    texts = (text for value in own for text in (value if isinstance(value, tuple) else (value,)))
    return values <= MOST and not any(PRIVATE.search(str(text)) for text in texts)


def wording(text: str) -> Wording:
    """Return a text that was written with blanks, ready to be filled in."""
    pieces = PRIVATE.split(text)
    return Wording(pieces, [(place, ord(pieces[place]) - FIRST) for place in range(1, len(pieces), 2)])
