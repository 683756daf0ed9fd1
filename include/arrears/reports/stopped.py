"""Why people are left alone: what was due and not planned, and the calls that must not be made."""

from collections import Counter
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, select, true

from arrears.reports.scope import contact_of_branch, of_branch, owned_by, tally
from arrears.store.tables.outreach import contact, suppression

BY_PEOPLE = ("call", "visit")
NOT_YET = ("evidence_missing", "not_a_working_day", "past_date", "not_reached_capacity", "no_certified_staff")
LATER = ("before_", "covered_by_")
"""Reasons that only say "later" or "in another way"; the others protect somebody, and their calls were stopped."""


def suppressed_by_reason(
    connection: Connection, business_date: date, branch: str | None, staff_id: str | None = None
) -> Counter[str]:
    """Count, by reason, the steps that were due and never planned; a step with two reasons counts under both."""
    rows = connection.execute(
        select(suppression.c.reason, func.count())
        .where(*_of_day(business_date, branch, staff_id))
        .group_by(suppression.c.reason)
    )
    return tally(rows)


def stopped_calls(connection: Connection, business_date: date, branch: str | None, staff_id: str | None = None) -> int:
    """Count the calls and visits that must not happen today: stopped to protect somebody, each counted once."""
    steps = protected_steps(business_date, branch, staff_id).distinct().subquery()
    never = connection.execute(select(func.count()).select_from(steps)).scalar_one()
    return int(never) + sum(_withheld(connection, business_date, branch, staff_id).values())


def stopped_by_reason(
    connection: Connection, business_date: date, branch: str | None, staff_id: str | None = None
) -> Counter[str]:
    """Count the same calls and visits by reason; one with two reasons counts under both."""
    steps = protected_steps(business_date, branch, staff_id).add_columns(suppression.c.reason).distinct().subquery()
    never = tally(connection.execute(select(steps.c.reason, func.count()).group_by(steps.c.reason)))
    return never + _withheld(connection, business_date, branch, staff_id)


def _of_day(business_date: date, branch: str | None, staff_id: str | None) -> tuple[Any, ...]:
    return (
        suppression.c.business_date == business_date,
        of_branch(suppression.c.account_id, branch),
        owned_by(suppression.c.account_id, staff_id, business_date),
    )


def protected_steps(business_date: date, branch: str | None, staff_id: str | None) -> Any:
    """Return the query of the calls and visits stopped to protect somebody: account, step and party."""
    reason = suppression.c.reason
    protects = and_(reason.not_in(NOT_YET), *(~reason.startswith(prefix, autoescape=True) for prefix in LATER))
    return select(suppression.c.account_id, suppression.c.step, suppression.c.party_id).where(
        *_of_day(business_date, branch, staff_id), suppression.c.channel.in_(BY_PEOPLE), protects
    )


def _withheld(connection: Connection, business_date: date, branch: str | None, staff_id: str | None) -> Counter[str]:
    rows = connection.execute(
        select(contact.c.reason, func.count())
        .where(
            contact.c.business_date == business_date,
            contact.c.state == "withheld",
            contact.c.channel.in_(BY_PEOPLE),
            contact.c.reason.not_in(NOT_YET),
            contact_of_branch(branch),
            true() if staff_id is None else contact.c.staff_id == staff_id,
        )
        .group_by(contact.c.reason)
    )
    return tally(rows)
