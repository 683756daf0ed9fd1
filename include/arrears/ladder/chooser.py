"""Whether a choice of remedy counts: it was made here by somebody checked, or delivered about one who may choose."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, or_, select

from arrears.ladder.policy import Policy
from arrears.store.tables.feeds import account, assignment, court_case, staff
from arrears.store.tables.legal import packet


def is_by_nobody_entitled(policy: Policy) -> ColumnElement[bool]:
    """Say of a row of ``cases`` that it is a delivered choice by nobody who may choose a remedy for the account.

    Who may choose has one of the policy's roles (``repossession.approval_roles.remedy``) in the staff feed and does not
    collect the account, on the day of the choice as far as the store tells: assignments have their first day, of roles
    and owners only today's are kept, so a choice that a packet of a later day was made by has counted and goes on doing
    so. To take a choice back needs no role.
    """
    return and_(
        court_case.c.kind == "remedy",
        court_case.c.state == "chosen",
        court_case.c.delivery_id.is_not(None),
        ~and_(_holds_one(policy.repossession.approval_roles["remedy"]), ~_collects()),
        ~_has_counted(),
    )


def _holds_one(roles: Sequence[str]) -> ColumnElement[bool]:
    held = ";" + staff.c.roles + ";"
    one = or_(*(held.contains(f";{role};", autoescape=True) for role in roles))
    return exists().where(staff.c.staff_id == court_case.c.staff_id, one)


def _collects() -> ColumnElement[bool]:
    """Say whether who chose owns the account or had it by the newest assignment of that day."""
    owns = exists().where(account.c.account_id == court_case.c.account_id, account.c.owner == court_case.c.staff_id)
    later = assignment.alias("later")
    newest = (
        select(func.max(later.c.from_on))
        .where(later.c.account_id == court_case.c.account_id, cast(later.c.from_on, String) <= _day_of_choice())
        .correlate(court_case)
        .scalar_subquery()
    )
    assigned = exists().where(
        assignment.c.account_id == court_case.c.account_id, assignment.c.staff_id == court_case.c.staff_id,
        assignment.c.from_on == newest,
    )  # fmt: skip
    return or_(owns, assigned)


def _has_counted() -> ColumnElement[bool]:
    """Say whether a packet built after the day of the choice names the remedy: the choice was judged and taken."""
    return exists().where(
        packet.c.account_id == court_case.c.account_id, packet.c.chosen_remedy == court_case.c.remedy,
        cast(packet.c.built_on, String) > _day_of_choice(),
    )  # fmt: skip


def _day_of_choice() -> ColumnElement[str]:
    """Return the day of a choice as its moment is stored: in UTC."""
    return func.substr(court_case.c.at, 1, 10)
