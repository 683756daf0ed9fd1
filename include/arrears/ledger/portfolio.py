"""The account table: its newest accepted row, whether it went missing, and whether its data is incomplete."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select, update

from arrears.audit.record import Event, record_many
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ledger.accounts import Accounts
from arrears.ledger.beside import ERASED, MISSING, stored_accounts
from arrears.ledger.catalogue import FEEDS
from arrears.ledger.names import random_names
from arrears.store.columns import insert_columns, replace_columns
from arrears.store.shelf import Shelf
from arrears.store.tables.feeds import account
from arrears.store.tables.people import subject


@dataclass
class Standing:
    """What the store knows of a delivery: each account's random name, by range, and the accounts it does not name."""

    names: Shelf = field(default_factory=Shelf)
    unnamed: list[pa.Table] = field(default_factory=list)

    def unnamed_refs(self) -> pa.ChunkedArray:
        """Return the names of the accounts that are in the store and not in the delivery."""
        return pa.chunked_array([part.column("subject_ref").combine_chunks() for part in self.unnamed], pa.string())

    def absent(self, on: date) -> dict[str, str]:
        """Return the open accounts of the store that the delivery does not name, with their ``subject_ref``."""
        return {
            row["account_id"]: row["subject_ref"]
            for part in self.unnamed
            for row in part.to_pylist()
            if not row["flags"] & MISSING and (row["closed_on"] is None or row["closed_on"] > on.isoformat())
        }


def store_accounts(
    connection: Connection, rt: Runtime, known: Accounts, delivery_id: str, policy: Policy, *, overwrite: bool = True
) -> Standing:
    """Write new and changed accounts; without ``overwrite`` (an older date) only accounts never seen before.

    A new account is given a random name. An erased account stays erased, whatever is delivered of it.
    """
    standing = Standing()
    with stored_accounts(connection) as stored:
        for part in known.parts():
            ids = part.column("account_id")
            there = stored.up_to(ids[-1].as_py())
            standing.unnamed += _others(there, ids)
            own = there.take(pc.index_in(ids, there.column("account_id").combine_chunks()))
            refs, new = _name(connection, rt, ids, own.column("subject_ref").combine_chunks())
            rows = _rows(part, refs, delivery_id, policy)
            insert_columns(connection, account, _in_order_of_names(rows.filter(pa.array(new))))
            if overwrite:
                other = _full(rows.filter(pa.array(_differs(own, part) & ~new)))
                replace_columns(connection, account, other, kept=("subject_ref",))
            standing.names.put(pa.record_batch([refs], names=["subject_ref"]))
        standing.unnamed += _others(stored.rest(), pa.array([], pa.string()))
    return standing


def _others(there: pa.Table, ids: pa.Array) -> list[pa.Table]:
    rest = there.filter(pc.invert(pc.is_in(there.column("account_id"), ids))) if there.num_rows else there
    return [rest] if rest.num_rows else []


def _name(connection: Connection, rt: Runtime, ids: pa.Array, named: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Return each account's random name, and which ones are new and so were given one."""
    new = np.asarray(named.is_null())
    count = int(new.sum())
    if not count:
        return named, new
    refs = random_names(rt.entropy, count)
    at = pa.repeat(utc_text(rt.clock.now()), count)
    tied = pa.record_batch([refs, ids.filter(pa.array(new)), at], names=["subject_ref", "account_id", "created_at"])
    insert_columns(connection, subject, _in_order_of_names(tied))
    place = np.where(new, len(ids) + np.cumsum(new) - 1, np.arange(len(ids)))
    return pa.concat_arrays([named, refs]).take(pa.array(place)), new


def _in_order_of_names(rows: pa.RecordBatch) -> pa.RecordBatch:
    """An index over random names is filled at half the price when they come sorted."""
    return rows.take(pc.sort_indices(rows.column("subject_ref"))) if rows.num_rows else rows


def _differs(own: pa.Table, part: pa.RecordBatch) -> NDArray[np.bool_]:
    """Say which rows are news."""
    flags = np.asarray(own.column("flags").fill_null(0))
    other = pc.not_equal(own.column("row_sha256").combine_chunks(), part.column("row_sha256")).fill_null(True)
    news: NDArray[np.bool_] = (flags & ERASED == 0) & (np.asarray(other) | (flags & MISSING != 0))
    return news


def _rows(part: pa.RecordBatch, refs: pa.Array, delivery_id: str, policy: Policy) -> pa.RecordBatch:
    """Return the rows as the store keeps them, with the columns that were delivered."""
    names, count = part.schema.names, part.num_rows
    columns = {one.stored: part.column(one.stored) for one in FEEDS["accounts"].fields if one.stored in names}
    for name, usual in (("contract_type", policy.contract_type), ("currency", policy.currency), ("branch", "")):
        columns[name] = columns[name].fill_null(usual) if name in columns else pa.repeat(usual, count)
    return pa.RecordBatch.from_pydict(columns | {
        "subject_ref": refs, "is_missing": pa.repeat(False, count), "delivery_id": pa.repeat(delivery_id, count),
        "row_no": part.column("row_no"), "row_sha256": part.column("row_sha256"),
    })  # fmt: skip


def _full(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Add the columns that were not delivered, empty: what stands there from earlier days is no longer so."""
    for one in FEEDS["accounts"].fields:
        if one.stored not in rows.schema.names:
            rows = rows.append_column(one.stored, pa.nulls(rows.num_rows, pa.string()))
    return rows


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
