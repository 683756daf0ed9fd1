"""What falls due next of the accounts that owe nothing yet, from the frozen ledger the run decided on."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from arrears.core.runtime import Runtime
from arrears.store.account_range import AccountRange
from arrears.store.tables.runs import run

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("subject_ref", "next_due_on", "next_due_minor")


class NextDues:
    """The next instalment of each account, read in the order of the accounts and only as far as it is asked for."""

    def __init__(self, connection: Connection, rt: Runtime, run_id: str) -> None:
        """Begin before the first account of the snapshot of a run; a run without one knows of nothing."""
        from arrears.ladder.named import Beside

        self._beside = Beside(_ranges(connection, rt, run_id))

    def of(self, among: AccountRange, refs: Sequence[str]) -> dict[str, tuple[int, date]]:
        """Return amount and day of the next instalment of those of a range that have one; ranges come in order."""
        found: dict[str, tuple[int, date]] = {}
        for batch in self._beside.meeting(among) if refs else ():
            names, days, amounts = (column.to_pylist() for column in _with_something_due(batch, refs).columns)
            found |= {name: (amount, day) for name, day, amount in zip(names, days, amounts, strict=True)}
        return found


def _ranges(connection: Connection, rt: Runtime, run_id: str) -> "Iterator[tuple[str, pa.RecordBatch]]":
    from arrears.ladder.named import ranges_of

    snapshot_id = connection.execute(select(run.c.snapshot_id).where(run.c.run_id == run_id)).scalar_one_or_none()
    if snapshot_id is not None:
        yield from ranges_of(connection, rt.settings.artifacts_url, snapshot_id, COLUMNS)


def _with_something_due(batch: "pa.RecordBatch", refs: Sequence[str]) -> "pa.RecordBatch":
    import pyarrow as pa
    import pyarrow.compute as pc

    asked = pc.is_in(batch.column("subject_ref"), pa.array(refs, pa.string()))
    something = pc.and_kleene(pc.is_valid(batch.column("next_due_on")), pc.greater(batch.column("next_due_minor"), 0))
    return batch.filter(pc.and_kleene(asked, something))
