"""A digest before it is HTML or text: an opening, tables, and the small print. Both renderings show the same cells."""

from dataclasses import dataclass, field, replace
from itertools import zip_longest


@dataclass(frozen=True)
class Column:
    """A column head; numbers stand on the right."""

    head: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text under a title; ``note`` says what is left out. A paired table shows two rows side by side."""

    title: str
    columns: list[Column]
    rows: list[list[str]]
    note: str = ""
    paired: bool = False

    @property
    def shown(self) -> list[list[str]]:
        """Return the rows as they stand on a page, in pairs where the table says so."""
        if not self.paired:
            return self.rows
        blank = [""] * len(self.columns)
        return [one + other for one, other in zip_longest(self.rows[::2], self.rows[1::2], fillvalue=blank)]

    @property
    def heads(self) -> list[Column]:
        """Return the column heads of a page, twice where two rows stand side by side."""
        return self.columns * 2 if self.paired else self.columns

    def shortened(self, most: int, rest: str) -> "Table":
        """Return the table with at most ``most`` rows; ``rest`` says how many more there are."""
        if len(self.rows) <= most:
            return self
        note = " ".join(part for part in (rest.format(count=len(self.rows) - most), self.note) if part)
        return replace(self, rows=self.rows[:most], note=note)

    def lines(self) -> list[str]:
        """Return each row as one line of text: the first cell, then the others under their heads."""
        return [" · ".join([row[0], *self._named(row)]) for row in self.rows]

    def _named(self, row: list[str]) -> list[str]:
        if len(row) == 2:
            return [row[1]]
        rest = zip(self.columns[1:], row[1:], strict=True)
        return [f"{column.head} {cell}" for column, cell in rest if cell]


@dataclass(frozen=True)
class Bar:
    """A share of a whole as a picture of one line, with the place where it should stand by now; basis points."""

    share: int
    mark: int
    caption: str

    @property
    def width(self) -> int:
        """Return the filled part in whole percent, between 0 and 100."""
        return max(0, min(100, self.share // 100))

    @property
    def mark_at(self) -> int:
        """Return the place of the mark in whole percent."""
        return max(0, min(100, self.mark // 100))


@dataclass
class Page:
    """One digest of one reader."""

    language: str
    subject: str
    title: str
    scope: str
    hello: str
    alarm: bool = False
    notices: list[str] = field(default_factory=list)
    lead: list[str] = field(default_factory=list)
    bar: Bar | None = None
    tables: list[Table] = field(default_factory=list)
    small_print: list[str] = field(default_factory=list)
    checkpoint: list[str] = field(default_factory=list)
