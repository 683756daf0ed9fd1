"""What every report query shares: the decision in force, the branch of an account, and whose list a contact is on."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, case, cast, exists, func, or_, select, true

from arrears.ladder.in_force import FIRST, is_of_ledger
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account, assignment, outcome
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import account_party

STAFFED = ("call", "visit", "letter", "senior_contact", "credit_notice", "asset_search")
"""Channels that people work from a list; the others are sent by the machine."""

POSTED = ("letter", "credit_notice")
"""Channels that the legal desk sends by post, whoever owns the account."""

LEGAL_DESK = "legal"

CARRIED = ("planned", "claimed", "sending", "sent", "in_doubt")
"""States of a contact that is on today's list, or has been worked from it."""


def desk_of_contact() -> Any:
    """Return whose list a contact is on: the legal desk's for what is posted, else a member of staff's, or ''."""
    return case((contact.c.channel.in_(POSTED), LEGAL_DESK), else_=func.coalesce(contact.c.staff_id, ""))


def is_told() -> ColumnElement[bool]:
    """Say whether somebody has told, since its day began, what came of an item of a contact."""
    return (
        select(outcome.c.outcome_key)
        .where(
            outcome.c.account_id == item.c.account_id,
            outcome.c.party_id == contact.c.party_id,
            outcome.c.channel == contact.c.channel,
            outcome.c.at >= cast(contact.c.business_date, String),
        )
        .correlate(contact, item)
        .exists()
    )


def last_decided(connection: Connection, before: date) -> date | None:
    """Return the last day before another on which accounts were decided."""
    query = select(func.max(decision.c.business_date)).where(decision.c.business_date < before)
    return connection.execute(query).scalar_one_or_none()


def in_force(business_date: date, branch: str | None) -> ColumnElement[bool]:
    """Say which decision rows of a day count: the newest revision of each account, of one branch or of all."""
    newer = decision.alias("newer")
    superseded = (
        select(newer.c.account_id)
        .where(
            newer.c.business_date == decision.c.business_date,
            newer.c.account_id == decision.c.account_id,
            newer.c.revision > decision.c.revision,
            newer.c.revision > FIRST,
        )
        .correlate(decision)
        .exists()
    )
    found = (decision.c.business_date == business_date) & ~superseded & is_of_ledger(decision)
    return found if branch is None else found & (decision.c.branch == branch)


def of_branch(account_id: Any, branch: str | None) -> ColumnElement[bool]:
    """Say whether the account of a row belongs to a branch; every row does when ``branch`` is None."""
    if branch is None:
        return true()
    held = account.alias("held")
    return select(held.c.account_id).where(held.c.account_id == account_id, held.c.branch == branch).exists()


def owned_by(account_id: Any, staff_id: str | None, business_date: date) -> ColumnElement[bool]:
    """Say whether a member of staff looks after an account: the newest assignment counts, else the ledger says.

    Their few accounts are found once, and not whose each of all accounts is.
    """
    if staff_id is None:
        return true()
    given, other, held = assignment.alias("given"), assignment.alias("other"), account.alias("owned")
    later = exists().where(
        other.c.account_id == given.c.account_id, other.c.from_on > given.c.from_on, other.c.from_on <= business_date
    )
    assigned = select(given.c.account_id).where(given.c.staff_id == staff_id, given.c.from_on <= business_date, ~later)
    anybody = exists().where(other.c.account_id == held.c.account_id, other.c.from_on <= business_date)
    left = select(held.c.account_id).where(held.c.owner == staff_id, ~anybody)
    return or_(account_id.in_(assigned), account_id.in_(left))  # so each is found first, and only then looked into


def is_co_borrower(account_id: Any, party_id: Any) -> ColumnElement[bool]:
    """Say whether a person owes an account beside the borrower: their own name must not look like a second contract."""
    tied = account_party.alias("tied")
    return (
        select(tied.c.party_id)
        .where(tied.c.account_id == account_id, tied.c.party_id == party_id, tied.c.role == "co_borrower")
        .exists()
    )


def contact_of_branch(branch: str | None) -> ColumnElement[bool]:
    """Say whether a contact speaks of an account of a branch."""
    if branch is None:
        return true()
    about, held = item.alias("about"), account.alias("held")
    return (
        select(about.c.item_key)
        .select_from(about.join(held, held.c.account_id == about.c.account_id))
        .where(about.c.contact_id == contact.c.contact_id, held.c.branch == branch)
        .correlate(contact)
        .exists()
    )


def tally(rows: Iterable[Any]) -> Counter[str]:
    """Return rows of a name and a number as counts."""
    return Counter({name: number for name, number in rows})  # noqa: C416 - rows are tuples of the driver, not pairs
