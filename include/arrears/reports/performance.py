"""How the work of a month went, each figure with what it was divided by: formulas and examples in docs/kpi.md.

It is told once, with the month before, on the first morning of the next one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal, or_, select
from sqlalchemy.sql.expression import cast
from sqlalchemy.types import String

from arrears.core.clock import at_local, utc_text
from arrears.ladder.in_force import is_of_ledger
from arrears.ladder.policy import Policy
from arrears.ladder.tally import LETTERS
from arrears.reports.kpi import rate
from arrears.reports.scope import in_force, of_branch
from arrears.reports.work import ATTEMPTS, RIGHT_PARTY
from arrears.store.tables.decisions import decision, episode, evidence
from arrears.store.tables.feeds import account, hold, outcome, promise
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.repossession import approval, repossession_order

ONE_DAY, WEEK, QUARTER = timedelta(days=1), timedelta(days=7), timedelta(days=90)
PICKED_UP = (*RIGHT_PARTY, "third_party_answered", "wrong_number")
MESSAGES = ("message_delivered", "message_failed")
SETTLED = ("kept", "partly_kept", "broken")
HOUR = 3600
PER_THOUSAND = 1000


@dataclass(frozen=True)
class Measure:
    """One figure: a share of a whole, or so much for each of something."""

    name: str
    part: int
    whole: int
    is_share: bool = True

    @property
    def share(self) -> int | None:
        """Return the part of the whole in basis points."""
        return rate(self.part, self.whole)

    @property
    def each(self) -> int | None:
        """Return the part for each one of the whole, in tenths, half up; None where there is none of it."""
        return (2 * self.part * 10 + self.whole) // (2 * self.whole) if self.whole > 0 else None


@dataclass(frozen=True)
class Span:
    """The days that are looked at, of one branch or of the whole house."""

    first: date
    last: date
    branch: str | None

    def of(self, day: Any) -> ColumnElement[bool]:
        """Say whether a day lies in the span."""
        return and_(day >= self.first, day <= self.last)

    def at(self, moment: Any, zone: str) -> ColumnElement[bool]:
        """Say whether a moment lies in the local days of the span."""
        opens, closes = (utc_text(at_local(on, time.min, zone)) for on in (self.first, self.last + ONE_DAY))
        return and_(moment >= opens, moment < closes)

    def about(self, account_id: Any) -> ColumnElement[bool]:
        """Say whether an account is of the branch."""
        return of_branch(account_id, self.branch)


def performance_of(connection: Connection, span: Span, policy: Policy) -> list[Measure]:
    """Return the figures of a span of days; what there was nothing to divide by is left out."""
    found = (
        *_contacts(connection, span, policy),
        *_promises(connection, span, policy),
        _first_contact(connection, span),
        _proof(connection, span, "arrival_proof", ("message_delivered",), MESSAGES),
        _proof(connection, span, "letter_service", ("letter_served",), LETTERS),
        _visits(connection, span, policy),
        _complaints(connection, span),
        _again(connection, span),
        _approved(connection, span),
        *_orders(connection, span, policy),
    )
    return [one for one in found if one.whole > 0]


def _contacts(connection: Connection, span: Span, policy: Policy) -> Iterator[Measure]:
    rows = connection.execute(
        select(outcome.c.channel, outcome.c.outcome, func.count())
        .where(span.at(outcome.c.at, policy.time_zone), span.about(outcome.c.account_id))
        .group_by(outcome.c.channel, outcome.c.outcome)
    )
    told: Counter[tuple[str, str]] = Counter({(row[0], row[1]): row[2] for row in rows})
    calls = Counter({result: number for (channel, result), number in told.items() if channel == "call"})
    every: Counter[str] = Counter()
    for (_channel, result), number in told.items():
        every[result] += number
    attempts, reached = _sum(every, ATTEMPTS), _sum(every, RIGHT_PARTY)
    yield Measure("connect", _sum(calls, PICKED_UP), _sum(calls, ATTEMPTS))
    yield Measure("right_party_month", reached, attempts)
    yield Measure("promise_to_contact", every["promised"], reached)
    clean = select(func.count()).where(span.of(episode.c.clean_since), span.about(episode.c.account_id))
    yield Measure("attempts_per_cure", attempts, _number(connection, clean), is_share=False)


def _sum(counts: Counter[str], names: Iterable[str]) -> int:
    return sum(counts[name] for name in names)


def _number(connection: Connection, query: Any) -> int:
    return int(connection.execute(query).scalar_one() or 0)


def _promises(connection: Connection, span: Span, policy: Policy) -> Iterator[Measure]:
    kept = case((promise.c.state == "kept", 1), else_=0)
    row = connection.execute(
        select(
            func.coalesce(func.sum(promise.c.amount_minor * kept), 0),
            func.coalesce(func.sum(promise.c.amount_minor), 0),
        )
        .join(account, account.c.account_id == promise.c.account_id)
        .where(span.of(promise.c.due_on), promise.c.state.in_(SETTLED), account.c.currency == policy.currency)
        .where(span.about(promise.c.account_id))
    ).one()
    yield Measure("promise_kept_amount", int(row[0]), int(row[1]))


def _first_contact(connection: Connection, span: Span) -> Measure:
    """Return the days from the day an account fell into arrears until somebody or something reached out."""
    first = (
        select(func.min(item.c.business_date))
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(item.c.account_id == episode.c.account_id, contact.c.state == "sent", item.c.dropped_reason.is_(None))
        .where(item.c.occasion == literal("episode:").concat(cast(episode.c.first_unpaid_due, String)))
        .correlate(episode)
        .scalar_subquery()
    )
    each = (
        select(episode.c.opened_on, first.label("reached_on"))
        .where(span.of(episode.c.opened_on), span.about(episode.c.account_id))
        .subquery()
    )
    rows = connection.execute(
        select(each.c.opened_on, each.c.reached_on, func.count())
        .where(each.c.reached_on.is_not(None))
        .group_by(each.c.opened_on, each.c.reached_on)
    ).all()
    waited = sum((row[1] - row[0]).days * row[2] for row in rows)
    return Measure("first_contact", waited, sum(row[2] for row in rows), is_share=False)


def _proof(connection: Connection, span: Span, name: str, good: Iterable[str], every: Iterable[str]) -> Measure:
    rows = connection.execute(
        select(evidence.c.kind, func.count())
        .where(evidence.c.kind.in_(tuple(every)), span.of(evidence.c.local_date), span.about(evidence.c.account_id))
        .group_by(evidence.c.kind)
    )
    counts: Counter[str] = Counter({row[0]: row[1] for row in rows})
    return Measure(name, _sum(counts, good), counts.total())


def _visits(connection: Connection, span: Span, policy: Policy) -> Measure:
    """Return the visits after which arrears went down within a week, over all visits a week of the span saw end."""
    rows = connection.execute(
        select(outcome.c.account_id, outcome.c.at)
        .where(outcome.c.outcome.in_(("visit_met", "visit_not_met")), span.about(outcome.c.account_id))
        .where(span.at(outcome.c.at, policy.time_zone))
    ).all()
    worked = sum(_is_lower(connection, row.account_id, datetime.fromisoformat(row.at).date()) for row in rows)
    return Measure("visit_success", worked, len(rows))


def _is_lower(connection: Connection, account_id: str, day: date) -> bool:
    """Say whether an account owed less within a week of a day than on it, or nothing any more."""
    then = select(decision.c.overdue_minor).where(in_force(day, None), decision.c.account_id == account_id)
    owed = connection.execute(then).scalar()
    clean = exists().where(
        episode.c.account_id == account_id, episode.c.clean_since > day, episode.c.clean_since <= day + WEEK
    )
    less = exists().where(
        decision.c.account_id == account_id,
        decision.c.business_date > day,
        decision.c.business_date <= day + WEEK,
        decision.c.overdue_minor < (owed or 0),
        is_of_ledger(decision),
    )
    return bool(connection.execute(select(or_(clean, less))).scalar_one())


def _complaints(connection: Connection, span: Span) -> Measure:
    told = select(func.count()).where(
        hold.c.kind == "complaint", span.of(hold.c.from_on), span.about(hold.c.account_id)
    )
    sent = (
        select(func.count(item.c.contact_id.distinct()))
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(span.of(contact.c.business_date), contact.c.state == "sent", span.about(item.c.account_id))
    )
    complaints = _number(connection, told) * PER_THOUSAND
    return Measure("complaints_per_thousand", complaints, _number(connection, sent), is_share=False)


def _again(connection: Connection, span: Span) -> Measure:
    """Return who fell behind again within 90 days, of those who were cured in the span that ended 90 days before."""
    cured, other = episode.alias("cured"), episode.alias("other")
    until = span.last - QUARTER
    rows = connection.execute(
        select(cured.c.account_id, cured.c.clean_since, func.min(other.c.opened_on))
        .outerjoin(other, and_(other.c.account_id == cured.c.account_id, other.c.opened_on > cured.c.clean_since))
        .where(cured.c.clean_since > until - (span.last - span.first), cured.c.clean_since <= until)
        .where(span.about(cured.c.account_id))
        .group_by(cured.c.account_id, cured.c.clean_since)
    ).all()
    back = sum(row[2] is not None and row[2] - row[1] <= QUARTER for row in rows)
    return Measure("redefault", back, len(rows))


def _approved(connection: Connection, span: Span) -> Measure:
    """Return how many packets and orders two people approved, of those that got an answer."""
    of_ours = and_(approval.c.kind.in_(("order", "packet")), span.about(approval.c.account_id))
    yes = select(func.count()).where(of_ours, span.of(approval.c.approved_on))
    day = func.substr(approval.c.closed_at, 1, 10)
    no = select(func.count()).where(
        of_ours, approval.c.state == "refused", day.between(span.first.isoformat(), span.last.isoformat())
    )
    approved = _number(connection, yes)
    return Measure("approved", approved, approved + _number(connection, no))


def _orders(connection: Connection, span: Span, policy: Policy) -> Iterator[Measure]:
    """Tell of the orders handed over in the span: how long it took, how many got the machine, how fast recalls were."""
    order = repossession_order.c
    third = (
        select(func.min(decision.c.business_date))
        .where(decision.c.account_id == order.account_id, decision.c.episode_due == order.episode_due)
        .where(decision.c.stage == 3)
        .correlate(repossession_order)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(order.kind, order.state, order.offered_at, order.recalled_at, order.recall_acknowledged_at,
               third.label("third_on"))
        .where(order.offered_at.is_not(None), span.at(order.offered_at, policy.time_zone))
        .where(span.about(order.account_id))
    ).all()  # fmt: skip
    known = [row for row in rows if row.third_on is not None]
    days = sum((datetime.fromisoformat(row.offered_at).date() - row.third_on).days for row in known)
    yield Measure("handoff_days", days, len(known), is_share=False)
    ended = [row.state for row in rows if row.kind == "recover" and row.state in ("recovered", "failed", "expired")]
    yield Measure("recovered_orders", ended.count("recovered"), len(ended))
    answered = [row for row in rows if row.recalled_at and row.recall_acknowledged_at]
    seconds = sum(
        (datetime.fromisoformat(row.recall_acknowledged_at) - datetime.fromisoformat(row.recalled_at)).total_seconds()
        for row in answered
    )
    yield Measure("recall_hours", round(seconds / HOUR), len(answered), is_share=False)
