"""Gather the facts of a range of accounts, set by set; no query ever asks for one account."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.committee import words_in_force
from arrears.ladder.episodes import Episode
from arrears.ladder.facts import Evidence, Facts, StepDone
from arrears.ladder.findings import late_episodes, malicious, refusals, treatments
from arrears.ladder.holds import holds_in_force
from arrears.ladder.policy import Policy
from arrears.ladder.promises import broken_in_episode
from arrears.ladder.readings import Reading
from arrears.ladder.recent_calls import recent_calls
from arrears.ladder.tally import tally_evidence
from arrears.ladder.today import Today
from arrears.ladder.visit_requests import approved_visits
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import account, schedule_change
from arrears.store.tables.outreach import contact, item

LOOKUP = 500
"""Accounts named in one statement."""

DELAYS = ("tolerance", "grace", "holiday_shift", "payment_holiday")


class Own(NamedTuple):
    """What is known of one account beside the ledger: all that decide() may learn from it.

    ``promise_in`` and ``clean_for`` count days, where a step asks for them. ``rules`` is the place of its policy in the
    rulebook of the run.
    """

    hard_holds: tuple[str, ...] = ()
    soft_holds: tuple[str, ...] = ()
    payment_holiday: bool = False
    promise_broken: bool = False
    late_episodes: int = 0
    malice: bool = False
    calls_last_7_days: int = 0
    days_since_conversation: int | None = None
    evidence: Evidence = Evidence()
    done: tuple[StepDone, ...] = ()
    working_days_known: int = 0
    days_since_refusal: int | None = None
    treatment: str | None = None
    visit_approved: bool = False
    promise_in: int | None = None
    clean_for: int | None = None
    committee: str | None = None
    debit_mandate: bool = False
    paid_nothing: bool = False
    rules: int = 0


NOTHING = Own()


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
    known_for: dict[str, int]
    refused: dict[str, int]
    treatment: dict[str, str]
    approved_visits: set[str]
    promised: Mapping[str, int]
    clean: Mapping[str, int]
    committee: dict[str, str]
    mandates: set[str]
    paid_nothing: Collection[str]

    def known(self) -> dict[str, tuple[tuple[str, Any], ...]]:
        """Return what is known of each account of which anything is, as names of ``Own`` with values; a few of each."""
        found: defaultdict[str, tuple[tuple[str, Any], ...]] = defaultdict(tuple)
        marked = {"payment_holiday": self.payment_holidays, "promise_broken": self.broken, "malice": self.malice,
                  "visit_approved": self.approved_visits, "debit_mandate": self.mandates,
                  "paid_nothing": self.paid_nothing}  # fmt: skip
        valued: dict[str, Mapping[str, Any]] = {
            "hard_holds": {account_id: hard for account_id, (hard, _) in self.holds.items()},
            "soft_holds": {account_id: soft for account_id, (_, soft) in self.holds.items()},
            "late_episodes": self.late, "calls_last_7_days": self.calls, "days_since_conversation": self.conversation,
            "evidence": self.evidence, "done": self.done, "working_days_known": self.known_for,
            "days_since_refusal": self.refused, "treatment": self.treatment, "promise_in": self.promised,
            "clean_for": self.clean, "committee": self.committee,
        }  # fmt: skip
        for name, accounts in marked.items():
            for account_id in accounts:
                found[account_id] += ((name, True),)
        for name, values in valued.items():
            for account_id, value in values.items():
                found[account_id] += ((name, value),)
        return found


def own_of(known: tuple[tuple[str, Any], ...], policy: Policy, rules: int = 0) -> Own:
    """Return what is known of an account under its policy, with the steps under the names that has for them."""
    own = NOTHING._replace(**dict(known), rules=rules)
    renamed = {old: new for move in policy.moves for old, new in move.steps.items()}
    most = max(policy.lanes.habitual_count, policy.visit_triggers.habitual_count)  # more makes no difference
    return own._replace(
        late_episodes=min(own.late_episodes, most),
        done=tuple(replace(one, step=renamed.get(one.step, one.step)) for one in own.done) if renamed else own.done,
    )


def gather_background(
    connection: Connection, on: date, policy: Policy, open_episodes: dict[str, date], among: AccountRange = EVERY, *,
    standing: Mapping[str, Episode] | None = None, promised: Mapping[str, int] | None = None,
    clean: Mapping[str, int] | None = None, paid_nothing: Collection[str] = (),
) -> Background:  # fmt: skip
    """Read holds, promises, evidence and past steps of a range of accounts, in a few queries.

    ``standing`` are the open episodes as they were read: since when the arrears of an account are known here.
    ``promised`` tells in how many days a promise falls due, ``clean`` for how many days there have been no arrears: of
    those accounts alone of which a step of today speaks. ``paid_nothing`` names those whose arrears no money ended.
    """
    calls, conversation = recent_calls(connection, on, among)
    return Background(
        episodes=open_episodes,
        holds=holds_in_force(connection, on, policy, among=among),
        broken=broken_in_episode(connection, among),
        late=late_episodes(connection, on, policy, among),
        malice=malicious(connection, on, policy, among),
        payment_holidays=_payment_holidays(connection, on, among),
        evidence=tally_evidence(connection, on, open_episodes, among),
        calls=calls,
        conversation=conversation,
        done=_done(connection, on, open_episodes, policy.business_calendar()),
        known_for=_known_for(standing or {}, on, policy),
        refused=refusals(connection, on, policy, among=among),
        treatment=treatments(connection, on, policy, among),
        approved_visits=approved_visits(connection, on, among),
        promised={name: days for name, days in (promised or {}).items() if name in open_episodes},
        clean=clean or {},
        committee=words_in_force(connection, on, among),
        mandates=_mandates(connection, policy, among),
        paid_nothing=paid_nothing,
    )


def facts_of(reading: Reading, own: Own, today: Today) -> Facts:
    """Return the facts of every account of one reading of which the same is known: nothing else enters them."""
    why = (reading.tolerance, reading.grace, reading.holiday_shift, own.payment_holiday)
    effective, delays = _effective(reading.counted, *why)
    hard = own.hard_holds
    if reading.data_incomplete and "data_incomplete" not in hard:
        hard = tuple(sorted((*hard, "data_incomplete")))
    promise_in, clean_for = (own.promise_in, None) if reading.stage else (None, own.clean_for)
    dated, dated_missed = today.dated_steps(reading.due_in, promise_in, clean_for)
    since = reading.since if reading.stage else None
    return Facts(
        on=today.on,
        working_day=today.working_day,
        calendar_steps=today.calendar_steps + dated,
        stage=reading.stage,
        effective_instalments=effective,
        delays=delays,
        days_past_due=(today.on - since).days if since else 0,
        working_days_overdue=today.working_days_since(since),
        cycle_unpaid=reading.cycle_unpaid,
        hard_holds=hard,
        soft_holds=own.soft_holds,
        promise_broken=own.promise_broken,
        late_episodes=own.late_episodes,
        malice=own.malice,
        calls_last_7_days=own.calls_last_7_days,
        days_since_conversation=own.days_since_conversation,
        evidence=own.evidence,
        done=own.done,
        holiday=today.holiday,
        missed_working_days=today.missed.working_days if reading.stage else 0,
        missed_steps=(today.missed.steps if reading.cycle_unpaid else ()) + dated_missed,
        working_days_known=own.working_days_known if reading.stage else 0,
        days_since_refusal=own.days_since_refusal if reading.stage else None,
        treatment=own.treatment if reading.stage else None,
        visit_approved=own.visit_approved and reading.stage > 0,
        committee=own.committee if reading.stage else None,
        debit_mandate=own.debit_mandate and reading.stage > 0,
        paid_nothing=own.paid_nothing and reading.stage == 0,
    )


def _effective(counted: int, *why: bool) -> tuple[int, tuple[str, ...]]:
    """Name what keeps instalments from counting: a trifle, grace, a moved due date, or a payment holiday of all."""
    on_holiday = why[-1]
    return 0 if on_holiday else counted, tuple(name for name, holds in zip(DELAYS, why, strict=True) if holds)


def _accounts(connection: Connection, query: Select[Any], among: AccountRange) -> set[str]:
    """Return the accounts of a query whose one column is ``account_id``."""
    found = among.of(connection, query, query.selected_columns.account_id)
    return set(connection.execute(found.distinct()).scalars())


def _payment_holidays(connection: Connection, on: date, among: AccountRange) -> set[str]:
    changes = schedule_change.c
    query = select(changes.account_id).where(
        changes.kind.in_(("payment_holiday", "deferral")),
        changes.approved_by.is_not(None),
        changes.from_on <= on,
        or_(changes.until_on.is_(None), changes.until_on >= on),
    )
    return _accounts(connection, query, among)


def _mandates(connection: Connection, policy: Policy, among: AccountRange) -> set[str]:
    """Return the accounts in arrears that the bank may debit, where a step asks for it."""
    given = account.c.debit_mandate.is_not(None)
    asked = any("mandate" in step.when for step in policy.steps)
    if not asked or connection.execute(select(account.c.account_id).where(given).limit(1)).first() is None:
        return set()  # an index of the mandates alone answers: no account is looked up where nobody gave one
    in_arrears = select(episode.c.account_id).where(episode.c.cured_on.is_(None))
    in_arrears = among.of(connection, in_arrears, episode.c.account_id)  # or each range would read all open episodes
    query = select(account.c.account_id).where(given, account.c.account_id.in_(in_arrears))
    return _accounts(connection, query, among)


def _known_for(standing: Mapping[str, Episode], on: date, policy: Policy) -> dict[str, int]:
    """Count the working days since the arrears of an account were first seen here, as far as any step asks for them."""
    most = max((max(step.unreminded_days or 0, step.known_days) for step in policy.steps), default=0)
    calendar = policy.business_calendar()
    opened = {account_id: one.opened_on for account_id, one in standing.items()}
    days = {since: min(most, calendar.working_days_after(since, on)) for since in set(opened.values())}
    return {account_id: days[since] for account_id, since in opened.items() if days[since]}


def _done(
    connection: Connection, on: date, episodes: dict[str, date], calendar: BusinessCalendar
) -> dict[str, tuple[StepDone, ...]]:
    """Return each episode's steps of earlier days; today's own are left out, so a second run decides the same.

    Only accounts with an episode are asked for: what everybody else was ever sent grows with every month.
    """
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
    accounts = sorted(episodes)
    for start in range(0, len(accounts), LOOKUP):
        for row in connection.execute(query.where(item.c.account_id.in_(accounts[start : start + LOOKUP]))):
            if row.occasion == f"episode:{episodes[row.account_id].isoformat()}":
                ago = None if row.last is None else calendar.working_days_after(row.last, on)
                found[row.account_id].append(StepDone(row.step, row.planned, min(row.sent, row.planned), ago))
    return {account_id: tuple(steps) for account_id, steps in found.items()}
