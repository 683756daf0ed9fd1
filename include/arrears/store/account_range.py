"""A range of accounts in the order of their ids: work on a large portfolio goes from range to range."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, collate, true


def in_byte_order(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """Return an id column that is compared byte by byte, as the frozen ledger is sorted."""
    return collate(column, "C") if connection.dialect.name == "postgresql" else column


@dataclass(frozen=True)
class AccountRange:
    """The accounts from ``first`` to ``last``, both included; ``None`` is every account."""

    first: str | None = None
    last: str | None = None

    def holds(self, connection: Connection, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that an id lies in the range."""
        if self.first is None or self.last is None:
            return true()
        return in_byte_order(connection, column).between(self.first, self.last)

    def of(self, connection: Connection, query: Select[Any], column: ColumnElement[str]) -> Select[Any]:
        """Return a query over the accounts of the range."""
        return query if self.first is None else query.where(self.holds(connection, column))


EVERY = AccountRange()
