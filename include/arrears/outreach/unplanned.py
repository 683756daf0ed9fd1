"""What is never planned, and why: one row and one event for each step, person and reason of a day, by column."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, select

from arrears.audit.record import Event
from arrears.core.runtime import Runtime
from arrears.outreach.planned import LOOKUP
from arrears.outreach.wanted import Unwanted
from arrears.store.account_range import AccountRange
from arrears.store.tables.outreach import suppression

KEY = ("account_id", "step", "channel", "party_id", "reason")
Key = tuple[str, str, str, str, str]


class Suppressions:
    """The suppressions of one day: what an earlier run wrote is known and is not written again."""

    def __init__(self, connection: Connection, rt: Runtime, run_id: str, day: date, policy_sha256: str) -> None:
        self._connection, self._rt, self._run_id = connection, rt, run_id
        self._day, self._policy_sha256 = day, policy_sha256
        self._reasons: Counter[str] = Counter()
        self._there = select(*(suppression.c[name] for name in KEY)).where(suppression.c.business_date == day)
        self._is_first = connection.execute(self._there.limit(1)).first() is None

    def by_reason(self) -> dict[str, int]:
        """Return how many steps were left out for each reason."""
        return dict(sorted(self._reasons.items()))

    def store(self, among: AccountRange, unwanted: Iterable[Unwanted]) -> None:
        """Write what is left out of a range of accounts; no account is in two ranges."""
        self._store(unwanted, lambda _: self._known_among(among))

    def store_scattered(self, unwanted: Sequence[Unwanted]) -> None:
        """Write what is left out of accounts here and there, for reasons that no range knows."""
        self._store(unwanted, self._known_of)

    def _store(self, unwanted: Iterable[Unwanted], known_of: Callable[[list[str]], set[Key]]) -> None:
        rows: dict[Key, str] = {
            (one.account_id, one.step, one.channel, one.party_id, one.reason): one.subject_ref for one in unwanted
        }
        self._reasons.update(reason for *_, reason in rows)
        known = set() if self._is_first or not rows else known_of([account_id for account_id, *_ in rows])
        new = {key: ref for key, ref in rows.items() if key not in known} if known else rows
        if new:
            self._write(new)

    def _known_of(self, accounts: Sequence[str]) -> set[Key]:
        named, found = sorted(set(accounts)), set[Key]()
        for start in range(0, len(named), LOOKUP):
            some = suppression.c.account_id.in_(named[start : start + LOOKUP])
            found |= self._read(self._there.where(some))
        return found

    def _known_among(self, among: AccountRange) -> set[Key]:
        return self._read(among.of(self._connection, self._there, suppression.c.account_id))

    def _read(self, query: Select[Any]) -> set[Key]:
        rows = self._connection.execute(query)
        return {(row.account_id, row.step, row.channel, row.party_id, row.reason) for row in rows}

    def _write(self, new: dict[Key, str]) -> None:
        import pyarrow as pa

        from arrears.audit.columns import Events, hole, record_columns, row_digests
        from arrears.store.columns import insert_columns

        values: Sequence[Sequence[str]] = list(zip(*new, strict=True))
        columns = {name: pa.array(column, pa.string()) for name, column in zip(KEY, values, strict=True)}
        days = pa.array([self._day] * len(new), pa.date32())
        rows = {"business_date": days, **columns, "run_id": pa.repeat(self._run_id, len(new))}
        insert_columns(self._connection, suppression, pa.RecordBatch.from_pydict(rows))
        key = row_digests([self._day.isoformat(), *(hole(name) for name in KEY)], columns)
        template = Event(
            type="action.suppressed",
            key=hole("key"),
            business_date=self._day,
            subject_ref=hole("subject_ref"),
            data={name: hole(name) for name in ("step", "channel", "reason")},
            policy_sha256=self._policy_sha256,
        )
        named = {"key": key, "subject_ref": pa.array(list(new.values()), pa.string())}
        events = Events(template, {name: columns[name] for name in ("step", "channel", "reason")} | named)
        record_columns(self._connection, self._rt, run_id=self._run_id, events=events)
