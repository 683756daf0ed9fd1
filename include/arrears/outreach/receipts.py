"""Take in what gateways and mail servers said later: receipts become outcomes, and outcomes end doubt.

The spool is a folder of ``*.json`` (receipts) and of mails with bounces, as ``*.eml`` or as a Maildir. A file is moved
to ``taken`` only after what it says stands in the store; taken in twice it changes nothing.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from arrears.audit.record import Event, record_many
from arrears.core.clock import local_date, utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.outreach.bounces import read_bounce
from arrears.outreach.digest_doubt import bounce_digest
from arrears.outreach.doubt import end_doubt, end_told_doubts
from arrears.outreach.receipt import Receipt, read_json
from arrears.store.engine import writing
from arrears.store.tables.feeds import account, outcome
from arrears.store.tables.outreach import contact, item

BATCH = 500
LARGEST = 5_000_000


def spool_of(settings: Settings) -> Path:
    """Return the folder in which receipts and bounces wait (``ARREARS_RECEIPTS_URL``, or ``receipts`` at home).

    Raises:
        BadArguments: the URL is no folder.
    """
    url = settings.receipts_url or str(settings.home / "receipts")
    if "://" in url and not url.startswith("file://"):
        raise BadArguments("ARREARS_RECEIPTS_URL: name a folder, as a path or a file:// URL")
    return Path(url.removeprefix("file://"))


def take_receipts(
    rt: Runtime, engine: Engine, run_id: str, business_date: date, zone: str, *, before: date | None = None
) -> dict[str, int]:
    """Import every receipt that waits and return how many said what; ``resolved`` counts the doubts they ended.

    ``before`` leaves those of that day and later where they are: a morning's decisions must come out the same when
    the day is run again.
    """
    folder, counts = spool_of(rt.settings), Counter[str]()
    waiting = iter(_waiting(folder))
    while files := list(islice(waiting, BATCH)):
        found = [(file, _read(file)) for file in files]
        now = utc_text(rt.clock.now())
        ours = [(file, receipt) for file, receipt in found if not _is_later(receipt, now, zone, before)]
        with writing(engine) as connection:
            taken = _Taken(connection, rt, run_id, business_date)
            for _, receipt in ours:
                counts[taken.take(receipt)] += 1
            taken.write()
        for file, receipt in ours:
            _put_away(folder, file, "taken" if receipt else "refused")
    with writing(engine) as connection:
        counts["resolved"] += end_told_doubts(connection, rt, run_id)
    return dict(sorted((+counts).items()))


def _waiting(folder: Path) -> list[Path]:
    mails = [file for inbox in ("new", "cur") for file in (folder / inbox).glob("*")]
    return sorted(file for file in [*folder.glob("*.json"), *folder.glob("*.eml"), *mails] if file.is_file())


def _read(file: Path) -> Receipt | None:
    if file.is_symlink() or file.stat().st_size > LARGEST:
        return None
    content = file.read_bytes()
    return read_json(content) if file.suffix == ".json" else read_bounce(content)


def _is_later(receipt: Receipt | None, now: str, zone: str, before: date | None) -> bool:
    if receipt is None or before is None:
        return False
    return local_date(datetime.fromisoformat(receipt.at or now), zone) >= before


def _put_away(folder: Path, file: Path, where: str) -> None:
    (folder / where).mkdir(exist_ok=True)
    file.replace(folder / where / file.name)


class _Taken:
    """What one transaction takes in."""

    def __init__(self, connection: Connection, rt: Runtime, run_id: str, business_date: date) -> None:
        self._connection, self._rt, self._run_id, self._day = connection, rt, run_id, business_date
        self._now = utc_text(rt.clock.now())
        self._outcomes: dict[str, dict[str, Any]] = {}
        self._events: dict[str, Event] = {}

    def take(self, receipt: Receipt | None) -> str:
        """Note one receipt and return what it said, or ``refused`` or ``unknown``."""
        if receipt is None:
            return "refused"
        row = self._contact(receipt)
        if row is None:
            return self._of_a_digest(receipt)
        if receipt.result == "accepted":
            end_doubt(self._connection, self._rt, self._run_id, row, "sent", receipt.code)
            return "accepted"
        for member in self._accounts(row.contact_id):
            self._note(row, member, receipt)
        return receipt.result

    def _of_a_digest(self, receipt: Receipt) -> str:
        """Note a bounce or a delivery of one of our own digests."""
        bounced = receipt.result in ("bounced", "not_delivered")
        if (
            bounced
            and receipt.message_id
            and bounce_digest(self._connection, self._rt, self._run_id, receipt.message_id, receipt.code)
        ):
            return receipt.result
        return "unknown"

    def write(self) -> None:
        """Write the outcomes that are new, with their events."""
        known = select(outcome.c.outcome_key).where(outcome.c.outcome_key.in_(self._outcomes))
        for key in self._connection.execute(known).scalars().all():
            del self._outcomes[key]
        if self._outcomes:
            self._connection.execute(outcome.insert(), list(self._outcomes.values()))
        record_many(self._connection, self._rt, run_id=self._run_id, events=self._told())

    def _told(self) -> Iterator[Event]:
        return (event for key, event in self._events.items() if key in self._outcomes)

    def _contact(self, receipt: Receipt) -> Row[Any] | None:
        named = (
            contact.c.contact_id == receipt.contact_id
            if receipt.contact_id
            else contact.c.message_id == receipt.message_id
        )
        query = select(contact).where(named, contact.c.channel.in_(("sms", "email")), contact.c.intent_at.is_not(None))
        return self._connection.execute(query).first()

    def _accounts(self, contact_id: str) -> list[Row[Any]]:
        query = (
            select(item.c.account_id, account.c.subject_ref)
            .distinct()
            .join(account, account.c.account_id == item.c.account_id)
            .where(item.c.contact_id == contact_id, item.c.dropped_reason.is_(None))
            .order_by(item.c.account_id)
        )
        return list(self._connection.execute(query))

    def _note(self, row: Row[Any], member: Row[Any], receipt: Receipt) -> None:
        at = max(min(receipt.at or self._now, self._now), row.intent_at)  # a gateway's clock may be wrong
        said = {"account_id": member.account_id, "party_id": row.party_id, "channel": row.channel, "at": at}
        key = natural_key(*said.values(), receipt.result)
        arrived = at if receipt.result == "delivered" else None
        self._outcomes[key] = {"outcome_key": key, "outcome": receipt.result, "evidence_ref": row.contact_id} | said | {
            "arrived_at": arrived}  # fmt: skip
        data = {"channel": row.channel, "outcome": receipt.result, "at": at, "code": receipt.code}
        self._events[key] = Event(
            "contact.recorded", key, self._day, member.subject_ref, row.contact_id, data=data, causes=[row.contact_id]
        )
