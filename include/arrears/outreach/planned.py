"""What is planned already: contacts and items of earlier runs, and their totals when a correction changes them."""

from datetime import date
from itertools import islice
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


SUPERSEDED = "superseded"
"""Why an item was dropped that a correction of its day no longer wanted."""


def items_among(connection: Connection, keys: list[str]) -> dict[str, tuple[date, bool]]:
    """Return which items are planned already, for which day, and whether a correction of that day took them back."""
    found: dict[str, tuple[date, bool]] = {}
    remaining = iter(keys)
    while chunk := list(islice(remaining, LOOKUP)):
        query = select(item.c.item_key, item.c.business_date, item.c.dropped_reason).where(item.c.item_key.in_(chunk))
        rows = connection.execute(query)
        found.update({row.item_key: (row.business_date, row.dropped_reason == SUPERSEDED) for row in rows})
    return found


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
