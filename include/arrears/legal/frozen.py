"""The frozen ledger behind packets: money rows of some accounts, and their schedules read ahead."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from arrears.core.errors import CannotTell
from arrears.legal.facts import Instalment, Payment
from arrears.store.tables import feeds, runs

Row = Mapping[str, Any]
MONEY_COLUMNS = (
    "subject_ref",
    "overdue_instalments",
    "overdue_minor",
    "days_past_due",
    "oldest_unpaid_due",
    "due_minor",
    "schedule_minor",
    "paid_minor",
    "whole_paid_on",
    "total_price_minor",
    "principal_outstanding_minor",
    "data_incomplete",
)


class LedgerReader:
    """The frozen ledger of one run: rows of the wanted accounts are kept, schedules are read ahead by the caller."""

    def __init__(self, artifacts_url: str, snapshot_id: str, subjects: Mapping[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        from arrears.store import snapshot
        from arrears.store.forward import Forward

        self._subjects = subjects
        self._schedules: dict[str, list[Instalment]] = {}
        self._payments: dict[str, list[Payment]] = {}
        wanted = pa.array(sorted(set(subjects.values())), pa.string())
        self._money: dict[str, Row] = {}
        places: dict[str, int] = {}
        before = 0
        for batch in snapshot.accounts(artifacts_url, snapshot_id, MONEY_COLUMNS):
            here = pc.indices_nonzero(pc.is_in(batch.column("subject_ref"), wanted))
            rows = batch.take(here).to_pylist()
            self._money.update((row["subject_ref"], row) for row in rows)
            places.update((row["subject_ref"], before + at) for row, at in zip(rows, here.to_pylist(), strict=True))
            before += len(batch)
        self._instalment_rows = Forward(artifacts_url, snapshot_id, snapshot.Instalment, places)
        self._payment_rows = Forward(artifacts_url, snapshot_id, snapshot.Payment, places)

    def read_schedules(self, account_ids: Sequence[str], until: date) -> None:
        """Read the instalments of some accounts, and their payments up to and including a day; forget the others.

        Asked for in the order of the ledger, all accounts together cost one pass over its files.
        """
        refs = [self._subjects[account_id] for account_id in account_ids if account_id in self._subjects]
        self._schedules = {
            ref: [
                Instalment(
                    row.instalment_no,
                    row.due_date,
                    row.amount_due_minor,
                    row.paid_minor,
                    row.principal_due_minor,
                    row.penalty_due_minor,
                )
                for row in rows
            ]
            for ref, rows in self._instalment_rows.rows_of(refs).items()
        }
        self._payments = {
            ref: [
                Payment(row.payment_id, row.paid_on, row.amount_minor, row.kind or "")
                for row in rows
                if row.paid_on <= until
            ]
            for ref, rows in self._payment_rows.rows_of(refs).items()
        }

    def row(self, subject_ref: str) -> Row | None:
        """Return the account's row, or ``None`` when the frozen ledger does not know it."""
        return self._money.get(subject_ref)

    def schedule(self, subject_ref: str) -> list[Instalment]:
        """Return the account's instalments, oldest due date first."""
        return self._schedules.get(subject_ref, [])

    def payments(self, subject_ref: str) -> list[Payment]:
        """Return the account's payments, oldest first; none when the ledger is in open-item form."""
        return self._payments.get(subject_ref, [])


def open_ledger(connection: Connection, artifacts_url: str, run_id: str, account_ids: Sequence[str]) -> LedgerReader:
    """Open the snapshot that a run stands on.

    Raises:
        CannotTell: the run has no snapshot.
    """
    snapshot_id = connection.execute(select(runs.run.c.snapshot_id).where(runs.run.c.run_id == run_id)).scalar()
    if snapshot_id is None:
        raise CannotTell(f"run {run_id} has no frozen ledger: pull it first")
    return LedgerReader(artifacts_url, snapshot_id, subjects_of(connection, account_ids))


def subjects_of(connection: Connection, account_ids: Sequence[str]) -> dict[str, str]:
    """Return the random reference of each account."""
    table = feeds.account
    found: dict[str, str] = {}
    for part in _parts(account_ids):
        rows = connection.execute(select(table.c.account_id, table.c.subject_ref).where(table.c.account_id.in_(part)))
        found |= {row.account_id: row.subject_ref for row in rows}
    return found


def _parts(account_ids: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (account_ids[start : start + size] for start in range(0, len(account_ids), size))
