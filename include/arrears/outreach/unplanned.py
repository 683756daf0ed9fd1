"""What is never planned, and why: one row and one event for each step, person and reason of a day, by column."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, select

from arrears.audit.record import Event
from arrears.core.runtime import Runtime
from arrears.outreach.wanted import RANGE, Unwanted
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
        there = select(suppression.c.account_id).where(suppression.c.business_date == day).limit(1)
        self._is_first = connection.execute(there).first() is None

    def by_reason(self) -> dict[str, int]:
        """Return how many steps were left out for each reason."""
        return dict(sorted(self._reasons.items()))

    def store(self, among: AccountRange, unwanted: Iterable[Unwanted]) -> None:
        """Write what is left out of a range of accounts; no account is in two ranges."""
        rows: dict[Key, str] = {
            (one.account_id, one.step, one.channel, one.party_id, one.reason): one.subject_ref for one in unwanted
        }
        self._reasons.update(reason for *_, reason in rows)
        known = self._known(among) if rows else set()
        new = {key: ref for key, ref in rows.items() if key not in known} if known else rows
        if new:
            self._write(new)

    def store_sorted(self, unwanted: Iterable[Unwanted]) -> None:
        """Write what was left out of the whole portfolio at the end, for reasons that no range knows."""
        in_order = sorted(unwanted, key=lambda one: one.account_id)
        for start in range(0, len(in_order), RANGE):
            part = in_order[start : start + RANGE]
            self.store(AccountRange(part[0].account_id, part[-1].account_id), part)

    def _known(self, among: AccountRange) -> set[Key]:
        if self._is_first:
            return set()
        query = select(*(suppression.c[name] for name in KEY)).where(suppression.c.business_date == self._day)
        rows = self._connection.execute(among.of(self._connection, query, suppression.c.account_id))
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
