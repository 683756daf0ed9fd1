"""Stage accounts anew from the frozen instalments and payments, as if the ledger had just come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from arrears.ladder.staging import NO_DATE, Int64, Schedule, allocate, arrange, stage
from arrears.store import snapshot as frozen

EPOCH = date(1970, 1, 1)
INSTALMENTS = ("subject_ref", "instalment_no", "due_date", "amount_due_minor", "paid_minor")
PAYMENTS = ("subject_ref", "paid_on", "amount_minor")


@dataclass(frozen=True)
class Standing:
    """Where an account stands; amounts in minor units."""

    stage: int
    overdue_instalments: int
    overdue_minor: int
    days_past_due: int
    oldest_unpaid_due: date | None


NOTHING_DUE = Standing(0, 0, 0, 0, None)


def restage(
    artifacts_url: str, snapshot_id: str, on: date, refs: Sequence[str], *, from_payments: bool
) -> dict[str, Standing]:
    """Return where accounts stood on ``on``; ``from_payments`` allocates the frozen payments once more.

    Without it what each frozen instalment says is paid is believed, as in the open-item form.

    Raises:
        CannotTell: the snapshot is not there.
    """
    wanted = pa.array(refs, pa.string())
    rows = _gather(artifacts_url, snapshot_id, "instalments", INSTALMENTS, wanted)
    account, due = rows["subject_ref"], rows["due_date"].astype(np.int32)
    columns = [rows["amount_due_minor"], rows["paid_minor"]]
    order = arrange(account, due, rows["instalment_no"].astype(np.int32))
    if order is not None:
        account, due, columns = account[order], due[order], [values[order] for values in columns]
    pool = _pool(artifacts_url, snapshot_id, on, wanted) if from_payments else None
    schedule = Schedule(len(refs), account, due, columns[0], None if from_payments else columns[1])
    found = stage(schedule, allocate(schedule, pool), (on - EPOCH).days)
    return {
        ref: Standing(int(found.stage[at]), int(found.overdue_instalments[at]), int(found.overdue[at]),
                      int(found.days_past_due[at]), _date(int(found.oldest_unpaid_due[at])))
        for at, ref in enumerate(refs)
    }  # fmt: skip


def _pool(artifacts_url: str, snapshot_id: str, on: date, wanted: pa.Array) -> Int64:
    paid = _gather(artifacts_url, snapshot_id, "payments", PAYMENTS, wanted)
    counts = paid["paid_on"] <= (on - EPOCH).days
    pool = np.zeros(len(wanted), dtype=np.int64)
    np.add.at(pool, paid["subject_ref"][counts], paid["amount_minor"][counts])
    return pool


def _gather(
    artifacts_url: str, snapshot_id: str, name: str, columns: Sequence[str], wanted: pa.Array
) -> dict[str, Int64]:
    """Return the columns of the wanted accounts as whole numbers; the account is its place among them."""
    found: dict[str, list[Int64]] = {column: [np.zeros(0, dtype=np.int64)] for column in columns}
    for batch in frozen.batches(artifacts_url, snapshot_id, name, columns):
        place = pc.index_in(batch.column("subject_ref"), wanted)
        own = batch.filter(place.is_valid())
        found["subject_ref"].append(place.drop_null().cast(pa.int64()).to_numpy())
        for column in columns[1:]:
            values = own.column(column)
            values = values.cast(pa.int32()) if pa.types.is_date32(values.type) else values
            found[column].append(values.cast(pa.int64()).to_numpy(zero_copy_only=False))
    return {column: np.concatenate(parts) for column, parts in found.items()}


def _date(days: int) -> date | None:
    return None if days == int(NO_DATE) else EPOCH + timedelta(days=days)
