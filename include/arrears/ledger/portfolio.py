"""The account table: its newest accepted row, whether it went missing, and whether its data is incomplete."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, bindparam, select, update

from arrears.audit.record import Event, record_many
from arrears.core.clock import utc_text
from arrears.core.entropy import random_uuid
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ledger.accounts import Accounts
from arrears.ledger.catalogue import FEEDS
from arrears.ledger.rows import row_hash
from arrears.ledger.source import BATCH_ROWS
from arrears.store import bulk
from arrears.store.tables.feeds import account
from arrears.store.tables.people import subject


@dataclass
class Standing:
    """The accounts of a delivery in register order: their random names and the hashes of their rows."""

    subject_refs: list[str]
    row_sha256: list[str]


def name_accounts(connection: Connection, rt: Runtime, known: Accounts) -> list[str]:
    """Return each account's ``subject_ref`` in register order; a new account is given a random one."""
    named = {row.account_id: row.subject_ref for row in connection.execute(select(subject))}
    at = utc_text(rt.clock.now())
    ids = known.table.column("account_id").to_pylist()
    new = [{"subject_ref": random_uuid(rt.entropy), "account_id": account_id, "created_at": at}
           for account_id in ids if account_id not in named]  # fmt: skip
    bulk.insert_all(connection, subject, new)
    named |= {row["account_id"]: row["subject_ref"] for row in new}
    return [named[account_id] for account_id in ids]


def store_accounts(
    connection: Connection, rt: Runtime, known: Accounts, delivery_id: str, policy: Policy, *, overwrite: bool = True
) -> Standing:
    """Write new and changed accounts; without ``overwrite`` (an older date) only accounts never seen before."""
    refs = name_accounts(connection, rt, known)
    hashes = [row_hash(text) for text in known.table.column("row_text").to_pylist()]
    stored = {row.account_id: row for row in connection.execute(
        select(account.c.account_id, account.c.row_sha256, account.c.is_missing, account.c.erased_at))}  # fmt: skip

    ids = known.table.column("account_id").to_pylist()
    places = [place for place, account_id in enumerate(ids)
              if _differs(stored.get(account_id), hashes[place], overwrite=overwrite)]  # fmt: skip
    delivered = known.table.take(pa.array(places, pa.int64()))
    rows = (row for batch in delivered.to_batches(BATCH_ROWS) for row in batch.to_pylist())
    bulk.replace_all(
        connection,
        account,
        (_row(row, refs[place], hashes[place], delivery_id, policy) for place, row in zip(places, rows, strict=True)),
    )
    return Standing(refs, hashes)


def _differs(before: Any, row_sha256: str, *, overwrite: bool) -> bool:
    """Say whether a row is news; an erased account stays erased, whatever is delivered of it."""
    if before is None:
        return True
    return overwrite and before.erased_at is None and (before.row_sha256 != row_sha256 or before.is_missing)


def _row(given: dict[str, Any], ref: str, row_sha256: str, delivery_id: str, policy: Policy) -> dict[str, Any]:
    row = {field.stored: given.get(field.stored) for field in FEEDS["accounts"].fields}
    return row | {
        "contract_type": row["contract_type"] or policy.contract_type,
        "currency": row["currency"] or policy.currency,
        "branch": row["branch"] or "",
        "subject_ref": ref,
        "is_missing": False,
        "delivery_id": delivery_id,
        "row_no": given["row_no"],
        "row_sha256": row_sha256,
    }


def absent_accounts(connection: Connection, known: Accounts, on: date) -> dict[str, str]:
    """Return the open accounts of the store that a delivery does not name, with their ``subject_ref``."""
    delivered = set(known.table.column("account_id").to_pylist())
    query = select(account.c.account_id, account.c.subject_ref, account.c.closed_on).where(~account.c.is_missing)
    return {row.account_id: row.subject_ref for row in connection.execute(query)
            if row.account_id not in delivered and (row.closed_on is None or row.closed_on > on)}  # fmt: skip


def mark_missing(connection: Connection, rt: Runtime, run_id: str, absent: dict[str, str], on: date) -> None:
    """Mark accounts absent from the accounts feed: a question for a person, never a cure."""
    if absent:
        flag = update(account).where(account.c.account_id == bindparam("absent")).values(is_missing=True)
        connection.execute(flag, [{"absent": account_id} for account_id in absent])
        record_many(
            connection,
            rt,
            run_id=run_id,
            events=(Event("account.missing", ref, on, ref) for ref in sorted(absent.values())),
        )


def set_incomplete(connection: Connection, held: set[str], *, only: bool = False) -> None:
    """Mark accounts whose data is incomplete; with ``only``, all others are complete again."""
    marked = set(connection.execute(select(account.c.account_id).where(account.c.data_incomplete)).scalars())
    changes = [(account_id, True) for account_id in held - marked]
    changes += [(account_id, False) for account_id in marked - held] if only else []
    if changes:
        flag = update(account).where(account.c.account_id == bindparam("held"))
        flag = flag.values(data_incomplete=bindparam("value"))
        connection.execute(flag, [{"held": account_id, "value": value} for account_id, value in sorted(changes)])
