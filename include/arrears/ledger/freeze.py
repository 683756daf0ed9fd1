"""Write the frozen ledger: what this date's decisions, packets and figures will be read from, and no people."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from arrears.core.entropy import random_uuid
from arrears.core.runtime import Runtime
from arrears.ladder.effective import LISTS
from arrears.ladder.policy import Policy
from arrears.ladder.staging import NO_DATE, Int32
from arrears.ledger.accounts import Accounts
from arrears.ledger.assemble import Part, column, days
from arrears.ledger.shape import Shape
from arrears.ledger.validate import Problem
from arrears.store.shelf import Shelf
from arrears.store.snapshot import folder_of

MONEY = pa.int64()
ACCOUNTS = pa.schema([
    ("subject_ref", pa.string()), ("currency", pa.string()), ("contract_type", pa.string()), ("branch", pa.string()),
    ("stage", pa.int8()), ("overdue_instalments", pa.int32()), ("overdue_minor", MONEY), ("days_past_due", pa.int32()),
    ("oldest_unpaid_due", pa.date32()), ("overdue_due_on", pa.list_(pa.date32())),
    ("overdue_unpaid_minor", pa.list_(MONEY)), ("overdue_amount_minor", pa.list_(MONEY)),
    ("due_minor", MONEY), ("unpaid_due_minor", MONEY), ("schedule_minor", MONEY), ("paid_minor", MONEY),
    ("next_due_on", pa.date32()), ("next_due_minor", MONEY), ("last_paid_on", pa.date32()),
    ("whole_paid_on", pa.date32()), ("principal_outstanding_minor", MONEY), ("total_price_minor", MONEY),
    ("data_incomplete", pa.bool_()), ("ledger_row_sha256", pa.string()), ("ledger_row", pa.int64()),
])  # fmt: skip
INSTALMENTS = pa.schema([
    ("subject_ref", pa.string()), ("instalment_no", pa.int32()), ("due_date", pa.date32()), ("amount_due_minor", MONEY),
    ("paid_minor", MONEY), ("principal_due_minor", MONEY), ("interest_due_minor", MONEY), ("penalty_due_minor", MONEY),
])  # fmt: skip
REPEATED = ["currency", "contract_type", "branch", "stage", "overdue_instalments", "days_past_due", "oldest_unpaid_due",
            "next_due_on", "last_paid_on", "whole_paid_on"]  # fmt: skip
"""Columns of few distinct values; to look for repetition in the others costs time and saves nothing."""

COMPRESSION = dict.fromkeys(ACCOUNTS.names, "SNAPPY") | dict.fromkeys(("subject_ref", "ledger_row_sha256"), "NONE")
"""Random text is hardly smaller when compressed, and is written in half the time as it is."""

PAYMENTS = pa.schema([("subject_ref", pa.string()), ("payment_id", pa.string()), ("paid_on", pa.date32()),
                      ("amount_minor", MONEY), ("kind", pa.string())])  # fmt: skip


@dataclass
class Frozen:
    """What was written: the accounts open on the date, and the shape the gates compare."""

    folder: str
    accounts: int = 0
    shape: Shape = field(default_factory=Shape)
    twice: dict[str, list[Problem]] = field(default_factory=lambda: {"instalments": [], "payments": []})


@dataclass(frozen=True)
class Names:
    """What the ledger's accounts are called, by range of the register, and which of them have incomplete data."""

    refs: Shelf
    incomplete: set[str]


def freeze(rt: Runtime, known: Accounts, names: Names, parts: Iterator[Part], on: date, policy: Policy) -> Frozen:
    """Write the three files into a new folder beside the final one, streaming part by part."""
    files, folder = folder_of(rt.settings.artifacts_url, f".new-{random_uuid(rt.entropy)}")
    files.makedirs(folder, exist_ok=True)
    frozen = Frozen(folder)
    try:
        with (
            files.open(f"{folder}/accounts.parquet", "wb") as first,
            files.open(f"{folder}/instalments.parquet", "wb") as second,
            files.open(f"{folder}/payments.parquet", "wb") as third,
            pq.ParquetWriter(first, ACCOUNTS, use_dictionary=REPEATED, compression=COMPRESSION) as accounts,
            pq.ParquetWriter(second, INSTALMENTS) as instalments,
            pq.ParquetWriter(third, PAYMENTS) as payments,
        ):
            for number, part in enumerate(parts):
                frame = _Frame(known.shelf.take(number), names.refs.take(number), names.incomplete, part, on, policy)
                accounts.write_table(frame.accounts())
                instalments.write_table(frame.instalments())
                payments.write_table(frame.payments())
                frame.count(frozen)
    except BaseException:
        files.rm(folder, recursive=True)
        raise
    return frozen


def publish(rt: Runtime, frozen: Frozen, snapshot_id: str) -> None:
    """Give the folder its final name; the same content that is already there stays."""
    files, final = folder_of(rt.settings.artifacts_url, snapshot_id)
    if files.exists(final):
        files.rm(final, recursive=True)
    files.mv(frozen.folder, final, recursive=True)


class _Frame:
    """One part of the portfolio as the rows of the three files; accounts closed on or before the date are left out."""

    def __init__(
        self, rows: pa.RecordBatch, names: pa.RecordBatch, incomplete: set[str], part: Part, on: date, policy: Policy
    ) -> None:
        self.part, self.on, self.policy, self.table = part, on, policy, rows
        self.refs = names.column("subject_ref")
        twice = {problem.account_id for bad in part.twice.values() for problem in bad if problem.account_id}
        held = pa.array(sorted(incomplete | twice), pa.string())
        self.incomplete = pc.is_in(rows.column("account_id"), held)
        closed = self.table.column("closed_on").cast(pa.int32()).fill_null(int(NO_DATE)).to_numpy()
        self.open = closed > days(on)
        self.currency = self._words("currency", policy.currency)

    def _words(self, name: str, usual: str) -> pa.Array:
        if name not in self.table.schema.names:
            return pa.array([usual] * self.part.count, pa.string())
        return self.table.column(name).fill_null(usual)

    def _money(self, name: str) -> pa.Array:
        if name not in self.table.schema.names:
            return pa.nulls(self.part.count, MONEY)
        return self.table.column(name)

    def accounts(self) -> pa.Table:
        """Return the rows of accounts.parquet."""
        staged = self.part.staged
        no_payments = self.part.payments is None
        values: dict[str, Any] = {
            "subject_ref": self.refs, "currency": self.currency,
            "contract_type": self._words("contract_type", self.policy.contract_type),
            "branch": self._words("branch", ""), "stage": staged.stage,
            "overdue_instalments": staged.overdue_instalments, "overdue_minor": staged.overdue,
            "days_past_due": staged.days_past_due, "oldest_unpaid_due": _dates(staged.oldest_unpaid_due),
            **self._overdue(),
            "due_minor": staged.due, "unpaid_due_minor": staged.unpaid_due, "schedule_minor": staged.schedule,
            "paid_minor": staged.paid, "next_due_on": _dates(staged.next_due_on), "next_due_minor": staged.next_due,
            "last_paid_on": _dates(self.part.last_paid_on),
            "whole_paid_on": pa.nulls(self.part.count, pa.date32()) if no_payments else _dates(self.part.whole_paid_on),
            "principal_outstanding_minor": self._money("principal_outstanding_minor"),
            "total_price_minor": self._money("total_price_minor"),
            "data_incomplete": self.incomplete, "ledger_row_sha256": self.table.column("row_sha256"),
            "ledger_row": self.table.column("row_no"),
        }  # fmt: skip
        return pa.Table.from_pydict(values, schema=ACCOUNTS).filter(pa.array(self.open))

    def _overdue(self) -> dict[str, pa.Array]:
        """Return each account's overdue instalments, the oldest first: what may count is the policy's to say."""
        rows = INSTALMENTS.empty_table() if self.part.instalments is None else self.part.instalments
        due, amount = column(rows, "due_date"), column(rows, "amount_due_minor")
        unpaid = amount - self.part.allocated
        late = (due < days(self.on)) & (unpaid > 0)
        edges = pa.array(np.append(0, np.cumsum(self.part.staged.overdue_instalments)), pa.int32())
        dates = pa.array(due[late].astype(np.int32), pa.int32()).cast(pa.date32())
        values = (dates, pa.array(unpaid[late], MONEY), pa.array(amount[late], MONEY))
        return {name: pa.ListArray.from_arrays(edges, each) for name, each in zip(LISTS, values, strict=True)}

    def instalments(self) -> pa.Table:
        """Return the rows of instalments.parquet."""
        rows = self.part.instalments
        if rows is None:
            return INSTALMENTS.empty_table()
        rows = rows.append_column("paid_minor", pa.array(self.part.allocated, MONEY))
        return self._own(rows, INSTALMENTS)

    def payments(self) -> pa.Table:
        """Return the rows of payments.parquet."""
        return PAYMENTS.empty_table() if self.part.payments is None else self._own(self.part.payments, PAYMENTS)

    def _own(self, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        codes = column(rows, "code") - self.part.first
        keep = self.open[codes]
        rows, codes = rows.filter(pa.array(keep)), codes[keep]
        arrays = [self.refs.take(pa.array(codes))]
        for wanted in list(schema)[1:]:
            there = wanted.name in rows.schema.names
            arrays.append(rows.column(wanted.name).cast(wanted.type) if there else pa.nulls(rows.num_rows, wanted.type))
        return pa.Table.from_arrays(arrays, schema=schema)

    def count(self, frozen: Frozen) -> None:
        """Add this part to the totals."""
        frozen.accounts += int(self.open.sum())
        self._count_excluded(frozen.shape.excluded)
        for feed, bad in self.part.twice.items():
            frozen.twice[feed] += bad
        staged = self.part.staged
        frozen.shape.add_stages(staged.stage[self.open])
        for currency in self.currency.unique().to_pylist():
            own = self.open & np.asarray(pc.equal(self.currency, currency))
            unpaid = int(staged.unpaid_due[own].sum())
            frozen.shape.unpaid_due[currency] = frozen.shape.unpaid_due.get(currency, 0) + unpaid
            self._add_balance(frozen.shape, currency, own)
            if self.part.instalments is not None:
                codes = column(self.part.instalments, "code") - self.part.first
                mine = own[codes]
                due = column(self.part.instalments, "due_date")[mine]
                amount = column(self.part.instalments, "amount_due_minor")[mine]
                frozen.shape.add_due(currency, due, amount, amount - self.part.allocated[mine])

    def _add_balance(self, shape: Shape, currency: str, own: NDArray[np.bool_]) -> None:
        if "principal_outstanding_minor" in self.table.schema.names:
            balance = pc.sum(self._money("principal_outstanding_minor").filter(pa.array(own))).as_py() or 0
            shape.book_balance[currency] = shape.book_balance.get(currency, 0) + balance

    def _count_excluded(self, excluded: dict[str, int]) -> None:
        """Count what is left out because its account is closed, apart from what is written."""
        closed = ~self.open
        tables = {"instalments": self.part.instalments, "payments": self.part.payments}
        rows = {feed: closed[column(table, "code") - self.part.first].sum() for feed, table in tables.items() if table}
        for feed, count in {"accounts": closed.sum(), **rows}.items():
            excluded[feed] = excluded.get(feed, 0) + int(count)


def _dates(values: Int32) -> pa.Array:
    absent = values == NO_DATE
    return pa.array(np.where(absent, 0, values).astype(np.int32), pa.int32(), mask=absent).cast(pa.date32())
