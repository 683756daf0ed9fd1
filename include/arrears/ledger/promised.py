"""Promises that outcomes carry: split out, taken back when no outcome says them any more, standing again when one does.

A promise made elsewhere, which the ``promises`` feed brings, is no business of an outcome's correction.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from arrears.audit.record import Event
from arrears.core.clock import local_date
from arrears.core.keys import natural_key
from arrears.ledger.rows import LOOK_UP, Row
from arrears.store.tables.feeds import account, outcome, promise

Correction = tuple[Any, Row]
"""An outcome as the store had it, and the delivered row that took its place."""


def promise_in(said: Row, zone: str) -> Row:
    """Split the promise out of an outcome: made on the local day of the contact."""
    same = ("account_id", "channel", "party_id", "evidence_ref", "delivery_id", "row_no", "row_sha256")
    return {name: said[name] for name in same} | {
        "promise_key": _key(said["account_id"], said["at"], said["promised_on"], zone),
        "made_on": _made_on(said["at"], zone),
        "due_on": said["promised_on"],
        "amount_minor": said["promised_amount_minor"],
    }


def _made_on(at: str, zone: str) -> date:
    return local_date(datetime.fromisoformat(at), zone)


def _key(account_id: str, at: str, due_on: date, zone: str) -> str:
    return natural_key(account_id, _made_on(at, zone).isoformat(), due_on.isoformat())


def promising(connection: Connection, rows: list[Row]) -> list[Correction]:
    """Return the stored outcomes with a promise that these rows are about to write over, each with its row."""
    by_key = {row["outcome_key"]: row for row in rows}
    keys = sorted(by_key)
    query = select(outcome).where(outcome.c.promised_on.is_not(None))
    return [
        (old, by_key[old.outcome_key])
        for start in range(0, len(keys), LOOK_UP)
        for old in connection.execute(query.where(outcome.c.outcome_key.in_(keys[start : start + LOOK_UP])))
    ]


def withdraw_unsaid(
    connection: Connection, corrected: Iterable[Correction], zone: str, on: date, delivery_sha256: str
) -> Iterator[Event]:
    """Withdraw the promises of corrected outcomes that no outcome says any more, in whatever state: none was made."""
    carried = [(old, new) for old, new in corrected if old.promised_on is not None]
    said = _said(connection, sorted({old.account_id for old, _ in carried}), zone)
    for old, new in carried:
        key = _key(old.account_id, old.at, old.promised_on, zone)
        row = _stands(connection, key, old.row_sha256) if key not in said[old.account_id] else None
        if row is not None:
            connection.execute(update(promise).where(promise.c.promise_key == key).values(state="withdrawn"))
            yield Event(
                "promise.withdrawn",
                natural_key(key, new["outcome_key"], new["row_sha256"]),
                on,
                row.subject_ref,
                data={"amount_minor": row.amount_minor, "due_on": row.due_on.isoformat(), "was": row.state},
                causes=[key, new["outcome_key"]],
                ledger={"sha256": delivery_sha256, "row": new["row_no"], "row_sha256": new["row_sha256"]},
            )


def _said(connection: Connection, accounts: list[str], zone: str) -> dict[str, set[str]]:
    """Return the keys of the promises that outcomes of these accounts say now."""
    found: dict[str, set[str]] = defaultdict(set)
    query = select(outcome.c.account_id, outcome.c.at, outcome.c.promised_on).where(outcome.c.promised_on.is_not(None))
    for start in range(0, len(accounts), LOOK_UP):
        for row in connection.execute(query.where(outcome.c.account_id.in_(accounts[start : start + LOOK_UP]))):
            found[row.account_id].add(_key(row.account_id, row.at, row.promised_on, zone))
    return found


def _stands(connection: Connection, key: str, row_sha256: str) -> Any:
    """Return the promise if it was written from this very row and is not withdrawn."""
    query = select(promise, account.c.subject_ref).join(account, account.c.account_id == promise.c.account_id)
    query = query.where(promise.c.promise_key == key, promise.c.row_sha256 == row_sha256)
    return connection.execute(query.where(promise.c.state != "withdrawn")).one_or_none()


def make_again(connection: Connection, told: list[Row]) -> list[Row]:
    """Open the promises again that a correction had withdrawn and these outcomes say anew, and return them.

    What the person took back, on a day, stays taken back.
    """
    by_key = {row["promise_key"]: row for row in told}
    keys, again = sorted(by_key), []
    for start in range(0, len(keys), LOOK_UP):
        unmade = promise.c.promise_key.in_(keys[start : start + LOOK_UP]) & (promise.c.state == "withdrawn")
        unmade &= promise.c.withdrawn_on.is_(None)
        again += [by_key[key] for key in connection.execute(select(promise.c.promise_key).where(unmade)).scalars()]
        connection.execute(update(promise).where(unmade).values(state="open"))
    return again
