"""Rows of decisions as columns, and the events that tell of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from arrears.audit.columns import Events, hole, record_columns, row_digests
from arrears.audit.record import Event, record_many
from arrears.core.keys import natural_key, sha256
from arrears.core.runtime import Runtime
from arrears.store.tables.feeds import snapshot
from arrears.store.tables.people import subject

ORDER = (
    "business_date", "account_id", "revision", "run_id", "stage", "entitled_rung", "unlocked_rung", "rung", "lane",
    "overdue_instalments", "overdue_minor", "days_past_due", "oldest_unpaid_due", "episode_due", "currency", "branch",
    "ledger_row_sha256", "facts_sha256", "verdict_sha256", "policy_sha256", "row_sha256",
)  # fmt: skip
ROW = {name: hole(name) for name in ORDER if name not in ("revision", "run_id", "row_sha256")}
"""What the hash of a decision row covers: everything but which run wrote it, and how often it was corrected."""

TOLD = ("stage", "entitled_rung", "unlocked_rung", "rung", "lane", "overdue_instalments", "overdue_minor",
        "days_past_due", "currency", "revision", "facts_sha256", "verdict_sha256", "row_sha256")  # fmt: skip

IN_FORCE = pa.schema([("account_id", pa.string()), ("revision", pa.int64()), ("row_sha256", pa.string())])
"""What is read of the decisions in force of a range: an account's newest revision first."""


@dataclass(frozen=True)
class Batch:
    """Decision rows by column, the names and file rows of their accounts, and which have nothing due or to do."""

    columns: Mapping[str, pa.Array]
    subject_refs: pa.Array
    ledger_rows: pa.Array
    quiet: NDArray[np.bool_]

    def where(self, mask: NDArray[np.bool_]) -> "Batch":
        """Return the rows of a mask."""
        if mask.all():
            return self
        chosen = pa.array(mask)
        columns = {name: values.filter(chosen) for name, values in self.columns.items()}
        return Batch(columns, self.subject_refs.filter(chosen), self.ledger_rows.filter(chosen), self.quiet[mask])

    def rows(self) -> pa.RecordBatch:
        """Return the rows as the store keeps them."""
        return pa.RecordBatch.from_pydict({name: self.columns[name] for name in ORDER})


@dataclass(frozen=True)
class Teller:
    """Writes the events of one run's decisions, each with the row of the accounts file that it stands on."""

    rt: Runtime
    run_id: str
    on: date
    accounts_sha256: str

    @classmethod
    def of(cls, connection: Connection, rt: Runtime, run_id: str, snapshot_id: str, on: date) -> "Teller":
        """Look up which accounts file a snapshot was made of."""
        facts = connection.execute(select(snapshot.c.facts).where(snapshot.c.snapshot_id == snapshot_id)).scalar()
        files = json.loads(facts).get("files", {}) if facts else {}
        return cls(rt, run_id, on, str(files.get("accounts", "")))

    def decided(self, connection: Connection, batch: Batch) -> None:
        """Tell of each decision about something; quiet accounts are told of together, by the hash of their hashes."""
        policies = batch.columns["policy_sha256"].cast(pa.string())
        for policy in pc.unique(policies).to_pylist():
            mine = np.asarray(pc.equal(policies, policy))
            told, quiet = batch.where(mine & ~batch.quiet), batch.where(mine & batch.quiet)
            if len(told.subject_refs):
                record_columns(connection, self.rt, run_id=self.run_id, events=self._staged(told))
            if len(quiet.subject_refs):
                record_many(connection, self.rt, run_id=self.run_id, events=[self._quiet(quiet)])

    def cured(
        self, connection: Connection, ended: list[tuple[str, date]], names: list[str], accounts: pa.RecordBatch
    ) -> None:
        """Tell of the episodes of a range that ended, with the ledger row that shows each account without arrears."""
        place = {name: number for number, name in enumerate(names)} if ended else {}
        rest = [(account_id, due) for account_id, due in ended if account_id not in place]
        found = [(place[account_id], due) for account_id, due in ended if account_id in place]
        chosen = accounts.take(pa.array([number for number, _ in found], pa.int64())).to_pylist()
        events = (
            self._cure(row["subject_ref"], due, self._origin(row.get("ledger_row"), row["ledger_row_sha256"]))
            for row, (_, due) in zip(chosen, found, strict=True)
        )
        record_many(connection, self.rt, run_id=self.run_id, events=events)
        self.cured_elsewhere(connection, rest)

    def cured_elsewhere(self, connection: Connection, ended: list[tuple[str, date]]) -> None:
        """Tell of episodes that ended of accounts which this ledger does not hold."""
        for account_id, due in ended:
            ref = connection.execute(select(subject.c.subject_ref).where(subject.c.account_id == account_id)).scalar()
            if ref is not None:
                record_many(connection, self.rt, run_id=self.run_id, events=[self._cure(ref, due, None)])

    def _origin(self, row: Any, row_sha256: str) -> dict[str, Any]:
        return {"sha256": self.accounts_sha256, "row": row, "row_sha256": row_sha256}

    def _cure(self, subject_ref: str, due: date, origin: dict[str, Any] | None) -> Event:
        return Event(
            type="account.cured",
            key=natural_key(subject_ref, "cured", due.isoformat(), self.on.isoformat()),
            business_date=self.on,
            subject_ref=subject_ref,
            data={"episode_due": due.isoformat()},
            ledger=origin,
        )

    def _quiet(self, batch: Batch) -> Event:
        hashes = batch.columns["row_sha256"].to_pylist()
        first, last = batch.subject_refs[0].as_py(), batch.subject_refs[-1].as_py()
        return Event(
            type="accounts.quiet",
            key=natural_key(first, last, self.on.isoformat()),
            business_date=self.on,
            data={"rows": len(hashes), "rows_sha256": sha256("\n".join(hashes).encode()), "first": first, "last": last},
            policy_sha256=batch.columns["policy_sha256"][0].as_py(),
        )

    def _staged(self, batch: Batch) -> Events:
        refs, revision = batch.subject_refs, batch.columns["revision"]
        parts: dict[str, pa.Array] = {"ref": refs, "revision": revision.cast(pa.string())}
        key = row_digests([hole("ref"), self.on.isoformat(), hole("revision")], parts)
        columns: dict[str, Any] = {name: batch.columns[name] for name in (*TOLD, "ledger_row_sha256")}
        columns |= {"key": key, "subject_ref": refs, "ledger_row": batch.ledger_rows}
        template = Event(
            type="account.staged",
            key=hole("key"),
            business_date=self.on,
            subject_ref=hole("subject_ref"),
            data={name: hole(name) for name in TOLD},
            policy_sha256=batch.columns["policy_sha256"][0].as_py(),
            ledger=self._origin(hole("ledger_row"), hole("ledger_row_sha256")),
        )
        return Events(template, columns)


def file_rows(accounts: pa.RecordBatch) -> pa.Array:
    """Return the rows of the accounts file; a ledger frozen by an older release does not know them."""
    if "ledger_row" not in accounts.schema.names:
        return pa.nulls(accounts.num_rows, pa.int64())
    return accounts.column("ledger_row")


def revisions(ids: pa.Array, hashes: pa.Array, in_force: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the revision in force of each account, 0 for none, and whether its row differs from it."""
    own = in_force.take(pc.index_in(ids, in_force.column("account_id"))).combine_chunks()
    changed = pc.not_equal(own.column("row_sha256"), hashes).fill_null(True)
    return np.asarray(own.column("revision").fill_null(0)), np.asarray(changed)
