"""What is planned already: contacts and items of earlier runs, and their totals when a correction changes them."""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from sys import intern
from typing import Any

from sqlalchemy import Connection, bindparam, select

from arrears.core.keys import natural_key
from arrears.outreach.contact_total import Said, headline
from arrears.store.tables.outreach import contact, item

LOOKUP = 5_000
TONES = ("courteous", "firm", "serious", "legal")


def contact_key(party_id: str, channel: str, business_date: date) -> str:
    """Return the key of a contact: whom, how and when, so that no second run, try or file makes another."""
    return natural_key(party_id, channel, business_date.isoformat())


def contacts_of(connection: Connection, business_date: date) -> dict[tuple[str, str], tuple[str, str]]:
    """Return key and state of a day's contacts by person and channel, locked until the plan stands."""
    query = (
        select(contact.c.contact_id, contact.c.party_id, contact.c.channel, contact.c.state)
        .where(contact.c.business_date == business_date)
        .with_for_update()
    )
    return {
        (row.party_id, intern(row.channel)): (row.contact_id, intern(row.state)) for row in connection.execute(query)
    }


def items_among(connection: Connection, keys: list[str]) -> dict[str, date]:
    """Return which items are planned already, and for which day."""
    found: dict[str, date] = {}
    remaining = iter(keys)
    while chunk := list(islice(remaining, LOOKUP)):
        rows = connection.execute(select(item.c.item_key, item.c.business_date).where(item.c.item_key.in_(chunk)))
        found.update({row.item_key: row.business_date for row in rows})
    return found


def open_items(connection: Connection, business_date: date) -> Iterator[Any]:
    """Yield the items of a day's contacts that nobody has begun to send."""
    query = (
        select(item.c.item_key, item.c.contact_id, item.c.amount_minor, item.c.due_on)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(contact.c.business_date == business_date, contact.c.state == "planned", item.c.dropped_reason.is_(None))
    )
    yield from connection.execute(query, execution_options={"stream_results": True})


def said(one: Any) -> Said:
    """Return what an item, planned or still a wish, adds to the total of its contact."""
    return Said(one.occasion.partition(":")[0], one.account_id, one.currency, one.amount_minor)


def refresh_totals(connection: Connection, contact_ids: set[str]) -> None:
    """Add up what is left on contacts that changed, and let the sternest item set stage and tone."""
    remaining = iter(sorted(contact_ids))
    while chunk := list(islice(remaining, LOOKUP)):
        query = (
            select(item, contact.c.currency.label("total_currency"))
            .join(contact, contact.c.contact_id == item.c.contact_id)
            .where(item.c.contact_id.in_(chunk), item.c.dropped_reason.is_(None))
        )
        rows: dict[str, list[Any]] = {}
        for row in connection.execute(query):
            rows.setdefault(row.contact_id, []).append(row)
        sums = {key: headline(map(said, found), found[0].total_currency) for key, found in rows.items()}
        changes = [
            {
                "key": key,
                "owed_in": sums[key][0],
                "total": sums[key][1],
                "highest": max(row.stage for row in found),
                "sternest": max((row.tone for row in found), key=TONES.index),
                "who": "borrower" if any(row.audience == "borrower" for row in found) else "guarantors",
            }
            for key, found in rows.items()
        ]
        if changes:
            statement = (
                contact.update()
                .where(contact.c.contact_id == bindparam("key"))
                .values(
                    total_minor=bindparam("total"),
                    currency=bindparam("owed_in"),
                    stage=bindparam("highest"),
                    tone=bindparam("sternest"),
                    audience=bindparam("who"),
                )
            )
            connection.execute(statement, changes)
