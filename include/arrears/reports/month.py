"""The month that is over: what came of each kind of contact, of few and of many, and who pays late and who cures.

Source: the seed's review of success and failure, and its link between what customers are and how they pay. It is told
once, on the first morning of the next month. Nobody is treated differently because of it: no figure here is a fact of
any decision.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, or_, select

from arrears.ladder.policy import Policy
from arrears.ladder.sureties import SURETIES
from arrears.reports.kpi import rate
from arrears.reports.performance import Measure, Span, performance_of
from arrears.reports.scope import of_branch
from arrears.reports.scorecard import Score, scorecard
from arrears.store.tables.decisions import decision, episode
from arrears.store.tables.feeds import account
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import account_party

ONE_DAY = timedelta(days=1)
MANY = 4
"""From so many contacts on, accounts are counted together."""

CASES = 3


@dataclass(frozen=True)
class Share:
    """A group of accounts, and how many of them had nothing overdue any more when the month ended."""

    family: str
    name: str
    accounts: int
    cured: int

    @property
    def cure_rate(self) -> int | None:
        """Return the cured ones over all."""
        return rate(self.cured, self.accounts)


@dataclass(frozen=True)
class Case:
    """One account to talk about: how many contacts it took, and whether it was cured."""

    account_id: str
    contacts: int
    cured: bool


@dataclass(frozen=True)
class Month:
    """What a month came to."""

    first: date
    last: date
    steps: list[Share]
    cadence: list[Share]
    features: list[Share]
    cases: list[Case]
    performance: list[Measure]
    scores: list[Score]


def month_before(connection: Connection, on: date, branch: str | None, policy: Policy) -> Month | None:
    """Return the month before, on the first decided morning of a month; None on every other."""
    if not is_first_of_month(connection, on):
        return None
    last = on.replace(day=1) - ONE_DAY
    return month_of(connection, Span(last.replace(day=1), last, branch), policy)


def is_first_of_month(connection: Connection, on: date) -> bool:
    """Say whether no earlier day of the month was decided: the first morning after a missed one counts as well."""
    start = on.replace(day=1)
    earlier = select(decision.c.account_id).where(decision.c.business_date >= start, decision.c.business_date < on)
    return connection.execute(earlier.limit(1)).first() is None


def month_of(connection: Connection, span: Span, policy: Policy) -> Month:
    """Return what the days of a span came to."""
    first, last, branch = span.first, span.last, span.branch
    return Month(
        first,
        last,
        [Share("step", *row) for row in connection.execute(_by_step(first, last, branch))],
        [Share("cadence", *row) for row in connection.execute(_by_number(first, last, branch))],
        list(_by_feature(connection, first, last, branch)),
        _cases(connection, first, last, branch),
        performance_of(connection, span, policy),
        [] if branch else scorecard(connection, first, last),
    )


def _contacted(first: date, last: date, branch: str | None) -> Select[Any]:
    """Ask for each account and step carried out about arrears in the span, and whether its episode was clean after."""
    cured = exists().where(
        episode.c.account_id == item.c.account_id,
        episode.c.clean_since > item.c.business_date,
        episode.c.clean_since <= last + ONE_DAY,
    )
    return (
        select(item.c.account_id, item.c.step, item.c.business_date, case((cured, 1), else_=0).label("cured"))
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(
            item.c.business_date.between(first, last),
            item.c.dropped_reason.is_(None),
            item.c.occasion.startswith("episode:"),
            contact.c.state == "sent",
            of_branch(item.c.account_id, branch),
        )
    )


def _by_step(first: date, last: date, branch: str | None) -> Select[Any]:
    rows = _contacted(first, last, branch).subquery()
    each = (
        select(rows.c.step, rows.c.account_id, func.max(rows.c.cured).label("cured"))
        .group_by(rows.c.step, rows.c.account_id)
        .subquery()
    )
    return select(each.c.step, func.count(), func.sum(each.c.cured)).group_by(each.c.step).order_by(each.c.step)


def _numbers(first: date, last: date, branch: str | None) -> Any:
    """Ask for the accounts of the span with the number of days on which they were contacted."""
    rows = _contacted(first, last, branch).subquery()
    return (
        select(
            rows.c.account_id,
            func.count(rows.c.business_date.distinct()).label("contacts"),
            func.max(rows.c.cured).label("cured"),
        )
        .group_by(rows.c.account_id)
        .subquery()
    )


def _by_number(first: date, last: date, branch: str | None) -> Select[Any]:
    each = _numbers(first, last, branch)
    number = case(*((each.c.contacts == n, str(n)) for n in range(1, MANY)), else_=f"{MANY}+")
    return select(number, func.count(), func.sum(each.c.cured)).group_by(number).order_by(number)


def _by_feature(connection: Connection, first: date, last: date, branch: str | None) -> Any:
    """Yield, by what is known of the contracts, the accounts overdue in the span and those cured when it ended."""
    guaranteed = exists().where(account_party.c.account_id == account.c.account_id, account_party.c.role.in_(SURETIES))
    features: dict[str, ColumnElement[Any]] = {
        "contract_type": account.c.contract_type,
        "asset_kind": func.coalesce(account.c.asset_kind, ""),
        "branch": account.c.branch,
        "guarantor": case((guaranteed, "yes"), else_="no"),
    }
    clean = and_(episode.c.clean_since.is_not(None), episode.c.clean_since <= last + ONE_DAY)
    late = (
        select(episode.c.account_id, func.min(case((clean, 1), else_=0)).label("cured"))
        .where(episode.c.opened_on <= last, or_(episode.c.clean_since.is_(None), episode.c.clean_since > first))
        .group_by(episode.c.account_id)
        .subquery()
    )
    for family, value in features.items():
        query = (
            select(value.label("value"), func.count(), func.sum(late.c.cured))
            .select_from(account)
            .join(late, late.c.account_id == account.c.account_id)
            .where(of_branch(account.c.account_id, branch))
            .group_by("value")
            .order_by("value")
        )
        for name, accounts, cured in connection.execute(query):
            yield Share(family, name, accounts, int(cured))


def _cases(connection: Connection, first: date, last: date, branch: str | None) -> list[Case]:
    """Return the accounts cured with the fewest contacts and those not cured in spite of the most."""
    each = _numbers(first, last, branch)
    rows = select(each.c.account_id, each.c.contacts, each.c.cured)
    good = rows.where(each.c.cured == 1).order_by(each.c.contacts, each.c.account_id).limit(CASES)
    bad = rows.where(each.c.cured == 0).order_by(each.c.contacts.desc(), each.c.account_id).limit(CASES)
    return [Case(row.account_id, row.contacts, bool(row.cured)) for query in (good, bad)
            for row in connection.execute(query)]  # fmt: skip
