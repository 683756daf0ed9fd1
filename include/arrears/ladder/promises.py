"""Promises to pay: which of them hold collection today, and how each ended once its day and a grace are over.

Source: domain rules of promises; policy keys under ``promises``.
"""

from collections import Counter
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Date, Row, and_, bindparam, or_, select, update

from arrears.audit.record import Event, record_many
from arrears.core.calendar import ONE_DAY, BusinessCalendar, add_months
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.plans import Due, Span, broken_plans, instalments_due
from arrears.ladder.policy import Policy
from arrears.ladder.received import Asked, received
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import plan, promise
from arrears.store.tables.people import subject

LATE_NEWS = timedelta(days=30)
"""So long a settled promise is looked at again: a payment booked late keeps it, one taken back breaks it."""

PERCENT = 100
ENDED = ("kept", "partly_kept", "broken")


def state_of(amount_minor: int, received_minor: int, policy: Policy) -> str:
    """Return how a promise ended (policy ``promises.kept_percent`` and ``promises.partial_percent``)."""
    share = received_minor * PERCENT
    if share >= amount_minor * policy.promises.kept_percent:
        return "kept"
    return "partly_kept" if share >= amount_minor * policy.promises.partial_percent else "broken"


def last_day_of(due_on: date, calendar: BusinessCalendar, policy: Policy) -> date:
    """Return the last day on which money still keeps a promise (policy ``promises.grace_working_days``)."""
    return calendar.add_working_days(due_on, policy.promises.grace_working_days)


def horizon_of(made_on: date, policy: Policy) -> date:
    """Return the last day that may be promised (policy ``promises.max_days`` and ``promises.within_month``)."""
    last = made_on + timedelta(days=policy.promises.max_days)
    return min(last, add_months(made_on.replace(day=1), 1) - ONE_DAY) if policy.promises.within_month else last


def settle_promises(
    connection: Connection, rt: Runtime, run_id: str, snapshot_id: str, on: date, policy: Policy
) -> Counter[str]:
    """Give every promise whose last day is over the state the ledger shows, and return how many changed to which.

    A promise that ended within the last thirty days is judged again, for the ledger may have been corrected.
    """
    calendar = policy.business_calendar()
    taken_back = _withdrawn(connection, on)
    _write(connection, rt, run_id, [(row, "withdrawn", 0) for row in taken_back], on)
    ends = [(row, last_day_of(row.due_on, calendar, policy)) for row in _candidates(connection, on)]
    over = [(row, day) for row, day in ends if day < on]
    asked = [Asked(row.promise_key, row.subject_ref, row.made_on, day) for row, day in over]
    money = received(connection, rt, snapshot_id, asked)
    changed = []
    for row, day in over:
        came = money[row.promise_key].towards(row.made_on, day)
        state = state_of(row.amount_minor, came, policy)
        if state != row.state:
            changed.append((row, state, came))
    _write(connection, rt, run_id, changed, on)
    return Counter(state for _, state, _ in changed) + Counter(withdrawn=len(taken_back))


_ON = bindparam("on", type_=Date)
_UNKEPT = (
    select(promise.c.account_id, promise.c.made_on, promise.c.due_on, promise.c.state)
    .outerjoin(episode, and_(episode.c.account_id == promise.c.account_id, episode.c.cured_on.is_(None)))
    .where(promise.c.made_on <= _ON, promise.c.state.in_(("open", "partly_kept", "broken")), promise.c.accepted)
    .where(or_(promise.c.withdrawn_on.is_(None), promise.c.withdrawn_on > _ON))
    .where(or_(episode.c.first_unpaid_due.is_(None), promise.c.made_on >= episode.c.first_unpaid_due))
    .order_by(promise.c.account_id, promise.c.made_on, promise.c.due_on)
)
_UNKEPT_OF_SOME = _UNKEPT.where(promise.c.account_id.in_(bindparam("accounts", expanding=True)))


def holding(
    connection: Connection,
    on: date,
    policy: Policy,
    accounts: Collection[str] | None = None,
    *,
    among: AccountRange = EVERY,
) -> set[str]:
    """Return the accounts whose calls wait for a promise: open, not above the horizon, not one too many.

    Source: policy ``promises``: after its horizon (``horizon_of``) a promise holds no longer, and of one episode only
    the first ``max_per_episode`` that were not kept hold at all. One that was withdrawn or not accepted holds nothing.
    """
    calendar, found, count = policy.business_calendar(), set(), Counter[str]()
    asked = {"on": on} if accounts is None else {"on": on, "accounts": list(accounts)}
    query = _UNKEPT if accounts is None else _UNKEPT_OF_SOME
    for row in connection.execute(among.of(connection, query, promise.c.account_id), asked):
        count[row.account_id] += 1
        until = min(row.due_on, horizon_of(row.made_on, policy))
        holds = row.state == "open" and count[row.account_id] <= policy.promises.max_per_episode
        if holds and on <= last_day_of(until, calendar, policy):
            found.add(row.account_id)
    return found


def falling_due(connection: Connection, rt: Runtime, span: Span, policy: Policy) -> dict[str, Due]:
    """Return the first promise that holds, or instalment of a plan, that falls due unpaid on an asked day."""
    rows = _due_in(connection, span, policy) if span.days else []
    there = holding(connection, span.on, policy, {row.account_id for row in rows}) if rows else set()
    asked = [Asked(row.promise_key, row.subject_ref, row.made_on) for row in rows]
    money = received(connection, rt, span.snapshot_id, asked, span.known)
    found = instalments_due(connection, rt, span, policy)
    for row in rows:
        came = money[row.promise_key].towards(row.made_on, span.on)
        is_first = row.account_id not in found or row.due_on <= found[row.account_id].due_on
        if is_first and row.account_id in there and state_of(row.amount_minor, came, policy) != "kept":
            found[row.account_id] = Due(row.due_on, row.amount_minor, came, row.amount_minor - max(came, 0))
    return found


def _due_in(connection: Connection, span: Span, policy: Policy) -> list[Row[Any]]:
    query = (
        select(promise, subject.c.subject_ref)
        .join(subject, subject.c.account_id == promise.c.account_id)
        .where(promise.c.due_on.in_([span.on + timedelta(days=count) for count in span.days]))
        .where(promise.c.made_on <= span.on, promise.c.state == "open", promise.c.accepted)
        .where(or_(promise.c.withdrawn_on.is_(None), promise.c.withdrawn_on > span.on))
        .order_by(promise.c.due_on.desc(), promise.c.promise_key)
    )
    if span.accounts is not None:
        query = query.where(promise.c.account_id.in_(span.accounts))
    return [row for row in connection.execute(query) if row.due_on <= horizon_of(row.made_on, policy)]


def broken_in_episode(connection: Connection, among: AccountRange = EVERY) -> set[str]:
    """Return the accounts with a promise or plan broken in their open episode: the seed's third reason for a visit."""
    query = (
        select(promise.c.account_id)
        .join(episode, and_(episode.c.account_id == promise.c.account_id, episode.c.cured_on.is_(None)))
        .where(promise.c.state == "broken", promise.c.made_on >= episode.c.first_unpaid_due)
    )
    plans = among.of(connection, broken_plans(), plan.c.account_id)
    promises = among.of(connection, query, promise.c.account_id)
    return {*connection.execute(promises.distinct()).scalars(), *connection.execute(plans.distinct()).scalars()}


def _withdrawn(connection: Connection, on: date) -> list[Row[Any]]:
    """Return the open promises that were taken back: they hold nothing, and nobody broke them."""
    query = select(promise, subject.c.subject_ref).join(subject, subject.c.account_id == promise.c.account_id)
    query = query.where(promise.c.state == "open", promise.c.withdrawn_on <= on).order_by(promise.c.promise_key)
    return list(connection.execute(query))


def _candidates(connection: Connection, on: date) -> list[Row[Any]]:
    query = (
        select(promise, subject.c.subject_ref)
        .join(subject, subject.c.account_id == promise.c.account_id)
        .where(promise.c.due_on < on, promise.c.made_on <= on)
        .where(or_(promise.c.state == "open", and_(promise.c.state.in_(ENDED), promise.c.due_on >= on - LATE_NEWS)))
        .order_by(promise.c.promise_key)
    )
    return list(connection.execute(query))


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
