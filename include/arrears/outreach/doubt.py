"""End a doubt: by a receipt, by a bounce, or by a named person; never by sending again."""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.outreach.transitions import END_ATTEMPT
from arrears.store.tables.feeds import outcome
from arrears.store.tables.outreach import contact

ENDS = {"delivered": "sent", "not_delivered": "rejected", "bounced": "rejected"}
"""A receipt that somebody has it proves that it left; one that nobody got it closes the matter."""

_END = (
    contact.update()
    .where(contact.c.contact_id == bindparam("key"), contact.c.state == "in_doubt")
    .values(
        state=bindparam("after"),
        state_run_id=bindparam("by"),
        reason=bindparam("why"),
        sent_at=bindparam("at"),
        provider_code=bindparam("code"),
    )
)


def doubts(connection: Connection) -> list[Row[Any]]:
    """Return the contacts that nobody knows the fate of, oldest first."""
    query = select(contact).where(contact.c.state == "in_doubt")
    return list(connection.execute(query.order_by(contact.c.business_date, contact.c.contact_id)))


def end_doubt(
    connection: Connection, rt: Runtime, run_id: str, row: Row[Any], state: str, code: str, *, by: str = "system"
) -> bool:
    """Move a contact from ``in_doubt`` to ``sent`` or ``rejected``; False when it is in no doubt (any more).

    ``by`` is the staff id of the person who decided, or ``system`` for a receipt.
    """
    now = utc_text(rt.clock.now())
    reason, sent_at = (None, now) if state == "sent" else ("not_arrived", None)
    new = {"key": row.contact_id, "after": state, "by": run_id, "why": reason, "at": sent_at, "code": code[:40]}
    if connection.execute(_END, new).rowcount != 1:
        return False
    ending = {"new_outcome": state, "new_finished_at": now, "new_provider_code": code[:40], "new_provider_id": None}
    connection.execute(END_ATTEMPT, {"key": row.contact_id} | ending)
    record(connection, rt, run_id=run_id, type="action.resolved", key=row.contact_id, action_id=row.contact_id,
           business_date=row.business_date, actor=by, data={"code": code, "state": state})  # fmt: skip
    return True


def decide_doubt(connection: Connection, rt: Runtime, run_id: str, contact_id: str, *, arrived: bool, by: str) -> bool:
    """Carry out what a person decided about a doubt: it arrived, or it did not and stays unsent."""
    row = connection.execute(select(contact).where(contact.c.contact_id == contact_id)).one_or_none()
    if row is None:
        return False
    state, code = ("sent", "person_arrived") if arrived else ("rejected", "person_not_arrived")
    return end_doubt(connection, rt, run_id, row, state, code, by=by)


def end_told_doubts(connection: Connection, rt: Runtime, run_id: str) -> int:
    """End every doubt that an outcome naming the contact in ``evidence_ref`` has settled, and return how many.

    A worker may have died after its message was delivered: then the receipt came before the doubt.
    """
    query = (
        select(contact, outcome.c.outcome.label("told"))
        .join(outcome, outcome.c.evidence_ref == contact.c.contact_id)
        .where(contact.c.state == "in_doubt", outcome.c.outcome.in_(ENDS))
        .order_by(contact.c.contact_id, outcome.c.outcome)  # delivered before not_delivered
    )
    return sum(
        end_doubt(connection, rt, run_id, row, ENDS[row.told], f"outcome_{row.told}")
        for row in connection.execute(query).all()
    )
