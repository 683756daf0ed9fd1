"""Promises to pay: which of them hold collection today, and how each ended once its day and a grace are over.

Source: domain rules of promises; policy keys under ``promises``.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, or_, select, update

from arrears.audit.record import Event, record_many
from arrears.core.calendar import BusinessCalendar
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.store import snapshot as frozen
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import promise, snapshot
from arrears.store.tables.people import subject

LATE_NEWS = timedelta(days=30)
"""So long a settled promise is looked at again: a payment booked late keeps it, one taken back breaks it."""

PERCENT = 100
ENDED = ("kept", "partly_kept", "broken")


@dataclass(frozen=True, slots=True)
class Received:
    """Money of one account: what came by day, in minor units; negative was taken back."""

    by_day: tuple[tuple[date, int], ...]

    def towards(self, made_on: date, last_day: date) -> int:
        """Return what came from the promise to its last day, less what was taken back since."""
        came = sum(amount for day, amount in self.by_day if made_on <= day <= last_day)
        return came + sum(amount for day, amount in self.by_day if day > last_day and amount < 0)


def state_of(amount_minor: int, received_minor: int, policy: Policy) -> str:
    """Return how a promise ended (policy ``promises.kept_percent`` and ``promises.partial_percent``)."""
    share = received_minor * PERCENT
    if share >= amount_minor * policy.promises.kept_percent:
        return "kept"
    return "partly_kept" if share >= amount_minor * policy.promises.partial_percent else "broken"


def last_day_of(due_on: date, calendar: BusinessCalendar, policy: Policy) -> date:
    """Return the last day on which money still keeps a promise (policy ``promises.grace_working_days``)."""
    return calendar.add_working_days(due_on, policy.promises.grace_working_days)


def settle_promises(
    connection: Connection, rt: Runtime, run_id: str, snapshot_id: str, on: date, policy: Policy
) -> Counter[str]:
    """Give every promise whose last day is over the state the ledger shows, and return how many changed to which.

    A promise that ended within the last thirty days is judged again, for the ledger may have been corrected.
    """
    calendar = policy.business_calendar()
    over = [row for row in _candidates(connection, on) if last_day_of(row.due_on, calendar, policy) < on]
    received = _received(connection, rt, snapshot_id, over)
    changed = []
    for row in over:
        came = received[row.promise_key].towards(row.made_on, last_day_of(row.due_on, calendar, policy))
        state = state_of(row.amount_minor, came, policy)
        if state != row.state:
            changed.append((row, state, came))
    _write(connection, rt, run_id, changed, on)
    return Counter(state for _, state, _ in changed)


def holding(
    connection: Connection,
    on: date,
    policy: Policy,
    accounts: Collection[str] | None = None,
    *,
    among: AccountRange = EVERY,
) -> set[str]:
    """Return the accounts whose calls wait for a promise: open, not above the horizon, not one too many.

    Source: policy ``promises``: ``max_days`` after it was made a promise holds no longer, and of one episode only
    the first ``max_per_episode`` that were not kept hold at all.
    """
    calendar, found, count = policy.business_calendar(), set(), Counter[str]()
    query = (
        select(promise.c.account_id, promise.c.made_on, promise.c.due_on, promise.c.state)
        .outerjoin(episode, and_(episode.c.account_id == promise.c.account_id, episode.c.cured_on.is_(None)))
        .where(promise.c.made_on <= on, promise.c.state.in_(("open", "partly_kept", "broken")))
        .where(or_(episode.c.first_unpaid_due.is_(None), promise.c.made_on >= episode.c.first_unpaid_due))
        .order_by(promise.c.account_id, promise.c.made_on, promise.c.due_on)
    )
    if accounts is not None:
        query = query.where(promise.c.account_id.in_(accounts))
    for row in connection.execute(among.of(connection, query, promise.c.account_id)):
        count[row.account_id] += 1
        until = min(row.due_on, row.made_on + timedelta(days=policy.promises.max_days))
        holds = row.state == "open" and count[row.account_id] <= policy.promises.max_per_episode
        if holds and on <= last_day_of(until, calendar, policy):
            found.add(row.account_id)
    return found


def broken_in_episode(connection: Connection, among: AccountRange = EVERY) -> set[str]:
    """Return the accounts with a promise broken in their open episode: the seed's third reason for a visit."""
    query = (
        select(promise.c.account_id)
        .join(episode, and_(episode.c.account_id == promise.c.account_id, episode.c.cured_on.is_(None)))
        .where(promise.c.state == "broken", promise.c.made_on >= episode.c.first_unpaid_due)
    )
    return set(connection.execute(among.of(connection, query, promise.c.account_id).distinct()).scalars())


def _candidates(connection: Connection, on: date) -> list[Row[Any]]:
    query = (
        select(promise, subject.c.subject_ref)
        .join(subject, subject.c.account_id == promise.c.account_id)
        .where(promise.c.due_on < on, promise.c.made_on <= on)
        .where(or_(promise.c.state == "open", and_(promise.c.state.in_(ENDED), promise.c.due_on >= on - LATE_NEWS)))
        .order_by(promise.c.promise_key)
    )
    return list(connection.execute(query))


def _received(connection: Connection, rt: Runtime, snapshot_id: str, rows: list[Row[Any]]) -> Mapping[str, Received]:
    """Return the money towards each promise: payments, or where there are none, what the instalments lost since."""
    if not rows:
        return {}
    facts = connection.execute(select(snapshot.c.facts).where(snapshot.c.snapshot_id == snapshot_id)).scalar_one()
    if json.loads(facts).get("form") == "open_items":
        return _paid_off(connection, rt, snapshot_id, rows)
    payments = frozen.payments_of(rt.settings.artifacts_url, snapshot_id, {row.subject_ref for row in rows})
    return {row.promise_key: Received(tuple((p.paid_on, p.amount_minor) for p in payments[row.subject_ref]))
            for row in rows}  # fmt: skip


def _paid_off(connection: Connection, rt: Runtime, snapshot_id: str, rows: list[Row[Any]]) -> Mapping[str, Received]:
    """Compare the open items of today with those of the day of the promise; an item that left the file is paid."""
    url, found = rt.settings.artifacts_url, {}
    by_day: dict[date, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        by_day[row.made_on].append(row)
    now = _unpaid(frozen.instalments_of(url, snapshot_id, {row.subject_ref for row in rows}))
    for made_on, made in by_day.items():
        then_id = _snapshot_near(connection, made_on)
        then = _unpaid(frozen.instalments_of(url, then_id, {row.subject_ref for row in made})) if then_id else {}
        for row in made:
            left = now.get(row.subject_ref, {})
            paid = sum(owed - left.get(number, 0) for number, owed in then.get(row.subject_ref, {}).items())
            found[row.promise_key] = Received(((made_on, paid),))
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


def _write(
    connection: Connection, rt: Runtime, run_id: str, changed: list[tuple[Row[Any], str, int]], on: date
) -> None:
    if not changed:
        return
    statement = update(promise).where(promise.c.promise_key == bindparam("key")).values(state=bindparam("now"))
    connection.execute(statement, [{"key": row.promise_key, "now": state} for row, state, _ in changed])
    record_many(connection, rt, run_id=run_id, events=(_event(row, state, came, on) for row, state, came in changed))


def _event(row: Row[Any], state: str, came: int, on: date) -> Event:
    return Event(
        type=f"promise.{state}",
        key=natural_key(row.promise_key, on.isoformat()),
        business_date=on,
        subject_ref=row.subject_ref,
        data={"amount_minor": row.amount_minor, "received_minor": came, "due_on": row.due_on.isoformat(),
              "was": row.state},
        causes=[row.promise_key],
    )  # fmt: skip
