"""Items and their events by column: a wish that found its contact becomes one row and one event."""

from datetime import date

import pyarrow as pa
from sqlalchemy import Connection

from arrears.audit.columns import Events, hole, record_columns, row_digests
from arrears.audit.record import Event
from arrears.core.runtime import Runtime
from arrears.store.columns import insert_columns
from arrears.store.tables.outreach import item

STORED = ("item_key", "account_id", "occasion", "step", "channel", "audience", "tone", "currency", "ordinal", "rung",
          "stage", "amount_minor", "overdue_instalments", "contact_id", "party_id", "due_on")  # fmt: skip
TOLD = ("channel", "step", "tone", "rung", "ordinal", "occasion", "audience", "amount_minor", "currency")


def store_items(
    connection: Connection, rt: Runtime, run_id: str, day: date, policy_sha256: str, wishes: pa.RecordBatch
) -> int:
    """Write the items of wishes whose contacts are there, tell of each, and return how many there are."""
    if not len(wishes):
        return 0
    rows = wishes.select(STORED).append_column("business_date", pa.array([day] * len(wishes), pa.date32()))
    insert_columns(connection, item, rows)
    refs, revisions = wishes.column("subject_ref"), wishes.column("revision").cast(pa.string())
    cause = row_digests([hole("ref"), day.isoformat(), hole("revision")], {"ref": refs, "revision": revisions})
    template = Event(
        type="action.planned",
        key=hole("key"),
        business_date=day,
        subject_ref=hole("subject_ref"),
        action_id=hole("action_id"),
        data={name: hole(name) for name in TOLD},
        causes=[hole("cause")],
        policy_sha256=policy_sha256,
    )
    told = {name: wishes.column(name) for name in TOLD}
    named = {"key": wishes.column("item_key"), "subject_ref": refs, "action_id": wishes.column("contact_id"),
             "cause": cause}  # fmt: skip
    record_columns(connection, rt, run_id=run_id, events=Events(template, told | named))
    return len(wishes)
