"""Visits asked for with a reason (V5): which wait for a supervisor, which one approved, and how one rules.

A request may come with its approval; where it does not, a supervisor rules here. Nobody approves their own request.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select, update

from arrears.audit.record import record
from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import account, staff, visit_request
from arrears.store.tables.outreach import contact, item

ROLE = "supervisor"
RULINGS = ("approve", "refuse")


@dataclass(frozen=True)
class Ruling:
    """What a supervisor says about a visit, and why."""

    staff_id: str
    decision: str
    note: str
    identity: str
    on: date


def approved_visits(connection: Connection, on: date, among: AccountRange = EVERY) -> set[str]:
    """Return the accounts for which a supervisor approved a visit that somebody else asked for and nobody made yet."""
    asked = visit_request.c
    made = exists(
        select(item.c.item_key)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(
            item.c.account_id == asked.account_id,
            item.c.channel == "visit",
            item.c.business_date >= asked.asked_on,
            item.c.business_date < on,
            contact.c.state == "sent",
        )
    )
    not_refused = or_(asked.ruling.is_(None), asked.ruling == "approve")  # a refusal given here outlives a delivery
    delivered = and_(_is_by_another_supervisor(asked.approved_by), not_refused)
    ruled = and_(_is_by_another_supervisor(asked.ruled_by), asked.ruling == "approve", asked.ruled_on <= on)
    query = (
        select(asked.account_id)
        .join(episode, and_(episode.c.account_id == asked.account_id, episode.c.cured_on.is_(None)))
        .where(asked.asked_on.between(episode.c.first_unpaid_due, on), or_(delivered, ruled), ~made)
    )
    return set(connection.execute(among.of(connection, query, asked.account_id)).scalars())


def supervisors(connection: Connection) -> list[str]:
    """Return the staff who may approve a visit."""
    rows = connection.execute(select(staff.c.staff_id, staff.c.roles))
    return [row.staff_id for row in rows if ROLE in row.roles.split(";")]


def _is_by_another_supervisor(person: ColumnElement[str]) -> ColumnElement[bool]:
    """Say whether somebody may answer a request: a supervisor of the staff who did not ask for it themselves."""
    is_one = (";" + staff.c.roles + ";").contains(f";{ROLE};")
    return exists().where(staff.c.staff_id == person, staff.c.staff_id != visit_request.c.asked_by, is_one)


def is_answered() -> ColumnElement[bool]:
    """Say which requests have an answer that counts, in the feed or by a ruling given here; the others wait."""
    return or_(_is_by_another_supervisor(visit_request.c.approved_by),
               _is_by_another_supervisor(visit_request.c.ruled_by))  # fmt: skip


def waiting(
    connection: Connection, first: int = 0, limit: int | None = None, branch: str | None = None
) -> list[Row[Any]]:
    """Return the requests of open arrears that wait for a supervisor, or those a branch sees, the oldest first."""
    asked = visit_request.c
    query = _waiting(select(visit_request), branch).order_by(asked.asked_on, asked.account_id)
    return list(connection.execute(query.offset(first).limit(limit)))


def count_waiting(connection: Connection, branch: str | None = None) -> int:
    """Return how many requests wait for a supervisor: all, or those a branch sees."""
    return int(connection.execute(_waiting(select(func.count()).select_from(visit_request), branch)).scalar_one())


def _waiting(query: Select[Any], branch: str | None) -> Select[Any]:
    asked = visit_request.c
    query = query.join(episode, and_(episode.c.account_id == asked.account_id, episode.c.cured_on.is_(None)))
    query = query.where(~is_answered(), asked.asked_on >= episode.c.first_unpaid_due)
    if branch is None:
        return query
    held = exists().where(account.c.account_id == asked.account_id, account.c.branch == branch)
    return query.where(held)


def rule(connection: Connection, rt: Runtime, run_id: str, key: str, ruling: Ruling) -> None:
    """Write down what a supervisor rules about a request, once, and tell the log.

    Raises:
        BadArguments: the request has its answer, or the person may not answer it.
    """
    query = select(visit_request, is_answered().label("is_answered"))
    row = connection.execute(query.where(visit_request.c.visit_request_key == key)).one()
    if row.is_answered:
        raise BadArguments(f"visit {key[:12]}: it has its answer already")
    if ruling.staff_id not in supervisors(connection):
        raise BadArguments(f"staff {ruling.staff_id!r}: a visit is approved by one of the role {ROLE}")
    if ruling.staff_id == row.asked_by:
        raise BadArguments(f"staff {ruling.staff_id!r} asked for this visit: somebody else must decide")
    values = {"ruling": ruling.decision, "ruled_by": ruling.staff_id, "ruled_on": ruling.on}
    connection.execute(update(visit_request).where(visit_request.c.visit_request_key == key).values(**values))
    ref = select(account.c.subject_ref).where(account.c.account_id == row.account_id)
    record(
        connection,
        rt,
        run_id=run_id,
        type="visit.approved" if ruling.decision == "approve" else "visit.refused",
        key=key,
        business_date=ruling.on,
        subject_ref=connection.execute(ref).scalar_one_or_none(),
        actor=ruling.staff_id,
        data={"asked_on": row.asked_on.isoformat(), "identity": ruling.identity},
        detail={"note": ruling.note},
    )
