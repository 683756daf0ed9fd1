"""The overdue instalments of everybody on a day's lists: one pass over the frozen ledger, kept as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from arrears.reports.scope import STAFFED
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import account, snapshot
from arrears.store.tables.outreach import contact, item

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class OverdueInstalments:
    """Instalments that had fallen due before a day and are not paid; ``None`` without a frozen ledger."""

    table: "pa.Table | None"

    @classmethod
    def listed(cls, connection: Connection, artifacts_url: str, on: date) -> "OverdueInstalments":
        """Read those of the accounts that are on a list of the day, from the ledger accepted last."""
        query = (
            select(snapshot.c.snapshot_id)
            .where(snapshot.c.business_date == on, snapshot.c.accepted_at.is_not(None))
            .order_by(snapshot.c.delivery_no.desc())
            .limit(1)
        )
        snapshot_id = connection.execute(query).scalar_one_or_none()
        refs = _listed(connection, on) if snapshot_id else []
        if not refs:
            return cls(None)
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted, found = pa.array(refs, pa.string()), []
        for batch in frozen.batches(artifacts_url, str(snapshot_id), "instalments", None):
            owed = pc.and_(
                pc.less(batch.column("due_date"), pa.scalar(on)),
                pc.greater(batch.column("amount_due_minor"), batch.column("paid_minor")),
            )
            found.append(batch.filter(pc.and_(owed, pc.is_in(batch.column("subject_ref"), wanted))))
        return cls(pa.Table.from_batches(found).combine_chunks() if found else None)

    def of(self, accounts: Mapping[str, str]) -> dict[str, Sequence[Any]]:
        """Return the instalments of accounts (account to ``subject_ref``) that have any, oldest first."""
        if self.table is None or not accounts:
            return {}
        import pyarrow as pa
        import pyarrow.compute as pc

        account_of = {ref: account_id for account_id, ref in accounts.items()}
        rows = self.table.filter(pc.is_in(self.table.column("subject_ref"), pa.array(list(account_of), pa.string())))
        found: dict[str, list[Any]] = {}
        for row in rows.to_pylist():
            found.setdefault(account_of[row.pop("subject_ref")], []).append(frozen.Instalment(**row))
        return dict(found)


def _listed(connection: Connection, on: date) -> list[str]:
    query = (
        select(account.c.subject_ref)
        .join(item, item.c.account_id == account.c.account_id)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(contact.c.business_date == on, contact.c.channel.in_(STAFFED))
        .distinct()
    )
    return list(connection.execute(query).scalars())
