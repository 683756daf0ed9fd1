"""Read a frozen ledger: three Parquet files of one business date, without people, known by ``subject_ref``."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from arrears.core.errors import CannotTell

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Instalment:
    """One instalment with the part of it that is paid, in minor units."""

    instalment_no: int
    due_date: date
    amount_due_minor: int
    paid_minor: int
    principal_due_minor: int | None
    interest_due_minor: int | None
    penalty_due_minor: int | None


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment in minor units; negative is a reversal."""

    payment_id: str
    paid_on: date
    amount_minor: int
    kind: str | None


def folder_of(artifacts_url: str, snapshot_id: str) -> tuple[Any, str]:
    """Return the file system of the artefacts and the path of a snapshot's folder in it."""
    import fsspec

    files, root = fsspec.core.url_to_fs(artifacts_url)
    return files, f"{root.rstrip('/')}/snapshots/{snapshot_id}"


def accounts(
    artifacts_url: str, snapshot_id: str, columns: Sequence[str] | None = None, rows: int = BATCH_ROWS
) -> Iterator["pa.RecordBatch"]:
    """Yield the accounts of a snapshot in account order, ``rows`` at a time; only the named columns are read.

    Raises:
        CannotTell: the snapshot is not there.
    """
    yield from batches(artifacts_url, snapshot_id, "accounts", columns, rows)


def instalments_of(artifacts_url: str, snapshot_id: str, subject_refs: Collection[str]) -> dict[str, list[Instalment]]:
    """Return the instalments of some accounts, oldest due date first then lower number.

    Raises:
        CannotTell: the snapshot is not there.
    """
    return {ref: [Instalment(**row) for row in rows]
            for ref, rows in _rows_of(artifacts_url, snapshot_id, "instalments", subject_refs).items()}  # fmt: skip


def payments_of(artifacts_url: str, snapshot_id: str, subject_refs: Collection[str]) -> dict[str, list[Payment]]:
    """Return the payments of some accounts, oldest first.

    Raises:
        CannotTell: the snapshot is not there.
    """
    return {ref: [Payment(**row) for row in rows]
            for ref, rows in _rows_of(artifacts_url, snapshot_id, "payments", subject_refs).items()}  # fmt: skip


def payments_since(artifacts_url: str, snapshot_id: str, since: date) -> Iterator[dict[str, Any]]:
    """Yield the payments made on or after a day, each with its ``subject_ref``, a batch in memory at a time.

    Raises:
        CannotTell: the snapshot is not there.
    """
    import pyarrow.compute as pc

    for batch in batches(
        artifacts_url, snapshot_id, "payments", ("subject_ref", "payment_id", "paid_on", "amount_minor")
    ):
        yield from batch.filter(pc.greater_equal(batch.column("paid_on"), since)).to_pylist()


def _rows_of(url: str, snapshot_id: str, name: str, subject_refs: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, list[dict[str, Any]]] = {ref: [] for ref in subject_refs}
    wanted = pa.array(list(found), pa.string())
    for batch in batches(url, snapshot_id, name, None):
        for row in batch.filter(pc.is_in(batch.column("subject_ref"), wanted)).to_pylist():
            found[row.pop("subject_ref")].append(row)
    return found


def batches(
    url: str, snapshot_id: str, name: str, columns: Sequence[str] | None, rows: int = BATCH_ROWS
) -> Iterator["pa.RecordBatch"]:
    """Yield one of the three files of a snapshot, ``accounts``, ``instalments`` or ``payments``, in account order.

    Raises:
        CannotTell: the snapshot is not there.
    """
    import pyarrow.parquet as pq

    files, folder = folder_of(url, snapshot_id)
    try:
        handle = files.open(f"{folder}/{name}.parquet", "rb")
    except FileNotFoundError:
        raise CannotTell(f"snapshot {snapshot_id[:12]}: {name}.parquet is not among the artefacts") from None
    with handle:
        wanted = None if columns is None else list(columns)
        file = pq.ParquetFile(handle, pre_buffer=False)  # read ahead, the whole file would stay in memory to the end
        yield from file.iter_batches(rows, columns=wanted)


def count_rows(url: str, snapshot_id: str, name: str) -> int:
    """Return how many rows one of the files of a snapshot holds, from its footer.

    Raises:
        CannotTell: the snapshot is not there.
    """
    import pyarrow.parquet as pq

    files, folder = folder_of(url, snapshot_id)
    try:
        with files.open(f"{folder}/{name}.parquet", "rb") as handle:
            return int(pq.ParquetFile(handle).metadata.num_rows)
    except FileNotFoundError:
        raise CannotTell(f"snapshot {snapshot_id[:12]}: {name}.parquet is not among the artefacts") from None
