"""The day's items of the work lists, in batches, as if they were claimed: the facts of the gates are read by claim."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Engine, select

from arrears.outreach.claims import CLAIMED, Claim
from arrears.store.engine import reading
from arrears.store.tables.outreach import contact

BATCH = 500
LISTED = ("planned", "claimed", "sent")


def listed(engine: Engine, business_date: date, channels: Sequence[str]) -> Iterator[Sequence[Claim]]:
    """Yield a day's items of some channels that stand on a list or are about to."""
    query = select(*CLAIMED).where(
        contact.c.business_date == business_date, contact.c.channel.in_(channels), contact.c.state.in_(LISTED)
    )
    with reading(engine) as connection:
        rows: Iterator[Any] = iter(connection.execute(query.order_by(contact.c.contact_id)).all())
    while batch := list(islice(rows, BATCH)):
        yield [Claim(row.contact_id, row.fence, datetime.max.replace(tzinfo=UTC), row) for row in batch]
