"""Digests that surely did not leave: those that the newest run of a day owes, and those that nobody builds any more."""

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select, update

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.store.tables.reports import digest_sent
from arrears.store.tables.runs import run

OVERTAKEN = "overtaken"
"""Why a digest was withdrawn: a later delivery, or another of the three mails, took its place before it left."""
UNSENT = digest_sent.c.state == "planned"
MAY_LEAVE = or_(UNSENT, and_(digest_sent.c.state == "rejected", digest_sent.c.detail == OVERTAKEN))
"""What was never mailed; one that was withdrawn leaves after all when it is built again."""


def owed(business_date: date) -> Select[Any]:
    """Select, by their run, the digests that the newest run of a day could not mail; a run that only plans owes none.

    What an earlier run could not mail counts no more: the newer one builds its own.
    """
    sends = select(run.c.run_id).where(run.c.kind == "daily", run.c.business_date == business_date, ~run.c.plan_only)
    newest = sends.order_by(run.c.ordinal.desc()).limit(1).scalar_subquery()
    return select(digest_sent.c.run_id).where(UNSENT, digest_sent.c.run_id == newest)


def withdraw_overtaken(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, built: Collection[str]
) -> int:
    """Withdraw what this run or one before it could not mail that day and this one does not build; return how many."""
    this = run.alias()
    ordinal = select(this.c.ordinal).where(this.c.run_id == run_id).scalar_subquery()
    so_far = select(run.c.run_id).where(
        run.c.kind == "daily", run.c.business_date == business_date, run.c.ordinal <= ordinal
    )
    overtaken = (
        update(digest_sent)
        .where(UNSENT, digest_sent.c.business_date == business_date, digest_sent.c.run_id.in_(so_far),
               digest_sent.c.digest_key.not_in(built))
        .values(state="rejected", settled_at=utc_text(rt.clock.now()), detail=OVERTAKEN)
        .returning(digest_sent)
    )  # fmt: skip
    rows = sorted(connection.execute(overtaken), key=lambda row: str(row.digest_key))
    for row in rows:
        record(connection, rt, run_id=run_id, type="digest.withdrawn", key=row.digest_key,
               business_date=business_date, data={"role": row.role, "kind": row.kind, "code": OVERTAKEN})  # fmt: skip
    return len(rows)
