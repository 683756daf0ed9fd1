"""Money of an account since a day: what a promise or a plan is measured by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from arrears.core.calendar import ONE_DAY
from arrears.core.runtime import Runtime
from arrears.ladder.told import is_open_items
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import snapshot


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose money is asked for, since when, and under which key the answer is wanted.

    ``until`` is the last day that matters: of later money only what was taken back.
    """

    key: str
    subject_ref: str
    since: date
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """Money of one account: what came by day, in minor units; negative was taken back."""

    by_day: tuple[tuple[date, int], ...]
    gone: int = 0
    """Of it, what was left of items that are in the file no more: paid, as every promise has it, or written off."""

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
    if is_open_items(facts):
        return _paid_off(connection, rt, snapshot_id, asked)
    payments = frozen.payments_of(rt.settings.artifacts_url, snapshot_id, {one.subject_ref for one in asked})
    return {one.key: Received(tuple((p.paid_on, p.amount_minor) for p in payments[one.subject_ref])) for one in asked}


def _paid_off(connection: Connection, rt: Runtime, snapshot_id: str, asked: Sequence[Asked]) -> Mapping[str, Received]:
    """Compare the open items of today with those of the day asked for; an item that left the file counts as paid.

    These files tell no day of a payment: what came by a last day is what the first ledger after it shows.
    """
    url, found = rt.settings.artifacts_url, {}
    near = {since: _snapshot_near(connection, since) for since in {one.since for one in asked}}
    after = {until: _first_after(connection, until) for until in {one.until for one in asked} if until is not None}
    by_ledger: dict[tuple[str | None, str | None], list[Asked]] = defaultdict(list)
    for one in asked:
        by_ledger[near[one.since], after[one.until] if one.until else None].append(one)
    now = _unpaid(url, snapshot_id, asked)
    for (then_id, judged_by), those in by_ledger.items():
        then = _unpaid(url, then_id, those)
        judged = now if judged_by is None else _unpaid(url, judged_by, those)
        for one in those:
            owed, left = then.get(one.subject_ref, {}), now.get(one.subject_ref, {})
            in_time = _lost(owed, judged.get(one.subject_ref, {}))
            by_day = [(one.since, in_time)]
            if one.until:
                by_day.append((one.until + ONE_DAY, min(0, _lost(owed, left) - in_time)))
            gone = sum(amount for number, amount in owed.items() if number not in left)
            found[one.key] = Received(tuple(by_day), gone)
    return found


def _unpaid(url: str, snapshot_id: str | None, asked: Iterable[Asked]) -> dict[str, dict[int, int]]:
    """Return what a frozen ledger has open of each item, by account; nothing where there is no ledger."""
    if snapshot_id is None:
        return {}
    instalments = frozen.instalments_of(url, snapshot_id, {one.subject_ref for one in asked})
    return {ref: {row.instalment_no: row.amount_due_minor - row.paid_minor for row in rows}
            for ref, rows in instalments.items()}  # fmt: skip


def _lost(owed: Mapping[int, int], left: Mapping[int, int]) -> int:
    """Return what the items of one day lost until another one."""
    return sum(amount - left.get(number, 0) for number, amount in owed.items())


def _snapshot_near(connection: Connection, day: date) -> str | None:
    """Return the newest frozen ledger up to a day, or the first after it."""
    accepted = select(snapshot.c.snapshot_id).where(snapshot.c.accepted_at.is_not(None))
    before = accepted.where(snapshot.c.business_date <= day).order_by(
        snapshot.c.business_date.desc(), snapshot.c.delivery_no.desc())  # fmt: skip
    after = accepted.where(snapshot.c.business_date > day).order_by(snapshot.c.business_date, snapshot.c.delivery_no)
    return connection.execute(before.limit(1)).scalar() or connection.execute(after.limit(1)).scalar()


def _first_after(connection: Connection, day: date) -> str | None:
    """Return the newest delivery of the first frozen ledger after a day, if there is one."""
    after = select(snapshot.c.snapshot_id).where(snapshot.c.accepted_at.is_not(None), snapshot.c.business_date > day)
    ordered = after.order_by(snapshot.c.business_date, snapshot.c.delivery_no.desc())
    return connection.execute(ordered.limit(1)).scalar()
