"""Money told of beside the ledgers: what of it is news, and what the ledger decided on does not hold."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from arrears.core.clock import local_date
from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.told import is_open_items, told_since
from arrears.store import snapshot as frozen
from arrears.store.tables.feeds import delivery, payment, snapshot


@dataclass(frozen=True, slots=True)
class Told:
    """One payment told of; negative is a reversal. It came on its day, or on the later one on which it reached us."""

    account_id: str
    payment_id: str
    amount_minor: int
    paid_on: date
    told_on: date
    received_at: str | None
    came_on: date


def told_money(connection: Connection, on: date, policy: Policy, accounts: Collection[str]) -> list[Told]:
    """Return what was told of some accounts' payments up to a day."""
    query = (
        select(payment, delivery.c.received_at)
        .outerjoin(delivery, delivery.c.delivery_id == payment.c.delivery_id)
        .where(payment.c.account_id.in_(accounts), payment.c.paid_on <= on)
        .order_by(payment.c.account_id, payment.c.payment_id)
    )
    return [_told(row, policy) for row in connection.execute(query)]


def _told(row: Row[Any], policy: Policy) -> Told:
    days = [row.paid_on, row.business_date]
    if row.received_at is not None:
        days.append(local_date(datetime.fromisoformat(row.received_at), policy.time_zone))
    return Told(row.account_id, row.payment_id, row.amount_minor, row.paid_on, row.business_date, row.received_at,
                max(days))  # fmt: skip


class Ledgers:
    """The accepted ledgers, newest first, asked for payments told beside them."""

    def __init__(self, connection: Connection, rt: Runtime, policy: Policy, subjects: Mapping[str, str]) -> None:
        accepted = select(snapshot).where(snapshot.c.accepted_at.is_not(None))
        newest = accepted.order_by(snapshot.c.business_date.desc(), snapshot.c.delivery_no.desc())
        self._all = {row.snapshot_id: row for row in connection.execute(newest)}
        self._url, self._policy, self._subjects = rt.settings.artifacts_url, policy, subjects

    def news(self, told: Iterable[Told], since: Mapping[str, date]) -> list[Told]:
        """Leave out money that was listed again: a ledger frozen before it was told holds it with the same amount.

        A ledger of open items names no payments: what was paid longer before it was told than money is in flight, it
        holds. Only what came on or after the day in ``since`` is looked at.
        """
        found, late = [], defaultdict(list)
        for one in told:
            ledger = self._before(one) if one.came_on >= since[one.account_id] and one.came_on > one.paid_on else None
            if ledger is None:
                found.append(one)
            elif not is_open_items(ledger.facts):
                late[ledger.snapshot_id].append(one)
            elif one.paid_on >= told_since(one.came_on, self._policy):
                found.append(one)
        for snapshot_id, some in late.items():
            held = self._held(snapshot_id, some)
            found += [one for one in some if held.get((one.account_id, one.payment_id)) != one.amount_minor]
        return found

    def unbooked(self, told: Iterable[Told], ledger_of: Mapping[str, str], on: date) -> list[Told]:
        """Return what each account's ledger does not hold of what was told, for as long as money is in flight."""
        since, asked = told_since(on, self._policy), defaultdict(list)
        for one in told:
            if one.told_on >= since:
                asked[ledger_of[one.account_id]].append(one)
        found: list[Told] = []
        for snapshot_id, some in asked.items():
            ledger = self._all.get(snapshot_id)
            if ledger is not None and is_open_items(ledger.facts):
                found += [one for one in some if one.paid_on >= since and not _is_before(one, ledger)]
            else:
                held = self._held(snapshot_id, some)
                found += [one for one in some if (one.account_id, one.payment_id) not in held]
        return found

    def _before(self, one: Told) -> Row[Any] | None:
        """Return the newest ledger that was frozen before a payment was told of."""
        return next((ledger for ledger in self._all.values() if not _is_before(one, ledger)), None)

    def _held(self, snapshot_id: str, told: Sequence[Told]) -> dict[tuple[str, str], int]:
        names = {self._subjects[one.account_id]: one.account_id for one in told}
        with suppress(CannotTell):  # a ledger that is gone proves nothing: the money counts
            rows = frozen.payments_of(self._url, snapshot_id, names)
            return {(names[ref], row.payment_id): row.amount_minor for ref in rows for row in rows[ref]}
        return {}


def _is_before(one: Told, ledger: Row[Any]) -> bool:
    """Say whether a payment was told of before a ledger was frozen; of one without a file only the day is known."""
    if one.received_at is None:
        return bool(one.told_on < ledger.business_date)
    return one.received_at < str(ledger.created_at)
