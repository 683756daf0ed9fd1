"""At most one digest a business date, ledger delivery and recipient: the intent is kept before the mail leaves.

planned -> sending -> sent | rejected | in_doubt. Only a planned mail can be claimed, so a mail in doubt is never sent
again by itself; a rejected one surely did not go out and may be planned anew.
"""

from datetime import date, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine, select, update

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.reports.digest import DigestMail
from arrears.store.bulk import insert_new
from arrears.store.engine import writing
from arrears.store.tables.reports import digest_sent

Settled = Literal["sent", "rejected", "in_doubt"]
DETAIL_CHARACTERS = 200
PATIENCE = timedelta(minutes=10)
"""Longer than any mail server may take to answer."""


def plan_digests(rt: Runtime, engine: Engine, run_id: str, mails: list[DigestMail]) -> list[DigestMail]:
    """Write down which mails are meant to leave, and return those still to be sent.

    A mail that was sent, is being sent or is in doubt is left out; one that was rejected is planned anew.
    """
    with writing(engine) as connection:
        insert_new(connection, digest_sent, [_row(rt, run_id, mail) for mail in mails])
        for mail in mails:
            again = (digest_sent.c.digest_key == mail.digest_key) & digest_sent.c.state.in_(("planned", "rejected"))
            connection.execute(
                update(digest_sent).where(again).values(state="planned", html_sha256=mail.html_sha256, run_id=run_id)
            )
        keys = [mail.digest_key for mail in mails]
        open_keys = set(connection.execute(
            select(digest_sent.c.digest_key)
            .where(digest_sent.c.digest_key.in_(keys), digest_sent.c.state == "planned")).scalars())  # fmt: skip
    return [mail for mail in mails if mail.digest_key in open_keys]


def claim_digest(rt: Runtime, engine: Engine, digest_key: str) -> bool:
    """Commit the intent to send one mail; False when somebody else has it or it is not planned."""
    with writing(engine) as connection:
        taken = connection.execute(
            update(digest_sent)
            .where(digest_sent.c.digest_key == digest_key, digest_sent.c.state == "planned")
            .values(state="sending", sending_at=utc_text(rt.clock.now()))
        )
        if taken.rowcount == 1:
            _record(connection, rt, digest_key, "digest.attempted")
        return taken.rowcount == 1


def settle_digest(
    rt: Runtime, engine: Engine, digest_key: str, state: Settled, *, message_id: str = "", detail: str = ""
) -> None:
    """Write down what the gateway said of a mail that was being sent.

    Raises:
        CannotTell: the mail was not being sent.
    """
    with writing(engine) as connection:
        done = connection.execute(
            update(digest_sent)
            .where(digest_sent.c.digest_key == digest_key, digest_sent.c.state == "sending")
            .values(state=state, settled_at=utc_text(rt.clock.now()), message_id=message_id or None,
                    detail=detail[:DETAIL_CHARACTERS] or None)
        )  # fmt: skip
        if done.rowcount != 1:
            raise CannotTell(f"digest {digest_key[:12]} was not being sent: its state stays as it is")
        _record(connection, rt, digest_key, f"digest.{state}")


def doubt_interrupted(rt: Runtime, engine: Engine, business_date: date) -> int:
    """Put mails whose sender died between intent and reply in doubt, and return how many."""
    before = utc_text(rt.clock.now() - PATIENCE)
    interrupted = (digest_sent.c.business_date == business_date) & (digest_sent.c.state == "sending")
    with writing(engine) as connection:
        keys = connection.execute(
            update(digest_sent)
            .where(interrupted, digest_sent.c.sending_at <= before)
            .values(state="in_doubt", settled_at=utc_text(rt.clock.now()), detail="interrupted")
            .returning(digest_sent.c.digest_key)
        ).scalars().all()  # fmt: skip
        for key in keys:
            _record(connection, rt, key, "digest.in_doubt")
    return len(keys)


def _row(rt: Runtime, run_id: str, mail: DigestMail) -> dict[str, object]:
    return {
        "digest_key": mail.digest_key,
        "business_date": mail.business_date,
        "delivery_no": mail.delivery_no,
        "recipient_sha256": mail.recipient_sha256,
        "role": mail.role,
        "language": mail.language,
        "branch": mail.branch,
        "kind": mail.kind,
        "run_id": run_id,
        "html_sha256": mail.html_sha256,
        "artefact": mail.artefact,
        "state": "planned",
        "planned_at": utc_text(rt.clock.now()),
    }


def _record(connection: Connection, rt: Runtime, digest_key: str, event: str) -> None:
    found = connection.execute(select(digest_sent).where(digest_sent.c.digest_key == digest_key)).one()
    data = {
        "role": found.role,
        "kind": found.kind,
        "delivery_no": found.delivery_no,
        "html_sha256": found.html_sha256,
    }
    record(
        connection, rt, run_id=found.run_id, type=event, key=digest_key, business_date=found.business_date, data=data
    )
