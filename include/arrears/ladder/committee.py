"""What the case committee decided last about an account, as far as it is in force."""

from datetime import date

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, exists, or_, select

from arrears.ladder.facts import COMMITTEE_MARKS
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.feeds import committee, staff


def is_newest_word(on: date | BindParameter[date]) -> ColumnElement[bool]:
    """Say of a decision that it is the newest about its account up to a day, taken by two people of the staff."""
    later, known = committee.alias("later"), select(staff.c.staff_id)
    decided = and_(later.c.decided_by.in_(known), later.c.second_decided_by.in_(known), later.c.decided_on <= on)
    newest = ~exists().where(
        later.c.account_id == committee.c.account_id, later.c.decided_on > committee.c.decided_on, decided
    )
    return and_(
        committee.c.decided_on <= on,
        committee.c.decided_by.in_(known),
        committee.c.second_decided_by.in_(known),
        newest,
    )


def is_in_force(on: date) -> ColumnElement[bool]:
    """Say of a decision that it is the newest and its review is yet to come."""
    return and_(is_newest_word(on), or_(committee.c.review_on.is_(None), committee.c.review_on > on))


def words_in_force(connection: Connection, on: date, among: AccountRange = EVERY) -> dict[str, str]:
    """Return the decisions that steps wait for, by account: not past their review, not followed by another one."""
    query = select(committee.c.account_id, committee.c.decision).where(
        committee.c.decision.in_(tuple(COMMITTEE_MARKS)), is_in_force(on)
    )
    rows = connection.execute(among.of(connection, query, committee.c.account_id))
    return {row.account_id: row.decision for row in rows}
