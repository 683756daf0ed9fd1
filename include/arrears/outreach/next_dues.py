"""What falls due next of the accounts that owe nothing yet, from the frozen ledger the run decided on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from arrears.core.runtime import Runtime
from arrears.store.tables.runs import run

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("subject_ref", "next_due_on", "next_due_minor")


@dataclass(frozen=True)
class NextDues:
    """The next instalment of each subject, three columns of the snapshot; ``None`` where the run has none."""

    table: "pa.Table | None"

    @classmethod
    def of(cls, connection: Connection, rt: Runtime, run_id: str) -> "NextDues":
        """Read the columns of the snapshot of a run, without the accounts that have nothing to come."""
        snapshot_id = connection.execute(select(run.c.snapshot_id).where(run.c.run_id == run_id)).scalar_one_or_none()
        if snapshot_id is None:
            return cls(None)
        import pyarrow as pa
        import pyarrow.compute as pc

        from arrears.store import snapshot

        found = [
            batch.filter(pc.and_kleene(pc.is_valid(batch.column("next_due_on")), pc.greater(batch.column(2), 0)))
            for batch in snapshot.accounts(rt.settings.artifacts_url, snapshot_id, COLUMNS)
        ]
        return cls(pa.Table.from_batches(found).combine_chunks() if found else None)

    def of_subjects(self, refs: Sequence[str]) -> dict[str, tuple[int, date]]:
        """Return amount and day of the next instalment of those subjects that have one."""
        if self.table is None or not refs:
            return {}
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = self.table.filter(pc.is_in(self.table.column("subject_ref"), pa.array(refs, pa.string())))
        names, days, amounts = (wanted.column(name).to_pylist() for name in COLUMNS)
        return {name: (amount, day) for name, day, amount in zip(names, days, amounts, strict=True)}
