"""Nothing is lost or made up between the files that came in and what is about to leave: every sum is counted twice."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select

from arrears.core.errors import CannotTell
from arrears.ladder.in_force import decisions_in_force
from arrears.ledger.shape import Shape
from arrears.outreach.totals import date_totals
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import account, snapshot

ENDS = ("sent", "rejected", "in_doubt", "withdrawn", "expired", "open")
AMOUNTS = ("currency", "unpaid_due_minor", "overdue_minor")


@dataclass(frozen=True)
class Sum:
    """One figure as it was said, and as it was counted from somewhere else; amounts in minor units."""

    name: str
    said: int
    counted: int

    @property
    def holds(self) -> bool:
        """Say whether both are the same, to the last row and the last minor unit."""
        return self.said == self.counted


def ledger_sums(connection: Connection, artifacts_url: str, snapshot_id: str, *, newest: bool) -> list[Sum]:
    """Tie a frozen ledger to its files, its control totals and, for the ``newest`` date, the decisions on it.

    Rows in = frozen + quarantined + excluded (accounts closed on or before the date), feed by feed.

    Raises:
        CannotTell: there is no such ledger.
    """
    row = connection.execute(select(snapshot).where(snapshot.c.snapshot_id == snapshot_id)).one_or_none()
    if row is None:
        raise CannotTell(f"ledger {snapshot_id[:12]} was never frozen")
    shape = Shape.read(row.facts)
    sums = [*_rows(artifacts_url, row, shape)]
    unpaid, overdue = _amounts(artifacts_url, snapshot_id)
    said = json.loads(row.control_totals)
    sums += [
        Sum(f"unpaid and due, {one}", said.get(one, 0), unpaid[one]) for one in sorted(said.keys() | unpaid.keys())
    ]
    if newest:
        decided = _decided(connection, row.business_date)
        sums += [
            Sum(f"overdue, decided on, {one}", overdue[one], decided[one])
            for one in sorted(overdue.keys() | decided.keys())
        ]
    return sums


def contact_sum(connection: Connection, on: date) -> Sum:
    """Tie a day's contacts: planned = sent + rejected + withheld + in doubt + withdrawn + expired + open."""
    totals = date_totals(connection, on)
    return Sum("contacts planned", totals["planned"], ended(totals))


def ended(totals: dict[str, Any]) -> int:
    """Return how many contacts of the totals of a day stand somewhere."""
    return int(sum(totals[name] for name in ENDS) + sum(totals["withheld"].values()))


def _rows(artifacts_url: str, row: Row[Any], shape: Shape) -> Iterator[Sum]:
    for feed, rows in sorted(shape.rows.items()):
        kept = frozen.count_rows(artifacts_url, row.snapshot_id, feed)
        if feed in shape.excluded:  # ledgers frozen by an older version do not say
            yield Sum(f"rows of {feed}", rows, kept + shape.quarantined.get(feed, 0) + shape.excluded[feed])
        if feed == "accounts":
            yield Sum("accounts frozen", row.accounts, kept)
            yield Sum("accounts on stages 0 to 3", row.accounts, sum(shape.stages))


def _amounts(artifacts_url: str, snapshot_id: str) -> tuple[Counter[str], Counter[str]]:
    import pyarrow.compute as pc

    unpaid: Counter[str] = Counter()
    overdue: Counter[str] = Counter()
    for batch in frozen.batches(artifacts_url, snapshot_id, "accounts", AMOUNTS):
        for currency in batch.column("currency").unique().to_pylist():
            own = batch.filter(pc.equal(batch.column("currency"), currency))
            unpaid[currency] += pc.sum(own.column("unpaid_due_minor")).as_py()
            overdue[currency] += pc.sum(own.column("overdue_minor")).as_py()
    return unpaid, overdue


def _decided(connection: Connection, on: date) -> Counter[str]:
    """Sum what the decisions in force say is overdue; an account missing from the newest ledger has no part in it."""
    decided = decisions_in_force(on)
    query = (
        select(decided.c.currency, func.sum(decided.c.overdue_minor))
        .join(account, account.c.account_id == decided.c.account_id)
        .where(~account.c.is_missing)
        .group_by(decided.c.currency)
    )
    return Counter({currency: int(total) for currency, total in connection.execute(query)})
