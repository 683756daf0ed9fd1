"""Nothing is lost or made up between the files that came in and what is about to leave: every sum is counted twice."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, func, select

from arrears.core.errors import CannotTell
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.named import named_accounts
from arrears.ledger.shape import Shape
from arrears.outreach.totals import date_totals
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import account, snapshot

if TYPE_CHECKING:
    import pyarrow as pa

ENDS = ("sent", "rejected", "in_doubt", "withdrawn", "expired", "open")
ERASED = select(account.c.account_id).where(account.c.erased_at.is_not(None))
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

    Rows in = frozen + quarantined + excluded (accounts closed on or before the date), feed by feed. What is overdue of
    an account that was erased since is in no sum of decisions.

    Raises:
        CannotTell: there is no such ledger.
    """
    row = connection.execute(select(snapshot).where(snapshot.c.snapshot_id == snapshot_id)).one_or_none()
    if row is None:
        raise CannotTell(f"ledger {snapshot_id[:12]} was never frozen")
    shape = Shape.read(row.facts)
    sums = [*_rows(artifacts_url, row, shape)]
    unpaid = _amounts(frozen.batches(artifacts_url, snapshot_id, "accounts", AMOUNTS), "unpaid_due_minor")
    said = json.loads(row.control_totals)
    sums += [
        Sum(f"unpaid and due, {one}", said.get(one, 0), unpaid[one]) for one in sorted(said.keys() | unpaid.keys())
    ]
    if newest:
        overdue = _amounts(_not_erased(connection, artifacts_url, snapshot_id), "overdue_minor")
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


def _amounts(batches: "Iterable[pa.RecordBatch]", column: str) -> Counter[str]:
    import pyarrow.compute as pc

    total: Counter[str] = Counter()
    for batch in batches:
        for currency in batch.column("currency").unique().to_pylist():
            own = batch.filter(pc.equal(batch.column("currency"), currency))
            total[currency] += pc.sum(own.column(column)).as_py()
    return total


def _not_erased(connection: Connection, artifacts_url: str, snapshot_id: str) -> "Iterator[pa.RecordBatch]":
    if connection.execute(ERASED.limit(1)).first() is None:
        return frozen.batches(artifacts_url, snapshot_id, "accounts", AMOUNTS)
    named = named_accounts(connection, artifacts_url, snapshot_id, ("subject_ref", *AMOUNTS))
    return (batch for _, batch in named)


def _decided(connection: Connection, on: date) -> Counter[str]:
    """Sum what the decisions in force say is overdue."""
    decided = decisions_in_force(on)
    query = select(decided.c.currency, func.sum(decided.c.overdue_minor)).group_by(decided.c.currency)
    query = query.where(decided.c.account_id.not_in(ERASED))
    return Counter({currency: int(total) for currency, total in connection.execute(query)})
