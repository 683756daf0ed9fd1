"""The state changes of a contact as statements: each holds only under the fence of its claim."""

from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, or_, select

from arrears.store.tables.outreach import contact, contact_attempt

ENDING = ("reason", "sent_at", "not_before", "provider_code", "provider_id")


def _held(before: str, after: Any, *columns: str) -> Update:
    """Return the change from one state to the next; ``key`` and ``holder`` name the claim, ``by`` the run."""
    ours = and_(
        contact.c.contact_id == bindparam("key"),
        contact.c.fence == bindparam("holder"),
        contact.c.state == before,
    )
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    return contact.update().where(ours).values(state=after, state_run_id=bindparam("by"), **values)


RELEASE = _held("claimed", "planned")
WITHHOLD = _held("claimed", "withheld", "reason")
INTEND = _held("claimed", "sending", "attempts", "payload_sha256", "intent_at", "message_id")
SETTLE = _held("sending", bindparam("after"), *ENDING)
ISSUE = _held("claimed", "sent", "attempts", "payload_sha256", "intent_at", "message_id", "sent_at", "provider_code")
RESOLVE = _held("in_doubt", bindparam("after"), *ENDING)

AS_IT_STANDS = (
    select(contact.c.contact_id, contact.c.fence, contact.c.state)
    .where(contact.c.contact_id.in_(bindparam("keys", expanding=True)))
    .order_by(contact.c.contact_id)
    .with_for_update()
)
"""Fence and state of many contacts, locked in one order so that two workers never wait for each other."""

OPEN_ATTEMPT = contact_attempt.insert()
END_ATTEMPT = (
    contact_attempt.update()
    .where(
        contact_attempt.c.contact_id == bindparam("key"),
        or_(contact_attempt.c.outcome.is_(None), contact_attempt.c.outcome == "in_doubt"),
    )
    .values(
        outcome=bindparam("new_outcome"),
        finished_at=bindparam("new_finished_at"),
        provider_code=bindparam("new_provider_code"),
        provider_id=bindparam("new_provider_id"),
    )
)


def moved(state: str, which: ColumnElement[bool], run_id: str, **values: Any) -> Update:
    """Return the change of every contact of ``which`` that no worker holds any more."""
    return contact.update().where(which).values(state=state, state_run_id=run_id, **values)
