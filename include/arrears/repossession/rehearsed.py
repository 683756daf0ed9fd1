"""In a rehearsal two staff of the sample approve one order, so that the way to the agency can be watched."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, Engine, select

from arrears.approvals.votes import vote
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.store.engine import reading
from arrears.store.tables.feeds import staff
from arrears.store.tables.repossession import approval, approval_vote, repossession_order

SKILL = "rehearsal_approver"
NOTE = "rehearsal: approved by the sample's own staff, no person has looked"


def rehearse_approval(rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy) -> str | None:
    """Let the sample's two approvers agree to the first waiting order, one a business date, and return its number.

    Only in a rehearsal of a sandbox whose staff feed marks two different people, legal and risk, with the skill
    ``rehearsal_approver``; the votes are recorded as rehearsed and never count in a live store.
    """
    if not rt.rehearsal or rt.settings.mode != "sandbox":
        return None
    with reading(engine) as connection:
        roles = policy.repossession.approval_roles["order"]
        people = _approvers(connection, roles)
        waiting = None if _already_rehearsed(connection, business_date) else _first_waiting(connection)
    if waiting is None or len(people) != len(roles):
        return None
    approval_id, order_no = waiting
    for staff_id in people:
        vote(
            rt,
            engine,
            approval_id=approval_id,
            staff_id=staff_id,
            decision="approve",
            note=NOTE,
            identity="rehearsal",
            policy=policy,
            run_id=run_id,
        )
    return order_no


def _approvers(connection: Connection, roles: Sequence[str]) -> list[str]:
    """Return one person for each role, in the order of the roles; short when a role has nobody of its own."""
    chosen: list[str] = []
    rows = connection.execute(select(staff).order_by(staff.c.staff_id)).all()
    for role in roles:
        fit = [
            row.staff_id
            for row in rows
            if SKILL in row.skills.split(";") and role in row.roles.split(";") and row.staff_id not in chosen
        ]
        chosen += fit[:1]
    return chosen


def _already_rehearsed(connection: Connection, business_date: date) -> bool:
    query = (
        select(approval.c.approval_id)
        .join(approval_vote, approval_vote.c.approval_id == approval.c.approval_id)
        .where(
            approval.c.kind == "order", approval.c.approved_on == business_date, approval_vote.c.identity == "rehearsal"
        )
    )
    return connection.execute(query).first() is not None


def _first_waiting(connection: Connection) -> tuple[str, str] | None:
    query = (
        select(approval.c.approval_id, repossession_order.c.order_no)
        .join(repossession_order, repossession_order.c.order_id == approval.c.subject_key)
        .where(
            approval.c.kind == "order", approval.c.state == "open", repossession_order.c.state == "awaiting_approval"
        )
        .order_by(repossession_order.c.order_no)
    )
    row = connection.execute(query).first()
    return (row.approval_id, row.order_no) if row else None
