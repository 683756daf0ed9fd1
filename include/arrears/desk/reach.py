"""Whose accounts somebody may see on the desk, as the staff feed says.

Who has a branch there sees the accounts of that branch; who has none, and who is not on the staff (an auditor, an
operator), sees the whole house. Collectors and field staff see single accounts, and no list of the house's contracts.
"""

from sqlalchemy import Connection, select

from arrears.core.errors import BadArguments
from arrears.desk.deciders import Visitor
from arrears.ladder.staff import branch_of
from arrears.reports.wording import Words
from arrears.store.tables.feeds import staff


class OutOfReach(BadArguments):
    """What somebody may not see or do; the message says it in the reader's words."""


HANDS = {"collector", "field"}
"""Roles that work from their own list."""


def refuse_part(connection: Connection, user: str, say: Words) -> None:
    """Refuse what is told of the whole house to staff of one branch.

    Raises:
        OutOfReach: the user is on the staff of a branch.
    """
    if (branch := branch_of(connection, user)) is not None:
        raise OutOfReach(say("desk.own_branch", branch=branch))


def refuse_hands(connection: Connection, user: str, say: Words) -> None:
    """Refuse a list of the house's cases to those who work from their own list.

    Raises:
        OutOfReach: the user is a collector or on the field staff, and nothing else.
    """
    roles = connection.execute(select(staff.c.roles).where(staff.c.staff_id == user)).scalar_one_or_none()
    if roles and set(roles.split(";")) <= HANDS:
        raise OutOfReach(say("desk.own_list"))


def refuse_reader(visitor: Visitor, say: Words) -> None:
    """Refuse a decision by somebody whose login may only read.

    Raises:
        OutOfReach: the login may not decide.
    """
    if not visitor.decides:
        raise OutOfReach(say("desk.only_reads"))
