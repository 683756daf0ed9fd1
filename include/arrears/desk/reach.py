"""Whose accounts somebody may see on the desk, as the staff feed says.

Who has a branch there sees the accounts of that branch; who has none, and who is not on the staff (an auditor, an
operator), sees the whole house. Collectors and field staff see single accounts, and no list of the house's contracts.
"""

from sqlalchemy import Connection, select

from arrears.core.errors import BadArguments
from arrears.reports.wording import Words
from arrears.store.tables.feeds import account, staff

HANDS = {"collector", "field"}
"""Roles that work from their own list."""


def may_see(connection: Connection, user: str, account_id: str) -> bool:
    """Say whether an account is within somebody's reach."""
    branch = branch_of(connection, user)
    return (
        branch is None
        or branch
        == connection.execute(select(account.c.branch).where(account.c.account_id == account_id)).scalar_one_or_none()
    )


def refuse_part(connection: Connection, user: str, say: Words) -> None:
    """Refuse what is told of the whole house to staff of one branch.

    Raises:
        BadArguments: the user is on the staff of a branch.
    """
    if (branch := branch_of(connection, user)) is not None:
        raise BadArguments(say("desk.own_branch", branch=branch))


def refuse_hands(connection: Connection, user: str, say: Words) -> None:
    """Refuse a list of the house's cases to those who work from their own list.

    Raises:
        BadArguments: the user is a collector or on the field staff, and nothing else.
    """
    roles = connection.execute(select(staff.c.roles).where(staff.c.staff_id == user)).scalar_one_or_none()
    if roles and set(roles.split(";")) <= HANDS:
        raise BadArguments(say("desk.own_list"))


def branch_of(connection: Connection, user: str) -> str | None:
    """Return the branch somebody is bound to, or None for the whole house."""
    return connection.execute(select(staff.c.branch).where(staff.c.staff_id == user)).scalar_one_or_none() or None
