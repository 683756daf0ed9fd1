"""Take in delivery receipts and bounces, put what is in doubt before a supervisor, and carry out their answer."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from arrears.approvals.questions import close, request
from arrears.core.clock import local_date
from arrears.core.runtime import Runtime
from arrears.steps import runs
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import reading, writing
from arrears.store.tables.outreach import contact
from arrears.store.tables.reports import digest_sent
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
    """Put every message in doubt, digests included, before a supervisor, once; return how many are new to them."""
    from arrears.outreach.digest_doubt import digest_doubts, recover_digests
    from arrears.outreach.doubt import doubts

    today = local_date(rt.clock.now(), policy_of(rt.settings).time_zone)
    asked = select(approval.c.subject_key).where(approval.c.kind == KIND, approval.c.state == "open")
    with writing(store_of(rt)) as connection:
        recover_digests(connection, rt, run_id)
        _close_settled(connection, rt)
        known = set(connection.execute(asked).scalars())
        unknown = [(row.contact_id, row.payload_sha256) for row in doubts(connection)]
        unknown += [(row.digest_key, row.html_sha256) for row in digest_doubts(connection)]
        new = [(key, sha256) for key, sha256 in unknown if key not in known]
        for key, sha256 in new:
            request(connection, rt, run_id=run_id, kind=KIND, subject_key=key, facts_sha256=sha256,
                    business_date=today)  # fmt: skip
    return len(new)


def list_doubts(rt: Runtime) -> list[dict[str, Any]]:
    """Return what nobody knows the fate of, oldest first: contacts and digests, with their age in hours."""
    from arrears.outreach.digest_doubt import digest_doubts
    from arrears.outreach.doubt import doubts

    asked = select(approval.c.subject_key, approval.c.approval_id).where(
        approval.c.kind == KIND, approval.c.state == "open"
    )
    now = rt.clock.now()
    with reading(store_of(rt)) as connection:
        questions = {row.subject_key: row.approval_id for row in connection.execute(asked)}
        found = [(row.contact_id, row.channel, row.business_date, row.intent_at) for row in doubts(connection)]
        found += [
            (row.digest_key, "digest", row.business_date, row.sending_at or row.planned_at)
            for row in digest_doubts(connection)
        ]
    return [
        {
            "key": key,
            "channel": channel,
            "business_date": day.isoformat(),
            "since": since,
            "age_hours": max(0, int((now - datetime.fromisoformat(since)).total_seconds() // 3600)),
            "approval_id": questions.get(key),
        }
        for key, channel, day, since in sorted(found, key=lambda one: (one[3], one[0]))
    ]


def _close_settled(connection: Connection, rt: Runtime) -> None:
    """Take back the question about a contact whose fate a receipt has told."""
    about = select(approval.c.approval_id).where(approval.c.kind == KIND, approval.c.state == "open")
    settled = [
        about.join(contact, contact.c.contact_id == approval.c.subject_key).where(contact.c.state != "in_doubt"),
        about.join(digest_sent, digest_sent.c.digest_key == approval.c.subject_key).where(
            digest_sent.c.state != "in_doubt"
        ),
    ]
    for query in settled:
        for approval_id in connection.execute(query).scalars().all():
            close(connection, rt, approval_id, "void", "receipt")


def carry_out(connection: Connection, rt: Runtime, row: Row[Any], by: str) -> str | None:
    """End the doubt as a supervisor decided: approved means that it arrived, refused that it did not."""
    from arrears.outreach.digest_doubt import end_digest_doubt
    from arrears.outreach.doubt import decide_doubt

    arrived = row.state == "approved"
    state, code = ("sent", "person_arrived") if arrived else ("rejected", "person_not_arrived")
    if end_digest_doubt(connection, rt, row.run_id, row.subject_key, state, code, by=by):
        return "the digest counts as sent" if arrived else "the digest is closed as not arrived; it is not sent again"
    if not decide_doubt(connection, rt, row.run_id, row.subject_key, arrived=row.state == "approved", by=by):
        return None
    return "it counts as sent" if row.state == "approved" else "it is closed as not arrived; nothing is sent again"
