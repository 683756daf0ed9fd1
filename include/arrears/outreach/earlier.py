"""What earlier runs of a day planned: its contacts with their items, read once and locked until the plan stands."""

from collections.abc import Iterator
from datetime import date

import pyarrow as pa
from sqlalchemy import Connection, and_, func, select

from arrears.store.columns import fetch
from arrears.store.tables.outreach import contact, item

EARLIER = pa.schema([("contact_id", pa.string()), ("state", pa.string()), ("item_key", pa.string()),
                     ("amount_minor", pa.int64()), ("due_on", pa.date32())])  # fmt: skip


def earlier_contacts(connection: Connection, day: date) -> Iterator[pa.RecordBatch]:
    """Yield a row for each item of a day's contacts that was not dropped, one without item for a contact with none."""
    of_day = select(contact.c.contact_id).where(contact.c.business_date == day)
    connection.execute(select(func.count()).select_from(of_day.with_for_update().subquery()))
    live = and_(item.c.contact_id == contact.c.contact_id, item.c.dropped_reason.is_(None))
    query = select(contact.c.contact_id, contact.c.state, item.c.item_key, item.c.amount_minor, item.c.due_on)
    query = query.outerjoin_from(contact, item, live).where(contact.c.business_date == day)
    for rows in fetch(connection, query, EARLIER):
        yield from rows.combine_chunks().to_batches()
