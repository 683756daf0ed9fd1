"""Who works here: the roles the staff feed gives each person, and who collects an account."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, select

from arrears.store.tables.feeds import staff


def staff_roles(connection: Connection) -> dict[str, frozenset[str]]:
    """Return each person's roles as the staff feed has them now."""
    rows = connection.execute(select(staff.c.staff_id, staff.c.roles))
    return {row.staff_id: frozenset(filter(None, row.roles.split(";"))) for row in rows}


def collectors_of(owner: str | None, assignments: Iterable[Row[Any]]) -> frozenset[str]:
    """Return who works the account: its owner and the newest assignment."""
    newest = max(assignments, key=lambda row: row.from_on, default=None)
    return frozenset(filter(None, (owner, newest.staff_id if newest else None)))
