"""Who works here: roles and branch that the staff feed gives each person, and who collects an account."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from arrears.store.tables.feeds import account, assignment, staff


def staff_roles(connection: Connection) -> dict[str, frozenset[str]]:
    """Return each person's roles as the staff feed has them now."""
    rows = connection.execute(select(staff.c.staff_id, staff.c.roles))
    return {row.staff_id: frozenset(filter(None, row.roles.split(";"))) for row in rows}


def roles_of(connection: Connection, staff_id: str) -> frozenset[str]:
    """Return the roles of one person; somebody who is not on the staff has none."""
    roles = connection.execute(select(staff.c.roles).where(staff.c.staff_id == staff_id)).scalar_one_or_none()
    return frozenset(filter(None, (roles or "").split(";")))


def collectors_of(owner: str | None, assignments: Iterable[Row[Any]]) -> frozenset[str]:
    """Return who works the account: its owner and the newest assignment."""
    newest = max(assignments, key=lambda row: row.from_on, default=None)
    return frozenset(filter(None, (owner, newest.staff_id if newest else None)))


def collected_by(connection: Connection, staff_id: str, account_ids: Sequence[str], on: date) -> set[str]:
    """Return those of some accounts that somebody works on a day: who collects an account decides nothing about it."""
    given = defaultdict(list)
    rows = select(assignment).where(assignment.c.account_id.in_(account_ids), assignment.c.from_on <= on)
    for row in connection.execute(rows):
        given[row.account_id].append(row)
    owners = connection.execute(
        select(account.c.account_id, account.c.owner).where(account.c.account_id.in_(account_ids))
    )
    return {row.account_id for row in owners if staff_id in collectors_of(row.owner, given[row.account_id])}


def branch_of(connection: Connection, staff_id: str) -> str | None:
    """Return the branch somebody is bound to, or None for the whole house."""
    query = select(staff.c.branch).where(staff.c.staff_id == staff_id)
    return connection.execute(query).scalar_one_or_none() or None


def is_within_reach(connection: Connection, staff_id: str, account_id: str | None) -> bool:
    """Say whether somebody has to do with an account: who is bound to a branch has with the accounts of that branch.

    What is about no account concerns the whole house.
    """
    branch = branch_of(connection, staff_id)
    if branch is None or account_id is None:
        return True
    held = select(account.c.branch).where(account.c.account_id == account_id)
    return bool(connection.execute(held).scalar_one_or_none() == branch)
