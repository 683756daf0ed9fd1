"""Money of an account since a day: what a promise or a plan is measured by."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from arrears.core.runtime import Runtime
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import snapshot


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose money is asked for, since when, and under which key the answer is wanted."""

    key: str
    subject_ref: str
    since: date


@dataclass(frozen=True, slots=True)
class Received:
    """Money of one account: what came by day, in minor units; negative was taken back."""

    by_day: tuple[tuple[date, int], ...]

    def towards(self, made_on: date, last_day: date) -> int:
        """Return what came from the promise to its last day, less what was taken back since."""
        came = sum(amount for day, amount in self.by_day if made_on <= day <= last_day)
        return came + sum(amount for day, amount in self.by_day if day > last_day and amount < 0)


Known = dict[str, Received]
"""Answers of one ledger by key: who was asked for before is not read again."""


def received(
    connection: Connection, rt: Runtime, snapshot_id: str | None, asked: Sequence[Asked], known: Known | None = None
) -> Mapping[str, Received]:
    """Return the money of each: payments, or where there are none, what the instalments lost since.

    Without a ledger nothing has come. Answers are taken from ``known`` where they are there, and kept in it.
    """
    found: Known = {} if known is None else known
    new = [one for one in asked if one.key not in found]
    if snapshot_id is None:
        return found | {one.key: Received(()) for one in new}
    found.update(_read(connection, rt, snapshot_id, new) if new else {})
    return found


def _read(connection: Connection, rt: Runtime, snapshot_id: str, asked: Sequence[Asked]) -> Mapping[str, Received]:
    facts = connection.execute(select(snapshot.c.facts).where(snapshot.c.snapshot_id == snapshot_id)).scalar_one()
    if json.loads(facts).get("form") == "open_items":
        return _paid_off(connection, rt, snapshot_id, asked)
    payments = frozen.payments_of(rt.settings.artifacts_url, snapshot_id, {one.subject_ref for one in asked})
    return {one.key: Received(tuple((p.paid_on, p.amount_minor) for p in payments[one.subject_ref])) for one in asked}


def _paid_off(connection: Connection, rt: Runtime, snapshot_id: str, asked: Sequence[Asked]) -> Mapping[str, Received]:
    """Compare the open items of today with those of the day asked for; an item that left the file is paid."""
    url, found = rt.settings.artifacts_url, {}
    near = {since: _snapshot_near(connection, since) for since in {one.since for one in asked}}
    by_ledger: dict[str | None, list[Asked]] = defaultdict(list)
    for one in asked:
        by_ledger[near[one.since]].append(one)
    now = _unpaid(frozen.instalments_of(url, snapshot_id, {one.subject_ref for one in asked}))
    for then_id, those in by_ledger.items():
        then = _unpaid(frozen.instalments_of(url, then_id, {one.subject_ref for one in those})) if then_id else {}
        for one in those:
            left = now.get(one.subject_ref, {})
            paid = sum(owed - left.get(number, 0) for number, owed in then.get(one.subject_ref, {}).items())
            found[one.key] = Received(((one.since, paid),))
    return found


def _unpaid(instalments: Mapping[str, Iterable[frozen.Instalment]]) -> dict[str, dict[int, int]]:
    return {ref: {row.instalment_no: row.amount_due_minor - row.paid_minor for row in rows}
            for ref, rows in instalments.items()}  # fmt: skip


def _snapshot_near(connection: Connection, day: date) -> str | None:
    """Return the newest frozen ledger up to a day, or the first after it."""
    accepted = select(snapshot.c.snapshot_id).where(snapshot.c.accepted_at.is_not(None))
    before = accepted.where(snapshot.c.business_date <= day).order_by(
        snapshot.c.business_date.desc(), snapshot.c.delivery_no.desc())  # fmt: skip
    after = accepted.where(snapshot.c.business_date > day).order_by(snapshot.c.business_date, snapshot.c.delivery_no)
    return connection.execute(before.limit(1)).scalar() or connection.execute(after.limit(1)).scalar()
