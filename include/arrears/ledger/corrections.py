"""A corrected word about one contact replaces the earlier one: the same contact never counts as two."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, select

from arrears.audit.record import Event
from arrears.core.keys import natural_key
from arrears.ledger.promised import Correction
from arrears.ledger.rows import LOOK_UP, Row
from arrears.store.tables.decisions import evidence
from arrears.store.tables.feeds import account, outcome

BY_PEOPLE = ("call", "visit", "letter")
"""Channels whose outcome a person writes down; of a message every receipt is a fact of its own."""


def supersede(connection: Connection, rows: list[Row]) -> list[Correction]:
    """Take back earlier outcomes of the same contact (account, person, channel, moment) that say something else.

    Their evidence goes with them; what they said stays in the log. Returns each with the row that took its place.
    """
    new = {(row["account_id"], row["party_id"], row["channel"], row["at"]): row for row in rows
           if row["channel"] in BY_PEOPLE}  # fmt: skip
    kept = defaultdict(set)
    for row in rows:
        kept[row["account_id"], row["party_id"], row["channel"], row["at"]].add(row["outcome_key"])
    replaced = []
    for old in _told_before(connection, sorted({key[0] for key in new})):
        contact = (old.account_id, old.party_id, old.channel, old.at)
        if contact in new and old.outcome_key not in kept[contact]:
            _take_back(connection, old)
            replaced.append((old, new[contact]))
    return replaced


def corrections(replaced: list[Correction], on: date, delivery_sha256: str) -> Iterator[Event]:
    """Yield the events that tell of outcomes taken back, each caused by the row that took the place."""
    for old, new in replaced:
        yield _event(old, new, on, delivery_sha256)


def _told_before(connection: Connection, accounts: list[str]) -> Iterator[Any]:
    for start in range(0, len(accounts), LOOK_UP):
        query = (
            select(outcome, account.c.subject_ref)
            .join(account, account.c.account_id == outcome.c.account_id)
            .where(outcome.c.account_id.in_(accounts[start : start + LOOK_UP]), outcome.c.channel.in_(BY_PEOPLE))
            .order_by(outcome.c.outcome_key)
        )
        yield from connection.execute(query).all()


def _take_back(connection: Connection, old: Any) -> None:
    connection.execute(delete(evidence).where(evidence.c.source == "outcome", evidence.c.source_key == old.outcome_key))
    connection.execute(delete(outcome).where(outcome.c.outcome_key == old.outcome_key))


def _event(old: Any, new: Row, on: date, delivery_sha256: str) -> Event:
    return Event(
        "contact.corrected",
        natural_key(old.outcome_key, new["outcome_key"]),
        on,
        old.subject_ref,
        data={"channel": old.channel, "at": old.at, "was": old.outcome, "outcome": new["outcome"]},
        causes=[old.outcome_key, new["outcome_key"]],
        ledger={"sha256": delivery_sha256, "row": new["row_no"], "row_sha256": new["row_sha256"]},
    )
