"""News about accounts that no ledger has brought yet: the rows wait, and are tried again with each new ledger."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from arrears.ledger.rows import LOOK_UP, TARGETS, Row, identity
from arrears.ledger.source import Source
from arrears.store.tables.feeds import WHOLE_FEEDS, delivery, quarantine

UNKNOWN = "unknown_account"


@dataclass(frozen=True)
class Waiting:
    """The rows of a file that its newest try refused for their account alone; ``since``: when the file first came."""

    rows: frozenset[int]
    since: date
    tried_on: date


def waiting_rows(connection: Connection, feed: str, sha256: str) -> Waiting | None:
    """Return what waits of a file; nothing does of a feed that the next ledger brings whole."""
    tries = connection.execute(
        select(delivery.c.delivery_id, delivery.c.business_date)
        .where(delivery.c.feed == feed, delivery.c.sha256 == sha256)
        .order_by(delivery.c.business_date)
    ).all()
    if not tries or feed in WHOLE_FEEDS:
        return None
    refused = connection.execute(
        select(quarantine.c.row_no, quarantine.c.reason).where(quarantine.c.delivery_id == tries[-1].delivery_id)
    ).all()
    others = {row_no for row_no, reason in refused if reason != UNKNOWN}
    rows = frozenset(row_no for row_no, _ in refused) - others
    return Waiting(rows, tries[0].business_date, tries[-1].business_date) if rows else None


class Later:
    """What other files have told since a file first came; asked before the file is written down anew."""

    def __init__(self, connection: Connection, source: Source, waited: frozenset[int]) -> None:
        """Read when each file first came; ``waited`` are the rows of this one that waited."""
        first = select(delivery.c.sha256, func.min(delivery.c.received_at)).group_by(delivery.c.sha256)
        self._came: dict[str, str] = {row[0]: row[1] for row in connection.execute(first)}
        self._connection, self._source, self._waited = connection, source, waited

    def left_of(self, rows: list[Row]) -> list[Row]:
        """Return the rows that waited, without those of which a file that first came later has told since."""
        table = TARGETS[self._source.feed.name].table
        rows = [row for row in rows if row["row_no"] in self._waited]
        keys = list(table.primary_key)
        stored = select(*keys, delivery.c.sha256).join(delivery, delivery.c.delivery_id == table.c.delivery_id)
        names = sorted({row[keys[0].name] for row in rows})
        newer = {
            tuple(found[:-1])
            for start in range(0, len(names), LOOK_UP)
            for found in self._connection.execute(stored.where(keys[0].in_(names[start : start + LOOK_UP])))
            if self._came[found[-1]] > self._came[self._source.sha256]
        }
        return [row for row in rows if identity(table, row) not in newer]


def has_come(connection: Connection, feed: str, sha256: str) -> bool:
    """Say whether a file was imported before, on whatever day."""
    same = select(delivery.c.delivery_id).where(delivery.c.feed == feed, delivery.c.sha256 == sha256)
    return connection.execute(same.limit(1)).first() is not None


def newest_ledger(connection: Connection) -> str:
    """Return the moment at which accounts came last, as UTC text; empty before the first ledger."""
    came = select(func.max(delivery.c.received_at)).where(delivery.c.feed == "accounts")
    return connection.execute(came).scalar() or ""
