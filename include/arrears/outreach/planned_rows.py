"""Items and their events by column: a wish that found its contact becomes one row and one event."""

from collections.abc import Sequence
from datetime import date
from operator import attrgetter

from sqlalchemy import Connection

from arrears.audit.record import Event
from arrears.core.runtime import Runtime
from arrears.outreach.wanted import Wanted
from arrears.store.tables.outreach import item

TEXTS = ("item_key", "account_id", "occasion", "step", "channel", "audience", "tone", "currency")
NUMBERS = ("ordinal", "rung", "stage", "amount_minor", "overdue_instalments")
TOLD = ("channel", "step", "tone", "rung", "ordinal", "occasion", "audience", "amount_minor", "currency")


def store_items(
    connection: Connection, rt: Runtime, run_id: str, day: date, policy_sha256: str,
    placed: Sequence[tuple[str, Wanted]],
) -> None:  # fmt: skip
    """Write the items of some contacts, given by contact and wish, and tell of each."""
    if not placed:
        return
    import pyarrow as pa

    from arrears.audit.columns import Events, hole, record_columns, row_digests
    from arrears.store.columns import insert_columns

    wishes = [wish for _, wish in placed]
    columns = {name: pa.array(list(map(attrgetter(name), wishes)), pa.string()) for name in TEXTS}
    columns |= {name: pa.array(list(map(attrgetter(name), wishes)), pa.int64()) for name in NUMBERS}
    columns["contact_id"] = pa.array([contact_id for contact_id, _ in placed], pa.string())
    own = {
        "party_id": pa.array([wish.person.party_id for wish in wishes], pa.string()),
        "due_on": pa.array([wish.due_on for wish in wishes], pa.date32()),
        "business_date": pa.array([day] * len(wishes), pa.date32()),
    }
    insert_columns(connection, item, pa.RecordBatch.from_pydict(columns | own))
    refs = pa.array([wish.subject_ref for wish in wishes], pa.string())
    revisions = pa.array([str(wish.revision) for wish in wishes], pa.string())
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
    told = {name: columns[name] for name in TOLD}
    named = {"key": columns["item_key"], "subject_ref": refs, "action_id": columns["contact_id"], "cause": cause}
    record_columns(connection, rt, run_id=run_id, events=Events(template, told | named))
