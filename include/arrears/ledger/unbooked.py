"""Payments that a lender's own ledger does not hold yet, though we were told of them on a day before."""

from collections.abc import Iterator
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Select, delete, select

from arrears.core.runtime import Runtime
from arrears.ladder.named import ranges_of
from arrears.ladder.policy import Policy
from arrears.ladder.told import told_since
from arrears.store import bulk
from arrears.store.tables.feeds import payment, unbooked_payment
from arrears.store.tables.people import subject
from arrears.store.walk import Walk

TOLD = pa.schema([("account_id", pa.string()), ("payment_id", pa.string()), ("subject_ref", pa.string())])
BETWEEN = "\n"
"""Stands in no id: it keeps the parts of a key apart."""


def note_unbooked(connection: Connection, rt: Runtime, snapshot_id: str, on: date, policy: Policy) -> None:
    """Write down which payments told of lately a frozen ledger does not hold: they count until one does.

    Both sides are read in the order of the accounts. On a day of which nothing was told no file is read.
    """
    connection.execute(delete(unbooked_payment).where(unbooked_payment.c.snapshot_id == snapshot_id))
    told = (
        select(payment.c.account_id, payment.c.payment_id, subject.c.subject_ref)
        .join(subject, subject.c.account_id == payment.c.account_id)
        .where(payment.c.business_date >= told_since(on, policy), payment.c.business_date <= on)
    )
    if connection.execute(told.limit(1)).first() is None:
        return
    rows = [
        {"snapshot_id": snapshot_id, "account_id": row["account_id"], "payment_id": row["payment_id"]}
        for table in _missing(connection, rt, snapshot_id, told)
        for row in table.to_pylist()
    ]
    bulk.insert_all(connection, unbooked_payment, rows)


def _missing(
    connection: Connection, rt: Runtime, snapshot_id: str, told: Select[tuple[str, str, str]]
) -> Iterator[pa.Table]:
    """Yield what was told and is not among the ledger's payments; an account may go on in the next part of the file."""
    columns = ("subject_ref", "payment_id")
    with Walk(connection, told, payment.c.account_id, TOLD) as walk:
        left = TOLD.empty_table()
        for last, held in ranges_of(connection, rt.settings.artifacts_url, snapshot_id, columns, "payments"):
            rows = pa.concat_tables([left, walk.up_to(last)])
            if not rows.num_rows:
                continue
            rows = rows.filter(pc.invert(_is_among(rows, held)))
            goes_on = pc.equal(rows.column("account_id"), last)
            yield rows.filter(pc.invert(goes_on))
            left = rows.filter(goes_on)
        yield left
        yield walk.rest()


def _is_among(rows: pa.Table, held: pa.RecordBatch) -> pa.ChunkedArray:
    near = held.filter(pc.is_in(held.column("subject_ref"), rows.column("subject_ref").combine_chunks()))
    return pc.is_in(_keys(rows), _keys(near))


def _keys(rows: pa.Table | pa.RecordBatch) -> pa.Array | pa.ChunkedArray:
    return pc.binary_join_element_wise(rows.column("subject_ref"), rows.column("payment_id"), BETWEEN)
