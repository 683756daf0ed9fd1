"""The questions that wait for people, one by one: which, about whom, since when, and who has not answered yet."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from arrears.approvals.questions import PACKETS
from arrears.reports.scope import of_branch
from arrears.store.artefacts import packet_number
from arrears.store.tables.repossession import approval, approval_vote, repossession_order


@dataclass(frozen=True)
class Question:
    """One question put to people, with the roles whose answer is missing."""

    kind: str
    account_id: str | None
    number: str | None
    """What people call it: the number of the order, or of the packet."""
    asked_on: date
    missing: tuple[str, ...]


def waiting(connection: Connection, branch: str | None, limit: int) -> list[Question]:
    """Return the open questions, the longest waiting first, at most ``limit``."""
    rows = connection.execute(
        select(
            approval.c.approval_id,
            approval.c.kind,
            approval.c.subject_key,
            approval.c.account_id,
            repossession_order.c.order_no,
            approval.c.requested_on,
            approval.c.roles,
        )
        .outerjoin(repossession_order, repossession_order.c.order_id == approval.c.subject_key)
        .where(approval.c.state == "open", approval.c.account_id.is_(None) | of_branch(approval.c.account_id, branch))
        .order_by(approval.c.requested_on, func.coalesce(repossession_order.c.order_no, ""), approval.c.approval_id)
        .limit(limit)
    ).all()
    given: dict[str, set[str]] = defaultdict(set)
    votes = select(approval_vote.c.approval_id, approval_vote.c.role)
    for vote in connection.execute(votes.where(approval_vote.c.approval_id.in_([row.approval_id for row in rows]))):
        given[vote.approval_id].add(vote.role)
    return [
        Question(
            row.kind,
            row.account_id,
            packet_number(row.subject_key) if row.kind in PACKETS else row.order_no,
            row.requested_on,
            tuple(role for role in row.roles.split(";") if role and role not in given[row.approval_id]),
        )
        for row in rows
    ]
