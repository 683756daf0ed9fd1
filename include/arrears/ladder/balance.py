"""What accounts owe at this moment: the newest accepted ledger, and the payments told of that it does not hold.

The ledger is frozen in the morning; a payment imported at noon must stop the message of the afternoon, and the call of
the next day when the ledger is a day behind.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Date, Row, Select, and_, bindparam, or_, select

from arrears.core.runtime import Runtime
from arrears.ladder.effective import EPOCH, OVERDUE, Overdue, effective, overdue_of
from arrears.ladder.in_force import DECIDED, run_in_force
from arrears.ladder.plans import Due, Span
from arrears.ladder.policy import Policy
from arrears.ladder.promises import falling_due
from arrears.ladder.received import Known
from arrears.ladder.staging import Schedule, Staged, allocate, stage
from arrears.ladder.told import is_open_items, is_unbooked, told_since
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import delivery, payment, snapshot
from arrears.store.tables.people import subject
from arrears.store.tables.runs import run

COLUMNS = ("subject_ref", "overdue_instalments", "oldest_unpaid_due", "overdue_minor", *OVERDUE, "next_due_minor")
SAID = ("subject_ref", "overdue_minor", "overdue_instalments", "next_due_minor")
News = Sequence[Row[Any]]
AT_ONCE = 1_000
"""Accounts named in one question: a database takes no more than some ten thousands of values."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What one account owes now, in minor units; ``effective_instalments`` are those that entitle to a rung."""

    overdue_minor: int
    overdue_instalments: int
    effective_instalments: int
    next_due_minor: int


class Balances:
    """Answers batch by batch; the frozen files are read once, and again only for news nobody had looked at.

    Who asks for a few accounts once says so: then nothing is looked up about any other.
    """

    def __init__(self, rt: Runtime, business_date: date, policy: Policy, *, of_few: bool = False) -> None:
        self._rt, self._url, self._on, self._policy = rt, rt.settings.artifacts_url, business_date, policy
        self._of_few = of_few
        self._decided_on: str | None = None
        self._money: Known = {}
        self._ledger: Any = None
        self._newer: dict[str, Balance] | None = None
        self._after_news: dict[tuple[str, str], Balance] = {}

    def of(self, connection: Connection, subjects: Mapping[str, str]) -> dict[str, Balance]:
        """Return the balance of each account (``account_id`` -> ``subject_ref``) that has news since its decision.

        News are a later accepted ledger that nothing was decided on yet, and payments imported since the newest one.
        An account without an entry stands as it was decided.
        """
        ledger = _newest(connection, self._on)
        if ledger is None:
            return {}
        is_new = self._ledger is None or ledger.snapshot_id != self._ledger.snapshot_id
        if is_new:
            self._ledger, self._after_news = ledger, {}
            only = pa.array(subjects.values(), pa.string()) if self._of_few else None
            self._newer = None if _is_decided(connection, ledger) else self._read_all(ledger.snapshot_id, only)
        news = self._news(connection, None if is_new and not self._of_few else subjects)
        self._restage(ledger, news)
        nothing = Balance(0, 0, 0, 0)
        found = {} if self._newer is None else {a: self._newer.get(ref, nothing) for a, ref in subjects.items()}
        for account_id in subjects.keys() & news.keys():
            found[account_id] = self._after_news[account_id, _print(news[account_id])]
        return found

    def falling_due(self, connection: Connection, accounts: Collection[str], days: Collection[int]) -> dict[str, Due]:
        """Return what accounts promised for some days ahead, as it stands now, and had not paid when they were decided.

        The payments of all who promised something for these days are read at once, and not again for each batch.
        """
        snapshot_id = connection.execute(_DECIDED_ON, {"on": self._on}).scalar()
        span = Span(snapshot_id, self._on, days, known=self._money)
        if snapshot_id != self._decided_on:
            self._decided_on = snapshot_id
            self._money.clear()
            falling_due(connection, self._rt, span, self._policy)
        return falling_due(connection, self._rt, replace(span, accounts=accounts), self._policy)

    def _read_all(self, snapshot_id: str, only: pa.Array | None) -> dict[str, Balance]:
        found = {}
        for every in frozen.accounts(self._url, snapshot_id, COLUMNS):
            batch = every if only is None else every.filter(pc.is_in(every.column("subject_ref"), only))
            refs, owed, counts, coming = (batch.column(name).to_pylist() for name in SAID)
            counted = self._counted(overdue_of(batch))
            for ref, *figures in zip(refs, owed, counts, counted, coming, strict=True):
                found[ref] = Balance(*(figure or 0 for figure in figures))
        return found

    def _counted(self, overdue: Overdue) -> list[int]:
        """Return how many instalments of each account entitle to a rung."""
        rules, calendar = self._policy.staging, self._policy.business_calendar()
        counted: list[int] = effective(overdue, self._on, rules, calendar).counted.tolist()
        return counted

    def _news(self, connection: Connection, accounts: Iterable[str] | None) -> dict[str, list[Row[Any]]]:
        """Return the payments that the ledger may not hold, by account; of all accounts when none are named.

        A ledger of open items holds what came before it. One with its payments is asked for each payment itself: what
        was told of on the days before and is not in it counts on, for so long as money may be in flight. Beside open
        items money paid longer ago is taken to be in them: a statement lists again what was booked long since.
        """
        ledger, named = self._ledger, sorted(accounts or ())
        asked = {"created_at": ledger.created_at, "snapshot_id": ledger.snapshot_id, "on": self._on,
                 "since": told_since(self._on, self._policy)}  # fmt: skip
        query = _payments_since(is_open_items(ledger.facts), accounts is not None)
        parts = [asked | {"accounts": named[at : at + AT_ONCE]} for at in range(0, len(named), AT_ONCE)]
        found: dict[str, list[Row[Any]]] = defaultdict(list)
        for part in [asked] if accounts is None else parts:
            for row in connection.execute(query, part):
                found[row.account_id].append(row)
        return {account_id: sorted(rows, key=lambda row: str(row.payment_id)) for account_id, rows in found.items()}

    def _restage(self, ledger: Row[Any], news: Mapping[str, News]) -> None:
        """Stage the accounts whose news have not been looked at, in one pass over the frozen files."""
        fresh = {a: rows for a, rows in news.items() if (a, _print(rows)) not in self._after_news}
        if not fresh:
            return
        wanted = [rows[0].subject_ref for rows in fresh.values()]
        schedules = frozen.instalments_of(self._url, ledger.snapshot_id, wanted)
        payments = {} if is_open_items(ledger.facts) else frozen.payments_of(self._url, ledger.snapshot_id, wanted)
        for account_id, rows in fresh.items():
            ref = rows[0].subject_ref
            staged, overdue = _staged(schedules[ref], _pool(payments.get(ref), rows, self._on), self._on)
            [counted] = self._counted(overdue)
            self._after_news[account_id, _print(rows)] = Balance(
                int(staged.overdue[0]), int(staged.overdue_instalments[0]), counted, int(staged.next_due[0])
            )


_DECIDED_ON = run_in_force(bindparam("on", type_=Date)).with_only_columns(run.c.snapshot_id)
_ACCEPTED = (
    select(snapshot.c.snapshot_id, snapshot.c.created_at, snapshot.c.facts)
    .where(snapshot.c.business_date <= bindparam("on", type_=Date), snapshot.c.accepted_at.is_not(None))
    .order_by(snapshot.c.business_date.desc(), snapshot.c.delivery_no.desc())
    .limit(1)
)


def _newest(connection: Connection, on: date) -> Any:
    found: Any = connection.execute(_ACCEPTED, {"on": on}).first()
    return found


def _is_decided(connection: Connection, ledger: Row[Any]) -> bool:
    """Say whether the day's decisions stand on this ledger: a run of it decided, with news or without."""
    decided = select(run.c.run_id).where(DECIDED, run.c.snapshot_id == ledger.snapshot_id)
    return connection.execute(decided.limit(1)).first() is not None


@cache
def _payments_since(is_open_items: bool, of_some: bool) -> Select[Any]:
    on = bindparam("on", type_=Date)
    later = delivery.c.received_at >= bindparam("created_at")
    news = later if is_open_items else or_(later, payment.c.business_date == on, is_unbooked(bindparam("snapshot_id")))
    told = payment.c.business_date >= bindparam("since", type_=Date)
    if is_open_items:
        told = and_(told, payment.c.paid_on >= bindparam("since", type_=Date))
    query = (
        select(payment, subject.c.subject_ref, later.label("is_later"))
        .join(subject, subject.c.account_id == payment.c.account_id)
        .outerjoin(delivery, delivery.c.delivery_id == payment.c.delivery_id)
        .where(news, told, payment.c.paid_on <= on)
    )
    return query.where(payment.c.account_id.in_(bindparam("accounts", expanding=True))) if of_some else query


def _print(rows: News) -> str:
    """Return what tells one set of news from another."""
    return ";".join(f"{row.payment_id}={row.amount_minor}@{row.paid_on}" for row in rows)


def _pool(payments: list[frozen.Payment] | None, news: News, on: date) -> tuple[int, bool]:
    """Return the money to allocate, and whether it comes on top of what the ledger has allocated already.

    A payment that the ledger holds too counts once; delivered again later with other cells, the later word counts.
    """
    if payments is None:
        return max(0, sum(row.amount_minor for row in news)), True
    amounts = {one.payment_id: one.amount_minor for one in payments if one.paid_on <= on}
    for row in news:
        if row.is_later or row.payment_id not in amounts:
            amounts[row.payment_id] = row.amount_minor
    return sum(amounts.values()), False


def _staged(instalments: list[frozen.Instalment], pool: tuple[int, bool], on: date) -> tuple[Staged, Overdue]:
    """Stage one account by the staging rule itself, with the money it has now."""
    (money, is_added), today = pool, (on - EPOCH).days
    before = np.array([one.paid_minor if is_added else 0 for one in instalments], dtype=np.int64)
    whole = np.array([one.amount_due_minor for one in instalments], dtype=np.int64)
    due = np.array([(one.due_date - EPOCH).days for one in instalments], dtype=np.int32)
    rows = np.zeros(len(instalments), dtype=np.int64)
    paid = before + allocate(Schedule(1, rows, due, whole - before), np.array([money], dtype=np.int64))
    late = (due < today) & (whole > paid)
    edges = np.array([0, late.sum()], dtype=np.int64)
    overdue = Overdue(edges, due[late].astype(np.int64), (whole - paid)[late], whole[late])
    return stage(Schedule(1, rows, due, whole), paid, today), overdue
