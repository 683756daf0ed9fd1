"""Send the morning digest at most once a recipient: intent before effect, and what is in doubt is not repeated.

What surely did not leave is tried again by the day's own task, and after that by each dispatch of that day.
"""

import logging
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, update

from arrears.audit.log import last_checkpoint
from arrears.audit.record import record
from arrears.core.clock import local_date, utc_text
from arrears.core.errors import ArrearsError, TemporaryFailure
from arrears.core.runtime import Runtime
from arrears.outreach.digest_left import MAY_LEAVE, owed, withdraw_overtaken
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
OWN_TRIES = timedelta(minutes=15)
"""So long what could not be mailed is left to the task that tried: its next try comes within minutes."""


def send(rt: Runtime, this: runs.Day, *, failure: bool = False) -> dict[str, Any]:
    """Build the digest of every recipient and mail those who have not had it; a past day's is only kept as a file.

    Raises:
        TemporaryFailure: some surely did not leave, and can be sent again; who has a digest gets no second one.
    """
    from arrears.reports.digest import build_digests

    engine, policy = store_of(rt), policy_of(rt.settings)
    with reading(engine) as connection:
        head = last_checkpoint(connection)
        silent = paused(connection) or this.plan_only
    note = head.note if head else ""
    mails = build_digests(rt, engine, this.run_id, this.business_date, policy, note, failure=failure)
    if silent or this.business_date != local_date(rt.clock.now(), policy.time_zone):
        return {"built": len(mails), "sent": 0}
    with writing(engine) as connection:
        withdraw_overtaken(connection, rt, this.run_id, this.business_date, [mail.digest_key for mail in mails])
    with channels.contact_channels(rt) as adapters:
        results = _send_each(rt, this, mails, adapters.messages["email"])
    if left := results["not_sent"]:
        raise TemporaryFailure(
            f"{left} of {len(mails)} digests are not sent: the mail server does not take them now; "
            f"the first dispatch {OWN_TRIES.seconds // 60} minutes later or more tries again"
        )
    return {"built": len(mails), **results}


def send_alarm(rt: Runtime, this: runs.Day) -> str:
    """Mail why a day was held or broke off, with the work nobody needs a new ledger for; return what came of it.

    When that is impossible, the day's own failure stays the one that is told.

    Raises:
        TemporaryFailure: the mail server does not take it now.
    """
    try:
        return ", ".join(f"{name} {count}" for name, count in send(rt, this, failure=this.status == "failed").items())
    except TemporaryFailure:
        raise
    except ArrearsError as error:
        LOG.warning("no alarm mail for %s: %s", this.run_id, error)
        return "not sent"


def send_left(rt: Runtime) -> int:
    """Mail what today's newest day could not, morning digest or alarm, once its own tries are over; return how many.

    It is built anew. When the mail server still does not take it, the next call tries again.
    """
    left = _left(rt)
    if left is None:
        return 0
    this = runs.read_run(rt, left)
    try:
        return int(send(rt, this, failure=this.status == "failed")["sent"])
    except ArrearsError as error:
        LOG.warning("the digest of %s is still not sent: %s", this.run_id, error)
        return 0


def _left(rt: Runtime) -> str | None:
    """Return today's newest day if a digest of it was not sent and nobody has tried to for some minutes."""
    now = rt.clock.now()
    today = local_date(now, policy_of(rt.settings).time_zone)
    waits = owed(today).where(digest_sent.c.settled_at <= utc_text(now - OWN_TRIES))
    with reading(store_of(rt)) as connection:
        return connection.execute(waits.limit(1)).scalar()


def carry_over(rt: Runtime, this: runs.Day) -> int:
    """Lay out what is left of the last work lists for everybody and return how many lists that made."""
    from arrears.reports.worklists import write_carried_over

    try:
        return len(write_carried_over(rt, store_of(rt), this.business_date, policy_of(rt.settings)))
    except (ArrearsError, OSError) as error:
        LOG.warning("no lists carried over for %s: %s", this.run_id, type(error).__name__)
        return 0


def _send_each(rt: Runtime, this: runs.Day, mails: "list[DigestMail]", channel: "Channel") -> Counter[str]:
    """Return how many mails ended how; after one that found the server down the others are not tried."""
    results = Counter(sent=0)
    for mail in mails:
        verdict = _send_once(rt, this, mail, channel)
        results[str(verdict.outcome) if verdict else "already"] += 1
        if verdict and verdict.channel_down:
            LOG.warning("the mail server is down: %s", verdict.code)
            break
    results["not_sent"] += len(mails) - results.total()
    return results


def _send_once(rt: Runtime, this: runs.Day, mail: "DigestMail", channel: "Channel") -> "Verdict | None":
    """Send one mail and return how that ended; None when it went out, or may have gone out, before."""
    from arrears.outreach.message import Attachment, Message

    if not _intend(rt, this, mail, channel):
        return None
    files = tuple(Attachment(file.name, file.content, file.mime) for file in mail.attachments)
    verdict = channel.send(
        Message(mail.digest_key, mail.language, mail.recipient, mail.subject, mail.text, mail.html, attachments=files),
        lambda: True,
    )
    _settle(rt, this, mail, verdict)
    return verdict


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
            .where(digest_sent.c.digest_key == mail.digest_key, MAY_LEAVE)
            .values(state="sending", sending_at=now, run_id=this.run_id, html_sha256=mail.html_sha256,
                    artefact=mail.artefact, message_id=channel.message_id(mail.digest_key))
        )  # fmt: skip
        return bool(claimed.rowcount)


def _settle(rt: Runtime, this: runs.Day, mail: "DigestMail", verdict: "Verdict") -> None:
    """Write how it ended; what was certainly not sent may be tried again, what is in doubt may not."""
    state = {"not_sent": "planned"}.get(str(verdict.outcome), str(verdict.outcome))
    with writing(store_of(rt)) as connection:
        _update(connection, mail.digest_key, state=state, settled_at=utc_text(rt.clock.now()), detail=verdict.code)
        record(connection, rt, run_id=this.run_id, type=f"digest.{verdict.outcome}", key=mail.digest_key,
               business_date=this.business_date,
               data={"role": mail.role, "language": mail.language, "kind": mail.kind, "html_sha256": mail.html_sha256,
                     "reply": verdict.code})  # fmt: skip


def _update(connection: Connection, digest_key: str, **values: Any) -> None:
    connection.execute(update(digest_sent).where(digest_sent.c.digest_key == digest_key).values(**values))
