"""What left a day's desks: contacts that were sent or issued, as the people who act on them read them."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine, select

from arrears.store.engine import reading
from arrears.store.tables.outreach import contact, item


@dataclass(frozen=True)
class Issued:
    """One contact that left, with the accounts it is about."""

    contact_id: str
    party_id: str
    channel: str
    audience: str
    tone: str
    accounts: tuple[str, ...]


def issued_on(engine: Engine, on: date) -> list[Issued]:
    """Return the contacts of a day that left, in the order of their ids."""
    columns = (contact.c.contact_id, contact.c.party_id, contact.c.channel, contact.c.audience, contact.c.tone,
               item.c.account_id)  # fmt: skip
    query = (
        select(*columns)
        .join(item, item.c.contact_id == contact.c.contact_id)
        .where(contact.c.business_date == on, contact.c.state == "sent", item.c.dropped_reason.is_(None))
        .order_by(contact.c.contact_id, item.c.account_id)
        .distinct()
    )
    found: dict[str, list[str]] = {}
    heads = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            heads[row.contact_id] = row
            found.setdefault(row.contact_id, []).append(row.account_id)
    return [
        Issued(key, row.party_id, row.channel, row.audience, row.tone, tuple(found[key]))
        for key, row in sorted(heads.items())
    ]
