"""Gather the facts of every account with something due, set by set; no query ever asks for one account."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, exists, func, or_, select

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.cycle import calendar_steps
from arrears.ladder.facts import Evidence, Facts, StepDone
from arrears.ladder.holds import holds_in_force
from arrears.ladder.outage import NOTHING_MISSED, Missed, missed_before
from arrears.ladder.policy import Policy
from arrears.ladder.promises import broken_in_episode
from arrears.ladder.tally import CALLS, SURETIES, tally_evidence
from arrears.store.tables.decisions import episode, evidence
from arrears.store.tables.feeds import outcome, schedule_change
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import account_party

MONTH_DAYS = 30


@dataclass
class Background:
    """Everything the facts need beside the ledger, by account."""

    episodes: dict[str, date]
    holds: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    broken: set[str]
    late: dict[str, int]
    malice: set[str]
    payment_holidays: set[str]
    evidence: dict[str, Evidence]
    calls: dict[str, int]
    conversation: dict[str, int]
    done: dict[str, tuple[StepDone, ...]]
    calendar_steps: tuple[str, ...]
    working_day: bool
    holiday: bool = False
    missed: Missed = NOTHING_MISSED
    working_days: dict[date, int] = field(default_factory=dict)


def gather_background(connection: Connection, on: date, policy: Policy, open_episodes: dict[str, date]) -> Background:
    """Read holds, promises, evidence and past steps of all accounts with an open episode, in a few queries."""
    calendar = policy.business_calendar()
    calls, conversation = _recent_calls(connection, on)
    return Background(
        episodes=open_episodes,
        holds=holds_in_force(connection, on, policy),
        broken=broken_in_episode(connection),
        late=_late_episodes(connection, on, policy),
        malice=_accounts(connection, select(outcome.c.account_id).where(outcome.c.reason == "malice")),
        payment_holidays=_payment_holidays(connection, on),
        evidence=tally_evidence(connection, on, open_episodes),
        calls=calls,
        conversation=conversation,
        done=_done(connection, on, open_episodes, calendar),
        calendar_steps=calendar_steps(on, policy, calendar),
        working_day=calendar.is_working_day(on),
        holiday=calendar.is_holiday(on),
        missed=missed_before(connection, on, policy, calendar),
    )


def facts_of(
    row: Mapping[str, Any], account_id: str, found: Background, on: date, policy: Policy, *, required: bool = False
) -> Facts | None:
    """Return the facts of one staged account, or None when nothing is due and nothing is overdue today.

    ``required`` asks for them all the same: an earlier delivery of the day had led to a decision.
    """
    cycle_unpaid = _cycle_unpaid(row, on)
    has_steps = cycle_unpaid and bool(found.calendar_steps or found.missed.steps)
    if row["stage"] == 0 and not has_steps and not required:
        return None
    effective, delays = effective_instalments(row, policy, on_holiday=account_id in found.payment_holidays)
    hard, soft = found.holds.get(account_id, ((), ()))
    if row["data_incomplete"] and "data_incomplete" not in hard:
        hard = tuple(sorted((*hard, "data_incomplete")))
    return Facts(
        on=on,
        working_day=found.working_day,
        calendar_steps=found.calendar_steps,
        stage=row["stage"],
        effective_instalments=effective,
        delays=delays,
        days_past_due=row["days_past_due"],
        working_days_overdue=_working_days(row["oldest_unpaid_due"], on, found, policy),
        cycle_unpaid=cycle_unpaid,
        hard_holds=hard,
        soft_holds=soft,
        promise_broken=account_id in found.broken,
        late_episodes=min(found.late.get(account_id, 0), policy.lanes.habitual_count),
        malice=account_id in found.malice,
        calls_last_7_days=found.calls.get(account_id, 0),
        days_since_conversation=found.conversation.get(account_id),
        evidence=found.evidence.get(account_id, Evidence()),
        done=found.done.get(account_id, ()),
        holiday=found.holiday,
        missed_working_days=found.missed.working_days if row["stage"] else 0,
        missed_steps=found.missed.steps if cycle_unpaid else (),
    )


def _cycle_unpaid(row: Mapping[str, Any], on: date) -> bool:
    due = row["next_due_on"]
    return due is not None and (due.year, due.month) == (on.year, on.month) and row["next_due_minor"] > 0


def effective_instalments(row: Mapping[str, Any], policy: Policy, *, on_holiday: bool) -> tuple[int, tuple[str, ...]]:
    """Return the instalments that count today and why others do not (policy ``staging``); the stage is untouched.

    A trifle left on the oldest instalment does not count; grace and payment holidays delay them all.
    """
    rules = policy.staging
    instalments, delays = row["overdue_instalments"], []
    if row["stage"] == 0:
        return 0, ()
    trifle = max(rules.tolerance_minor, row["oldest_amount_minor"] * rules.tolerance_percent // 100)
    if row["oldest_unpaid_minor"] <= trifle:
        instalments -= 1
        delays.append("tolerance")
    if row["days_past_due"] <= rules.grace_days:
        instalments = 0
        delays.append("grace")
    if on_holiday:
        instalments = 0
        delays.append("payment_holiday")
    return min(instalments, 3), tuple(delays)


def _working_days(due: date | None, on: date, found: Background, policy: Policy) -> int:
    if due is None:
        return 0
    if due not in found.working_days:
        found.working_days[due] = policy.business_calendar().working_days_after(due, on)
    return found.working_days[due]


def _accounts(connection: Connection, query: Any) -> set[str]:
    return {row.account_id for row in connection.execute(query.distinct())}


def _payment_holidays(connection: Connection, on: date) -> set[str]:
    changes = schedule_change.c
    query = select(changes.account_id).where(
        changes.kind.in_(("payment_holiday", "deferral")),
        changes.approved_by.is_not(None),
        changes.from_on <= on,
        or_(changes.until_on.is_(None), changes.until_on >= on),
    )
    return _accounts(connection, query)


def _late_episodes(connection: Connection, on: date, policy: Policy) -> dict[str, int]:
    since = on - timedelta(days=MONTH_DAYS * policy.visit_triggers.habitual_months)
    query = (
        select(episode.c.account_id, func.count().label("times"))
        .where(episode.c.opened_on >= since)
        .group_by(episode.c.account_id)
    )
    return {row.account_id: row.times for row in connection.execute(query)}


def _recent_calls(connection: Connection, on: date) -> tuple[dict[str, int], dict[str, int]]:
    """Return call attempts in the last seven days and days since the last conversation, by account.

    Calls to guarantors are their own: they use up nothing of the borrower's week.
    """
    week = on - timedelta(days=7)
    surety = exists().where(
        account_party.c.account_id == evidence.c.account_id,
        account_party.c.party_id == evidence.c.party_id,
        account_party.c.role.in_(SURETIES),
    )
    calls = select(evidence.c.account_id, func.count().label("times")).where(
        evidence.c.kind.in_(CALLS), evidence.c.local_date > week, evidence.c.local_date <= on, ~surety
    )
    talks = select(evidence.c.account_id, func.max(evidence.c.local_date).label("last")).where(
        evidence.c.kind == "call_answered", evidence.c.local_date > week, evidence.c.local_date <= on, ~surety
    )
    counted = {row.account_id: row.times for row in connection.execute(calls.group_by(evidence.c.account_id))}
    talked = {row.account_id: (on - row.last).days for row in connection.execute(talks.group_by(evidence.c.account_id))}
    return counted, talked


def _done(
    connection: Connection, on: date, episodes: dict[str, date], calendar: BusinessCalendar
) -> dict[str, tuple[StepDone, ...]]:
    """Return each episode's steps of earlier days; today's own are left out, so a second run decides the same."""
    went = and_(contact.c.state == "sent", item.c.dropped_reason.is_(None))
    sent = case((went, 1), else_=0)
    last = func.max(case((went, item.c.business_date)))
    query = (
        select(
            item.c.account_id,
            item.c.occasion,
            item.c.step,
            func.count(item.c.ordinal.distinct()).label("planned"),
            func.sum(sent).label("sent"),
            last.label("last"),
        )
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(item.c.business_date < on)
        .group_by(item.c.account_id, item.c.occasion, item.c.step)
        .order_by(item.c.account_id, item.c.step)
    )
    found: dict[str, list[StepDone]] = defaultdict(list)
    for row in connection.execute(query):
        due = episodes.get(row.account_id)
        if due is None or row.occasion != f"episode:{due.isoformat()}":
            continue
        ago = None if row.last is None else calendar.working_days_after(row.last, on)
        found[row.account_id].append(StepDone(row.step, row.planned, min(row.sent, row.planned), ago))
    return {account_id: tuple(steps) for account_id, steps in found.items()}
