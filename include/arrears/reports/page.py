"""A digest before it is HTML or text: an opening, tables, and the small print. Both renderings show the same cells."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Column:
    """A column head; numbers stand on the right."""

    head: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text under a title; ``more`` is how many there are beside them, ``rest`` says where those stand."""

    title: str
    columns: list[Column]
    rows: list[list[str]]
    rest: Callable[[int], str]
    more: int = 0
    note: str = ""

    @property
    def foot(self) -> str:
        """Return what stands under the table: where the other rows are, then what explains these."""
        left = [self.rest(self.more)] if self.more > 0 else []
        return " ".join([*left, self.note]).strip()

    def shortened(self, most: int) -> "Table":
        """Return the table with at most ``most`` rows, the others counted as more."""
        cut = max(0, len(self.rows) - most)
        return replace(self, rows=self.rows[:most], more=max(0, self.more) + cut)

    def lines(self) -> list[str]:
        """Return each row as one line of text: the first cell, then the others under their heads."""
        return [" · ".join([row[0], *self._named(row)]) for row in self.rows]

    def _named(self, row: list[str]) -> list[str]:
        if len(row) == 2:
            return [row[1]]
        rest = zip(self.columns[1:], row[1:], strict=True)
        return [f"{column.head} {cell}" for column, cell in rest if cell]


@dataclass(frozen=True)
class Block:
    """Tables under one another, or two columns of them, side by side where the window is wide enough."""

    columns: tuple[tuple[Table, ...], ...]

    @property
    def tables(self) -> list[Table]:
        """Return the tables in the order in which they are read."""
        return [table for column in self.columns for table in column]

    def shortened(self, most: int) -> "Block":
        """Return the block with shortened tables."""
        return Block(tuple(tuple(table.shortened(most) for table in column) for column in self.columns))


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
    blocks: list[Block] = field(default_factory=list)
    """The first one is what a reader sees without scrolling: it is cut last."""
    small_print: list[str] = field(default_factory=list)
    checkpoint: list[str] = field(default_factory=list)

    @property
    def tables(self) -> list[Table]:
        """Return all tables in the order in which they are read."""
        return [table for block in self.blocks for table in block.tables]

    @property
    def is_wide(self) -> bool:
        """Say whether two tables stand side by side somewhere."""
        return any(len(block.columns) > 1 for block in self.blocks)

    def shortened(self, most: int, after: int) -> "Page":
        """Return the page with the tables of its blocks after a place shortened; after -1 it is all of them."""
        blocks = [block if place <= after else block.shortened(most) for place, block in enumerate(self.blocks)]
        return replace(self, blocks=blocks)
