"""Repayment plans: in force while approved, consented and kept; broken by a missed instalment, and then at an end.

Source: 签订书面协议, 分期付款或减免逾期费用; a change that burdens the debtor binds no guarantor who did not consent in
writing (Civil Code 695). Policy keys under ``plans``; an instalment is missed as a promise is (policy ``promises``).
A plan of which an instalment came in part is at an end as well, yet nobody is visited for it: so with promises.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, exists, or_, select, update

from arrears.audit.record import Event, record_many
from arrears.core.calendar import BusinessCalendar, add_months
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.received import Asked, Known, Received, received
from arrears.ladder.staff import staff_roles
from arrears.ladder.sureties import SURETIES
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import plan
from arrears.store.tables.people import account_party, subject

PERCENT = 100
HOLDING = ("new", "active")
ENDED = ("broken", "completed")
PART_PAID = "part_paid"
"""Why a plan broke: its last instalment came in part; without a reason nothing of it came, or too little."""

LATE_NEWS = timedelta(days=30)
"""So long an ended plan is looked at again: a payment booked late revives it, one taken back breaks it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed; amounts in minor units."""

    signed_on: date
    first_due_on: date
    instalments: int
    amount_each_minor: int
    waiver_minor: int = 0
    approved_by: str | None = None
    second_approved_by: str | None = None
    consent_ref: str | None = None


def refusal(
    terms: Terms, *, has_guarantors: bool, policy: Policy, staff: Mapping[str, frozenset[str]] | None = None
) -> str | None:
    """Return why a plan is not in force, or None when nothing stands against it.

    ``staff`` are the roles of the staff feed: a waiver beyond the limit takes two people of the policy's roles.
    """
    limits, beyond = policy.plans, terms.waiver_minor > policy.plans.waiver_limit_minor
    reasons = (
        (not terms.approved_by, "not_approved"),
        (has_guarantors and not terms.consent_ref, "no_guarantor_consent"),
        (terms.instalments > limits.max_instalments, "too_many_instalments"),
        ((terms.first_due_on - terms.signed_on).days > limits.first_due_within_days, "first_instalment_too_late"),
        (beyond and not _two(terms), "waiver_needs_a_second_person"),
        (beyond and not _of_the_roles(terms, policy, staff or {}), "waiver_not_by_its_roles"),
    )
    return next((reason for against, reason in reasons if against), None)


def _two(terms: Terms) -> bool:
    return bool(terms.second_approved_by) and terms.second_approved_by != terms.approved_by


def _of_the_roles(terms: Terms, policy: Policy, staff: Mapping[str, frozenset[str]]) -> bool:
    people = [staff.get(name or "", frozenset()) for name in (terms.approved_by, terms.second_approved_by)]
    wanted = policy.repossession.approval_roles["waiver"]
    seated = permutations(people, len(wanted))  # who stands for which role; with more roles than people, nobody does
    return any(all(role in held for role, held in zip(wanted, seats, strict=True)) for seats in seated)


def standing_of(terms: Terms, money: Received, on: date, calendar: BusinessCalendar, policy: Policy) -> str:
    """Return ``active``, ``broken`` or ``completed`` by what has come since the signature."""
    kept, over = policy.promises.kept_percent, _over(terms, on, calendar, policy)
    came = money.towards(terms.signed_on, on) * PERCENT
    if came >= terms.instalments * terms.amount_each_minor * kept:
        return "completed"
    return "active" if came >= over * terms.amount_each_minor * kept else "broken"


def why_broken(terms: Terms, money: Received, on: date, calendar: BusinessCalendar, policy: Policy) -> str | None:
    """Return ``part_paid`` when so much of the last instalment came as keeps a promise in part."""
    before = (_over(terms, on, calendar, policy) - 1) * terms.amount_each_minor
    came = (money.towards(terms.signed_on, on) - before) * PERCENT
    return PART_PAID if came >= terms.amount_each_minor * policy.promises.partial_percent else None


def _over(terms: Terms, on: date, calendar: BusinessCalendar, policy: Policy) -> int:
    """Count the instalments whose day and grace are over."""
    grace = policy.promises.grace_working_days
    return sum(calendar.add_working_days(due, grace) < on for due in _dues(terms.first_due_on, terms.instalments))


def settle_plans(connection: Connection, rt: Runtime, run_id: str, snapshot_id: str, on: date, policy: Policy) -> int:
    """Give every plan the state that the ledger shows, and return how many changed."""
    rows = _candidates(connection, on)
    money = received(connection, rt, snapshot_id, [Asked(r.plan_key, r.subject_ref, r.signed_on) for r in rows])
    calendar, staff = policy.business_calendar(), staff_roles(connection)
    changed = []
    for row in rows:
        terms = Terms(row.signed_on, row.first_due_on, row.instalments, row.amount_each_minor, row.waiver_minor or 0,
                      row.approved_by, row.second_approved_by, row.guarantor_consent_ref)  # fmt: skip
        reason = refusal(terms, has_guarantors=row.has_guarantors, policy=policy, staff=staff)
        state = "refused" if reason else standing_of(terms, money[row.plan_key], on, calendar, policy)
        if state == "broken":  # how it broke is said once: what comes or fails to come later is no part of it
            first = row.state != state
            reason = why_broken(terms, money[row.plan_key], on, calendar, policy) if first else row.state_reason
        if (state, reason) != (row.state, row.state_reason):
            changed.append((row, state, reason))
    _write(connection, rt, run_id, changed, on)
    return len(changed)


def _candidates(connection: Connection, on: date) -> list[Row[Any]]:
    sureties = exists().where(
        account_party.c.account_id == plan.c.account_id, account_party.c.role.in_(SURETIES)
    )  # fmt: skip
    query = (
        select(plan, subject.c.subject_ref, sureties.label("has_guarantors"))
        .join(subject, subject.c.account_id == plan.c.account_id)
        .where(plan.c.signed_on <= on)
        .where(or_(plan.c.state.not_in(ENDED), plan.c.ended_on >= on - LATE_NEWS))
    )
    return list(connection.execute(query.order_by(plan.c.plan_key)))


def _write(
    connection: Connection, rt: Runtime, run_id: str, changed: list[tuple[Row[Any], str, str | None]], on: date
) -> None:
    if not changed:
        return
    statement = (
        update(plan)
        .where(plan.c.plan_key == bindparam("key"))
        .values(state=bindparam("now"), state_reason=bindparam("why"), ended_on=bindparam("over"))
    )
    rows = [{"key": row.plan_key, "now": state, "why": why, "over": on if state in ENDED else None}
            for row, state, why in changed]  # fmt: skip
    connection.execute(statement, rows)
    events = (
        Event(
            type=f"plan.{state}", key=natural_key(row.plan_key, on.isoformat()), business_date=on,
            subject_ref=row.subject_ref, causes=[row.plan_key],
            data={"was": row.state, "reason": why or "", "instalments": row.instalments,
                  "amount_each_minor": row.amount_each_minor, "waiver_minor": row.waiver_minor or 0},
        )
        for row, state, why in changed
    )  # fmt: skip
    record_many(connection, rt, run_id=run_id, events=events)


@dataclass(frozen=True, slots=True)
class Due:
    """What is promised for a day, what of it had come, and what is left to pay by then; amounts in minor units."""

    due_on: date
    amount_minor: int
    received_minor: int
    left_minor: int


@dataclass(frozen=True, slots=True)
class Span:
    """Which promises are asked for: of some accounts or all, due so many days after a day, by which ledger."""

    snapshot_id: str | None
    on: date
    days: Collection[int]
    accounts: Collection[str] | None = None
    known: Known | None = None


def instalments_due(connection: Connection, rt: Runtime, span: Span, policy: Policy) -> dict[str, Due]:
    """Return the next instalment of a kept plan that falls due on an asked day and is not yet paid, by account."""
    rows = _kept(connection, span.on, span.accounts) if span.days else []
    asked = [Asked(row.plan_key, row.subject_ref, row.signed_on) for row in rows]
    money = received(connection, rt, span.snapshot_id, asked, span.known)
    found: dict[str, Due] = {}
    for row in rows:
        came = money[row.plan_key].towards(row.signed_on, span.on)
        for ordinal, due in enumerate(_dues(row.first_due_on, row.instalments), start=1):
            wanted = ordinal * row.amount_each_minor
            if (due - span.on).days in span.days and came * PERCENT < wanted * policy.promises.kept_percent:
                left = min(row.amount_each_minor, wanted - came)
                found.setdefault(row.account_id, Due(due, wanted, came, left))
    return found


def _kept(connection: Connection, on: date, accounts: Collection[str] | None = None) -> list[Row[Any]]:
    query = select(plan, subject.c.subject_ref).join(subject, subject.c.account_id == plan.c.account_id)
    query = query.where(plan.c.state == "active", plan.c.signed_on <= on)
    if accounts is not None:
        query = query.where(plan.c.account_id.in_(accounts))
    return list(connection.execute(query.order_by(plan.c.signed_on, plan.c.plan_key)))


def _dues(first_due_on: date, instalments: int) -> list[date]:
    return [add_months(first_due_on, months) for months in range(instalments)]


def broken_plans() -> Any:
    """Return the query of the accounts whose plan broke in their open episode: a broken word, as a promise's.

    A plan paid in part breaks no word: it ends without a visit, as a promise kept in part does.
    """
    return (
        select(plan.c.account_id)
        .join(episode, and_(episode.c.account_id == plan.c.account_id, episode.c.cured_on.is_(None)))
        .where(plan.c.state == "broken", plan.c.state_reason.is_(None))
        .where(plan.c.signed_on >= episode.c.first_unpaid_due)
    )
