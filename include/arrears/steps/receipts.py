"""Take in delivery receipts and bounces, put what is in doubt before a supervisor, and carry out their answer."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from arrears.core.clock import local_date
from arrears.core.runtime import Runtime
from arrears.repossession.approvals import close, request
from arrears.steps import runs
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import writing
from arrears.store.tables.outreach import contact
from arrears.store.tables.repossession import approval

KIND = "in_doubt"


def take(rt: Runtime, this: runs.Day, *, before: date | None = None) -> dict[str, int]:
    """Import waiting receipts and bounces and return how many said what; see ``outreach.receipts``."""
    from arrears.outreach.receipts import take_receipts

    zone = policy_of(rt.settings).time_zone
    counts = take_receipts(rt, store_of(rt), this.run_id, this.business_date, zone, before=before)
    with writing(store_of(rt)) as connection:
        _close_settled(connection, rt)
    return counts


def ask_about_doubts(rt: Runtime, run_id: str) -> int:
    """Put every contact in doubt before a supervisor, once, and return how many are new to them."""
    from arrears.outreach.doubt import doubts

    today = local_date(rt.clock.now(), policy_of(rt.settings).time_zone)
    asked = select(approval.c.subject_key).where(approval.c.kind == KIND, approval.c.state == "open")
    with writing(store_of(rt)) as connection:
        _close_settled(connection, rt)
        known = set(connection.execute(asked).scalars())
        new = [row for row in doubts(connection) if row.contact_id not in known]
        for row in new:
            request(connection, rt, run_id=run_id, kind=KIND, subject_key=row.contact_id,
                    facts_sha256=row.payload_sha256, business_date=today)  # fmt: skip
    return len(new)


def _close_settled(connection: Connection, rt: Runtime) -> None:
    """Take back the question about a contact whose fate a receipt has told."""
    query = (
        select(approval.c.approval_id)
        .join(contact, contact.c.contact_id == approval.c.subject_key)
        .where(approval.c.kind == KIND, approval.c.state == "open", contact.c.state != "in_doubt")
    )
    for approval_id in connection.execute(query).scalars().all():
        close(connection, rt, approval_id, "void", "receipt")


def carry_out(connection: Connection, rt: Runtime, row: Row[Any], by: str) -> str | None:
    """End the doubt as a supervisor decided: approved means that it arrived, refused that it did not."""
    from arrears.outreach.doubt import decide_doubt

    if not decide_doubt(connection, rt, row.run_id, row.subject_key, arrived=row.state == "approved", by=by):
        return None
    return "it counts as sent" if row.state == "approved" else "it is closed as not arrived; nothing is sent again"
