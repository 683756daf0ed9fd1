"""Digests whose fate nobody knows: found after a crash, ended by a bounce or a named person, never sent again."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.store.tables.reports import digest_sent

LEFT_ALONE = timedelta(minutes=15)
"""Longer than any mail takes: a digest still being sent after this lost its worker."""


def recover_digests(connection: Connection, rt: Runtime, run_id: str) -> int:
    """Put digests in doubt whose sending began and never ended, and return how many."""
    before = utc_text(rt.clock.now() - LEFT_ALONE)
    stuck = (
        update(digest_sent)
        .where(digest_sent.c.state == "sending", digest_sent.c.sending_at <= before)
        .values(state="in_doubt", detail="lease_over")
        .returning(digest_sent)
    )
    rows = connection.execute(stuck).all()
    for row in rows:
        _tell(connection, rt, run_id, row, "digest.in_doubt", "lease_over")
    return len(rows)


def digest_doubts(connection: Connection) -> list[Row[Any]]:
    """Return the digests in doubt, oldest first."""
    query = select(digest_sent).where(digest_sent.c.state == "in_doubt")
    return list(connection.execute(query.order_by(digest_sent.c.business_date, digest_sent.c.digest_key)))


def end_digest_doubt(
    connection: Connection, rt: Runtime, run_id: str, digest_key: str, state: str, code: str, *, by: str = "system"
) -> bool:
    """Move a digest from ``in_doubt`` to ``sent`` or ``rejected``; False when it is in no doubt."""
    statement = (
        update(digest_sent)
        .where(digest_sent.c.digest_key == digest_key, digest_sent.c.state == "in_doubt")
        .values(state=state, settled_at=utc_text(rt.clock.now()), detail=code)
        .returning(digest_sent)
    )
    row = connection.execute(statement).first()
    if row is not None:
        _tell(connection, rt, run_id, row, "digest.resolved", code, by=by)
    return row is not None


def bounce_digest(connection: Connection, rt: Runtime, run_id: str, message_id: str, code: str) -> bool:
    """Note that a digest came back, whether it was in doubt or taken for sent; False when the mail is no digest."""
    statement = (
        update(digest_sent)
        .where(digest_sent.c.message_id == message_id, digest_sent.c.state.in_(("sent", "in_doubt", "sending")))
        .values(state="rejected", settled_at=utc_text(rt.clock.now()), detail=code)
        .returning(digest_sent)
    )
    row = connection.execute(statement).first()
    if row is not None:
        _tell(connection, rt, run_id, row, "digest.bounced", code)
    return row is not None


def _tell(
    connection: Connection, rt: Runtime, run_id: str, row: Any, kind: str, code: str, *, by: str = "system"
) -> None:
    record(connection, rt, run_id=run_id, type=kind, key=row.digest_key, business_date=row.business_date, actor=by,
           data={"role": row.role, "kind": row.kind, "code": code})  # fmt: skip
