"""What was sent, what is planned today, and what was left undone and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Subquery, and_, case, func, select

from arrears.core.clock import at_local, utc_text
from arrears.reports.scope import (
    CARRIED,
    POSTED,
    STAFFED,
    contact_of_branch,
    desk_of_contact,
    in_force,
    is_co_borrower,
    is_told,
    of_branch,
    tally,
)
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import outcome, promise, staff
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import party

RIGHT_PARTY = (
    "contacted",
    "promised",
    "refused",
    "dispute_raised",
    "hardship_claimed",
    "paid_claimed",
    "callback_requested",
    "visit_met",
)
ATTEMPTS = (
    *RIGHT_PARTY,
    "no_answer",
    "busy",
    "switched_off",
    "wrong_number",
    "invalid_number",
    "third_party_answered",
    "visit_not_met",
)
LANES = ("good_faith", "high_risk", "habitual", "aged")
"""The order of the day: the easy ones first, then those who move the machine, then the long work."""


@dataclass(frozen=True)
class Plan:
    """Contacts of one business date by channel and state, with the reasons of what was withheld."""

    by_channel: dict[str, Counter[str]]
    withheld: Counter[str]

    def count(self, *states: str, channels: Sequence[str] | None = None) -> int:
        """Return how many contacts are in the states; all states when none is named."""
        chosen = self.by_channel if channels is None else {c: self.by_channel.get(c, Counter()) for c in channels}
        return sum(n for counts in chosen.values() for state, n in counts.items() if not states or state in states)


@dataclass(frozen=True)
class Task:
    """One call, visit or letter of today: to whom, about what, carried out by whom."""

    contact_id: str
    channel: str
    staff_id: str | None
    party_id: str
    party_name: str | None
    accounts: tuple[str, ...]
    overdue_instalments: int
    total_minor: int
    currency: str
    stage: int
    lane: str
    tone: str
    audience: str
    last_on: str | None = None
    last_outcome: str | None = None
    why: str | None = None
    """The reason for the arrears as the person told it last."""
    days_past_due: int = 0
    kept: int = 0
    broken: int = 0


def plan_of(connection: Connection, business_date: date, branch: str | None) -> Plan:
    """Count the contacts of a business date."""
    groups = (contact.c.channel, contact.c.state, contact.c.reason)
    rows = connection.execute(
        select(*groups, func.count())
        .where(contact.c.business_date == business_date, contact_of_branch(branch))
        .group_by(*groups)
    )
    by_channel: dict[str, Counter[str]] = {}
    withheld: Counter[str] = Counter()
    for channel, state, reason, count in rows:
        by_channel.setdefault(channel, Counter())[state] += count
        if state == "withheld":
            withheld[reason] += count
    return Plan(by_channel, withheld)


def tasks_of(
    connection: Connection,
    business_date: date,
    branch: str | None,
    *,
    staff_id: str | None = None,
    limit: int | None = None,
    only_open: bool = False,
) -> list[Task]:
    """Return a day's calls and visits in the order they should be worked, at most ``limit``; letters are legal work.

    ``only_open`` leaves out those of which somebody has told what came of them.
    """
    lane = func.min(case({name: place for place, name in enumerate(LANES)}, value=decision.c.lane, else_=len(LANES)))
    query = (
        select(
            contact.c.contact_id,
            func.max(item.c.overdue_instalments).label("instalments"),
            lane.label("lane"),
            func.coalesce(func.max(decision.c.days_past_due), 0).label("days"),
        )
        .select_from(contact)
        .join(item, item.c.contact_id == contact.c.contact_id)
        .join(decision, and_(decision.c.account_id == item.c.account_id, in_force(business_date, None)), isouter=True)
        .where(
            contact.c.business_date == business_date,
            contact.c.channel.in_(STAFFED),
            contact.c.channel.not_in(POSTED),
            contact.c.state.in_(CARRIED),
            item.c.dropped_reason.is_(None),
            contact_of_branch(branch),
        )
        .group_by(contact.c.contact_id)
        .order_by("lane", contact.c.total_minor.desc(), contact.c.contact_id)
        .limit(limit)
    )
    if staff_id is not None:
        query = query.where(contact.c.staff_id == staff_id)
    if only_open:
        query = query.where(~is_told())
    rows = connection.execute(_named(query.subquery("first"))).all()
    accounts = _accounts_of(connection, business_date, [row[0] for row in rows] if limit else None)
    told = _last_told(connection, [row[3] for row in rows]) if limit else {}
    promised = _promised(connection, {one for found in accounts.values() for one in found}) if limit else {}
    second = _co_borrowers(connection, [row[0] for row in rows]) if limit else set()
    return [
        Task(
            contact_id=row[0],
            channel=row[1],
            staff_id=row[2],
            party_id=row[3],
            party_name=row[4],
            accounts=tuple(accounts.get(row[0], ())),
            overdue_instalments=row[10],
            total_minor=row[5],
            currency=row[6],
            stage=row[7],
            lane=(*LANES, "")[row[11]],
            tone=row[8],
            audience="co_borrower" if row[0] in second else row[9],
            **told.get(row[3], {}),
            days_past_due=row[12],
            kept=sum(promised.get(one, (0, 0))[0] for one in accounts.get(row[0], ())),
            broken=sum(promised.get(one, (0, 0))[1] for one in accounts.get(row[0], ())),
        )
        for row in rows
    ]


def _named(first: Subquery) -> Select[Any]:
    """Ask what is told of the contacts that were chosen, in their order; names are looked up for these alone."""
    told = contact.c
    return (
        select(told.contact_id, told.channel, told.staff_id, told.party_id, party.c.name, told.total_minor,
               told.currency, told.stage, told.tone, told.audience, first.c.instalments, first.c.lane,
               first.c.days)
        .join(first, first.c.contact_id == told.contact_id)
        .join(party, party.c.party_id == told.party_id, isouter=True)
        .order_by(first.c.lane, told.total_minor.desc(), told.contact_id)
    )  # fmt: skip


def _co_borrowers(connection: Connection, contacts: list[str]) -> set[str]:
    """Return the contacts that speak to somebody who owes an account beside the borrower, and none as borrower."""
    second = is_co_borrower(item.c.account_id, contact.c.party_id)
    rows = connection.execute(
        select(contact.c.contact_id)
        .join(item, item.c.contact_id == contact.c.contact_id)
        .where(contact.c.contact_id.in_(contacts))
        .group_by(contact.c.contact_id)
        .having(func.min(case((second, 1), else_=0)) == 1)
    )
    return set(rows.scalars())


def _last_told(connection: Connection, people: list[str]) -> dict[str, dict[str, str]]:
    """Return when each person was last reached or tried, what came of it, and the reason they told last."""
    rows = connection.execute(
        select(outcome.c.party_id, outcome.c.at, outcome.c.outcome, outcome.c.reason)
        .where(outcome.c.party_id.in_(people))
        .order_by(outcome.c.at, outcome.c.outcome_key)
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        told = found.setdefault(row.party_id, {})
        told |= {"last_on": row.at[:10], "last_outcome": row.outcome}
        if row.reason not in (None, "unknown"):
            told["why"] = row.reason
    return found


def _promised(connection: Connection, accounts: set[str]) -> dict[str, tuple[int, int]]:
    """Return how many promises about each account were kept, and how many were not."""
    kept = func.sum(case((promise.c.state == "kept", 1), else_=0))
    broken = func.sum(case((promise.c.state.in_(("broken", "partly_kept")), 1), else_=0))
    rows = connection.execute(
        select(promise.c.account_id, kept, broken)
        .where(promise.c.account_id.in_(sorted(accounts)))
        .group_by(promise.c.account_id)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in rows}


def _accounts_of(connection: Connection, business_date: date, contacts: list[str] | None) -> dict[str, list[str]]:
    query = (
        select(item.c.contact_id, item.c.account_id)
        .distinct()
        .where(item.c.business_date == business_date, item.c.dropped_reason.is_(None))
        .order_by(item.c.account_id)
    )
    if contacts is not None:
        query = query.where(item.c.contact_id.in_(contacts))
    found: dict[str, list[str]] = {}
    for contact_id, account_id in connection.execute(query):
        found.setdefault(contact_id, []).append(account_id)
    return found


def tasks_by_staff(connection: Connection, business_date: date, branch: str | None) -> dict[str, Counter[str]]:
    """Count today's work by desk: a member of staff, the legal desk for what is posted, '' for what nobody owns."""
    desk = desk_of_contact().label("desk")
    rows = connection.execute(
        select(desk, contact.c.channel, func.count())
        .where(
            contact.c.business_date == business_date,
            contact.c.channel.in_(STAFFED),
            contact.c.state.in_(CARRIED),
            contact_of_branch(branch),
        )
        .group_by(desk, contact.c.channel)
    )
    found: dict[str, Counter[str]] = {}
    for owner, channel, count in rows:
        found.setdefault(owner, Counter())[channel] += count
    return found


def outcomes_of(connection: Connection, day: date, zone: str, branch: str | None) -> Counter[str]:
    """Count what came of the contacts of one local day, by outcome."""
    opens, closes = (utc_text(at_local(d, time.min, zone)) for d in (day, day + timedelta(days=1)))
    rows = connection.execute(
        select(outcome.c.outcome, func.count())
        .where(outcome.c.at >= opens, outcome.c.at < closes, of_branch(outcome.c.account_id, branch))
        .group_by(outcome.c.outcome)
    )
    return tally(rows)


def staff_of_mail(connection: Connection, mail: str) -> Any | None:
    """Return the member of staff who reads a mail address, or None."""
    return connection.execute(select(staff).where(func.lower(staff.c.mail) == mail.lower())).first()


def staff_names(connection: Connection) -> dict[str, str]:
    """Return the names of all staff by their ids."""
    return {row.staff_id: row.name for row in connection.execute(select(staff.c.staff_id, staff.c.name))}
