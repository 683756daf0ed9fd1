"""Whose accounts somebody may see on the desk, as the staff feed says.

Who has a branch there sees the accounts of that branch; who has none, and who is not on the staff (an auditor, an
operator), sees the whole house. Collectors and field staff see single accounts, and no list of the house's contracts.
"""

from sqlalchemy import Connection

from arrears.core.errors import BadArguments
from arrears.desk.deciders import Visitor
from arrears.ladder.staff import branch_of, is_within_reach, roles_of
from arrears.reports.wording import Words


class OutOfReach(BadArguments):
    """What somebody may not see or do; the message says it in the reader's words."""


HANDS = {"collector", "field"}
"""Roles that work from their own list."""


READERS_OF_PAPERS = {"legal", "risk", "manager"}
"""Roles that read packets and orders before they decide on them."""


def may_read_papers(connection: Connection, user: str, account_id: str) -> bool:
    """Say whether somebody may open the packet and the orders of an account: by their role, and within their reach."""
    return bool(roles_of(connection, user) & READERS_OF_PAPERS) and is_within_reach(connection, user, account_id)


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
    if _works_from_a_list(connection, user):
        raise OutOfReach(say("desk.own_list"))


def sees_whole_house(connection: Connection, user: str) -> bool:
    """Say whether somebody is bound neither to a branch nor to a list of their own."""
    return branch_of(connection, user) is None and not _works_from_a_list(connection, user)


def _works_from_a_list(connection: Connection, user: str) -> bool:
    roles = roles_of(connection, user)
    return bool(roles) and roles <= HANDS


def refuse_reader(visitor: Visitor, say: Words) -> None:
    """Refuse a decision by somebody whose login may only read.

    Raises:
        OutOfReach: the login may not decide.
    """
    if not visitor.decides:
        raise OutOfReach(say("desk.only_reads"))
