"""What was already said otherwise today: the first word stands, and the difference is on record."""

from collections.abc import Iterator, Mapping
from datetime import date

from sqlalchemy import Connection, select

from arrears.audit.record import Event
from arrears.core.keys import natural_key
from arrears.outreach.wanted import Wanted
from arrears.store.tables.outreach import contact, item

LEFT = ("sending", "sent", "in_doubt")


def conflicts(connection: Connection, business_date: date, kept: Mapping[str, Wanted]) -> Iterator[Event]:
    """Yield an event for each wish of a later run whose item has left, or may have, with another amount."""
    if not kept:
        return
    query = (
        select(item.c.item_key, item.c.contact_id, item.c.amount_minor)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(contact.c.business_date == business_date, contact.c.state.in_(LEFT), item.c.dropped_reason.is_(None))
        .order_by(item.c.item_key)
    )
    for row in connection.execute(query).all():
        wish = kept.get(row.item_key)
        if wish is not None and wish.amount_minor != row.amount_minor:
            data = {"said_minor": row.amount_minor, "now_minor": wish.amount_minor, "currency": wish.currency}
            cause = natural_key(wish.subject_ref, business_date.isoformat(), wish.revision)
            yield Event("action.conflict", row.item_key, business_date, wish.subject_ref, row.contact_id, data=data,
                        causes=[cause])  # fmt: skip
