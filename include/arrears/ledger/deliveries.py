"""Every file that arrived: counted once by its content, with what was quarantined and which accounts that holds."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, select

from arrears.audit.record import Event, record_many
from arrears.core.clock import utc_text
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ledger.catalogue import FEEDS, LEDGER
from arrears.ledger.rows import LOOK_UP, TARGETS
from arrears.ledger.validate import Problem, refused_rows
from arrears.store import bulk
from arrears.store.tables.feeds import delivery, quarantine

Moment = tuple[date, int]


@dataclass(frozen=True)
class Delivery:
    """One delivered file; ``duplicate`` says that it had been taken in before and nothing was done."""

    delivery_id: str
    feed: str
    file_name: str
    sha256: str
    rows: int
    accepted: int
    quarantined: int
    delivery_no: int
    duplicate: bool = False


def delivery_id_of(feed: str, sha256: str, business_date: date) -> str:
    """Return the key of a delivery: the same content for the same date is the same delivery."""
    return natural_key(feed, sha256, business_date.isoformat())


def open_delivery(
    connection: Connection, feed: str, file_name: str, sha256: str, rows: int, bad: Iterable[Problem],
    business_date: date,
) -> Delivery:  # fmt: skip
    """Say what this delivery is: new, a duplicate of the newest one, or an older one that came again.

    A file that came before is a duplicate only if the same rows were refused then: an outcome of an account unknown
    yesterday is taken in today.
    """
    refused = refused_rows(bad)
    delivery_id = delivery_id_of(feed, sha256, business_date)
    newest = (
        connection.execute(
            select(func.max(delivery.c.delivery_no)).where(
                delivery.c.feed == feed, delivery.c.business_date == business_date
            )
        ).scalar()
        or 0
    )
    known = connection.execute(
        select(delivery.c.delivery_no, delivery.c.quarantined).where(delivery.c.delivery_id == delivery_id)
    ).first()
    same = known is not None and known.delivery_no == newest
    return Delivery(
        delivery_id,
        feed,
        file_name[:200],
        sha256,
        rows,
        rows - refused,
        refused,
        newest if same else newest + 1,
        same and known is not None and known.quarantined == refused,
    )


def record_delivery(
    connection: Connection, rt: Runtime, run_id: str, arrived: Delivery, bad: Iterable[Problem], business_date: date
) -> None:
    """Keep a delivery, its quarantined rows, and the events that tell of them."""
    row = {
        "delivery_id": arrived.delivery_id, "feed": arrived.feed, "file_name": arrived.file_name,
        "sha256": arrived.sha256, "rows": arrived.rows, "accepted": arrived.accepted,
        "quarantined": arrived.quarantined, "received_at": utc_text(rt.clock.now()), "business_date": business_date,
        "delivery_no": arrived.delivery_no, "run_id": run_id,
    }  # fmt: skip
    superseded = _superseded(connection, arrived, business_date)
    bulk.replace_all(connection, delivery, [row])
    connection.execute(delete(quarantine).where(quarantine.c.delivery_id == arrived.delivery_id))
    cells = {(problem.row, problem.column): problem for problem in bad}
    bulk.insert_all(connection, quarantine, (
        {"delivery_id": arrived.delivery_id, "row_no": problem.row, "column": problem.column,
         "reason": problem.reason, "account_id": problem.account_id}
        for problem in cells.values()))  # fmt: skip
    events = [*_events(arrived, list(cells.values()), business_date), *superseded]
    record_many(connection, rt, run_id=run_id, events=events)


def _superseded(connection: Connection, arrived: Delivery, business_date: date) -> list[Event]:
    """Return the event for the newest delivery of that feed and date that this one takes the place of, if any."""
    before = (
        select(delivery.c.delivery_id, delivery.c.sha256, delivery.c.delivery_no)
        .where(delivery.c.feed == arrived.feed, delivery.c.business_date == business_date)
        .where(delivery.c.delivery_id != arrived.delivery_id, delivery.c.delivery_no < arrived.delivery_no)
        .order_by(delivery.c.delivery_no.desc())
        .limit(1)
    )
    old = connection.execute(before).one_or_none()
    if old is None or not (FEEDS[arrived.feed].state or arrived.feed in LEDGER):
        return []
    data = {"feed": arrived.feed, "sha256": old.sha256, "delivery_no": old.delivery_no, "by_sha256": arrived.sha256}
    return [Event("ledger.superseded", old.delivery_id, business_date, data=data, causes=[arrived.delivery_id])]


def refusals_of(connection: Connection, delivery_id: str) -> list[tuple[int, str, str]]:
    """Return row, column and reason of everything a delivery had refused."""
    columns = (quarantine.c.row_no, quarantine.c.column, quarantine.c.reason)
    query = select(*columns).where(quarantine.c.delivery_id == delivery_id).order_by(*columns)
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def duplicate_event(key: str, feed: str, sha256: str, business_date: date) -> Event:
    """Return the event that tells of a file that came twice."""
    return Event("ledger.duplicate", key, business_date, data={"feed": feed, "sha256": sha256})


def _events(arrived: Delivery, bad: list[Problem], business_date: date) -> list[Event]:
    counts = {
        "feed": arrived.feed,
        "sha256": arrived.sha256,
        "rows": arrived.rows,
        "accepted": arrived.accepted,
        "quarantined": arrived.quarantined,
        "delivery_no": arrived.delivery_no,
    }
    events = [Event("ledger.received", arrived.delivery_id, business_date, data=counts)]
    if bad:
        reasons = dict(sorted(Counter(problem.reason for problem in bad).items()))
        events.append(
            Event(
                "row.quarantined",
                arrived.delivery_id,
                business_date,
                data={"feed": arrived.feed, "rows": arrived.quarantined, "reasons": reasons},
            )
        )
    return events


def incomplete_accounts(connection: Connection, on: date, leaving_out: tuple[str, ...] = ()) -> set[str]:
    """Return the accounts held as ``data_incomplete`` on a date because a row of theirs is in quarantine.

    A feed that is the whole truth each time holds by its newest delivery alone. Of a feed of news, a refused row holds
    until the file is corrected, or a later delivery brings an accepted row of that account.
    """
    newest = _newest(connection, on)
    held: set[str] = set()
    news: dict[str, dict[str, Moment]] = {}
    query = (
        select(quarantine.c.account_id, delivery.c.feed, delivery.c.business_date, delivery.c.delivery_no)
        .join(delivery, delivery.c.delivery_id == quarantine.c.delivery_id)
        .where(quarantine.c.account_id.is_not(None), delivery.c.business_date <= on)
    )
    for account_id, feed, day, number in connection.execute(query):
        if feed in leaving_out or newest[feed, day] != number:
            continue
        if not FEEDS[feed].state:
            known = news.setdefault(feed, {})
            known[account_id] = max(known.get(account_id, (day, number)), (day, number))
        elif max(other for name, other in newest if name == feed) == day:
            held.add(account_id)
    for feed, accounts in news.items():
        held |= _uncleared(connection, feed, accounts)
    return held


def _newest(connection: Connection, on: date) -> dict[tuple[str, date], int]:
    query = (
        select(delivery.c.feed, delivery.c.business_date, func.max(delivery.c.delivery_no))
        .where(delivery.c.business_date <= on)
        .group_by(delivery.c.feed, delivery.c.business_date)
    )
    return {(feed, day): number for feed, day, number in connection.execute(query)}


def _uncleared(connection: Connection, feed: str, accounts: dict[str, Moment]) -> set[str]:
    table = TARGETS[feed].table
    held, names = set(accounts), sorted(accounts)
    for start in range(0, len(names), LOOK_UP):
        query = (
            select(table.c.account_id, delivery.c.business_date, delivery.c.delivery_no)
            .join(delivery, delivery.c.delivery_id == table.c.delivery_id)
            .where(table.c.account_id.in_(names[start : start + LOOK_UP]))
        )
        held -= {account for account, day, number in connection.execute(query) if (day, number) > accounts[account]}
    return held
