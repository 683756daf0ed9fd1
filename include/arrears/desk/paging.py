"""Long lists are shown a leaf at a time, with how many there are and a link to the next: nothing is out of reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query

SHOWN = 50
"""So many rows a leaf has."""

Number = Annotated[int, Query(ge=1, le=1_000_000)]
"""Which leaf is asked for, counted from one."""


@dataclass(frozen=True)
class Leaf:
    """Some rows of a list, of how many, and which leaf they are."""

    rows: Sequence[Any]
    total: int
    number: int

    @property
    def first(self) -> int:
        """Return the place of the first row, counted from one."""
        return start_of(self.number) + 1

    @property
    def last(self) -> int:
        """Return the place of the last row."""
        return start_of(self.number) + len(self.rows)

    @property
    def has_next(self) -> bool:
        """Say whether rows follow."""
        return self.last < self.total and bool(self.rows)


def start_of(number: int) -> int:
    """Return how many rows stand before a leaf."""
    return (number - 1) * SHOWN
