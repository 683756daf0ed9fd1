"""Send the morning digest at most once a recipient: intent before effect, and what is in doubt is not repeated."""

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, update

from arrears.audit.log import last_checkpoint
from arrears.audit.record import record
from arrears.core.clock import local_date, utc_text
from arrears.core.errors import ArrearsError
from arrears.core.runtime import Runtime
from arrears.steps import channels, runs
from arrears.steps.world import policy_of, store_of
from arrears.store.bulk import insert_new
from arrears.store.engine import reading, writing
from arrears.store.identity import paused
from arrears.store.tables.reports import digest_sent

if TYPE_CHECKING:
    from arrears.outreach.message import Channel
    from arrears.outreach.verdict import Verdict
    from arrears.reports.digest import DigestMail

LOG = logging.getLogger(__name__)


def send(rt: Runtime, this: runs.Day, *, failure: bool = False) -> dict[str, Any]:
    """Build the digest of every recipient and mail those who have not had it; a past day's is only kept as a file."""
    from arrears.reports.digest import build_digests

    engine, policy = store_of(rt), policy_of(rt.settings)
    with reading(engine) as connection:
        head = last_checkpoint(connection)
        silent = paused(connection) or this.plan_only
    note = head.note if head else ""
    mails = build_digests(rt, engine, this.run_id, this.business_date, policy, note, failure=failure)
    if silent or this.business_date != local_date(rt.clock.now(), policy.time_zone):
        return {"built": len(mails), "sent": 0}
    results: Counter[str] = Counter()
    with channels.contact_channels(rt) as adapters:
        for mail in mails:
            results[_send_once(rt, this, mail, adapters.messages["email"])] += 1
    return {"built": len(mails), **results}


def send_alarm(rt: Runtime, this: runs.Day) -> str:
    """Mail why a day was held or broke off, with the work nobody needs a new ledger for; return what came of it.

    When that is impossible too, the day's own failure stays the one that is told.
    """
    try:
        return ", ".join(f"{name} {count}" for name, count in send(rt, this, failure=this.status == "failed").items())
    except ArrearsError as error:
        LOG.warning("no alarm mail for %s: %s", this.run_id, error)
        return "not sent"


def carry_over(rt: Runtime, this: runs.Day) -> int:
    """Lay out what is left of the last work lists for everybody and return how many lists that made."""
    from arrears.reports.worklists import write_carried_over

    try:
        return len(write_carried_over(rt, store_of(rt), this.business_date, policy_of(rt.settings)))
    except (ArrearsError, OSError) as error:
        LOG.warning("no lists carried over for %s: %s", this.run_id, type(error).__name__)
        return 0


def _send_once(rt: Runtime, this: runs.Day, mail: "DigestMail", channel: "Channel") -> str:
    from arrears.outreach.message import Attachment, Message

    if not _intend(rt, this, mail, channel):
        return "already"
    files = tuple(Attachment(file.name, file.content, file.mime) for file in mail.attachments)
    verdict = channel.send(
        Message(mail.digest_key, mail.language, mail.recipient, mail.subject, mail.text, mail.html, attachments=files),
        lambda: True,
    )
    return _settle(rt, this, mail, verdict)


def _intend(rt: Runtime, this: runs.Day, mail: "DigestMail", channel: "Channel") -> bool:
    """Commit the intent to send; False when this digest went out, or may have gone out, before."""
    now = utc_text(rt.clock.now())
    row = {
        "digest_key": mail.digest_key,
        "business_date": this.business_date,
        "delivery_no": mail.delivery_no,
        "recipient_sha256": mail.recipient_sha256,
        "role": mail.role,
        "language": mail.language,
        "branch": mail.branch,
        "kind": mail.kind,
        "run_id": this.run_id,
        "html_sha256": mail.html_sha256,
        "artefact": mail.artefact,
        "state": "planned",
        "planned_at": now,
    }
    with writing(store_of(rt)) as connection:
        insert_new(connection, digest_sent, [row])
        claimed = connection.execute(
            update(digest_sent)
            .where(digest_sent.c.digest_key == mail.digest_key, digest_sent.c.state == "planned")
            .values(state="sending", sending_at=now, html_sha256=mail.html_sha256, artefact=mail.artefact,
                    message_id=channel.message_id(mail.digest_key))
        )  # fmt: skip
        return bool(claimed.rowcount)


def _settle(rt: Runtime, this: runs.Day, mail: "DigestMail", verdict: "Verdict") -> str:
    """Write how it ended; what was certainly not sent may be tried again, what is in doubt may not."""
    state = {"not_sent": "planned"}.get(str(verdict.outcome), str(verdict.outcome))
    with writing(store_of(rt)) as connection:
        _update(connection, mail.digest_key, state=state, settled_at=utc_text(rt.clock.now()), detail=verdict.code)
        record(connection, rt, run_id=this.run_id, type=f"digest.{verdict.outcome}", key=mail.digest_key,
               business_date=this.business_date,
               data={"role": mail.role, "language": mail.language, "kind": mail.kind, "html_sha256": mail.html_sha256,
                     "reply": verdict.code})  # fmt: skip
    return str(verdict.outcome)


def _update(connection: Connection, digest_key: str, **values: Any) -> None:
    connection.execute(update(digest_sent).where(digest_sent.c.digest_key == digest_key).values(**values))
