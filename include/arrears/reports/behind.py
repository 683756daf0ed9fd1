"""Which accounts stand behind a kind of exception: a count tells that somebody is needed, a list whom it is about."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, func, select

from arrears.ladder.policy import Policy
from arrears.reports import neglected
from arrears.reports.committee import due_accounts
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account, debit, hold, visit_request

Ask = Callable[[date, str | None, Policy], Select[Any]]
_DECIDED = (decision.c.account_id, decision.c.oldest_unpaid_due.label("day"))


def _flagged(flag: Any) -> Ask:
    def ask(_on: date, branch: str | None, _policy: Policy) -> Select[Any]:
        query = select(account.c.account_id, account.c.closed_on.label("day"))
        query = query.where(flag.is_(True), account.c.closed_on.is_(None))
        return query if branch is None else query.where(account.c.branch == branch)

    return ask


def _of(query: Any, *columns: Any) -> Select[Any]:
    """Return the rows that a query counts."""
    return query.with_only_columns(*columns)  # type: ignore[no-any-return] # a Select keeps being one


LISTED: Mapping[str, Ask] = {
    "no_owner": lambda on, branch, _: _of(neglected.no_owner(on, branch), *_DECIDED),
    "no_contact_point": lambda on, branch, _: _of(neglected.no_contact_point(on, branch), *_DECIDED),
    "account_missing": _flagged(account.c.is_missing),
    "data_incomplete": _flagged(account.c.data_incomplete),
    "number_dead": lambda on, branch, _: _of(neglected.number_dead(on, branch), *_DECIDED),
    "reason_missing": neglected.without_reason,
    "visit_waits": lambda on, branch, _: _of(
        neglected.visit_waits(on, branch), visit_request.c.account_id, visit_request.c.asked_on.label("day")
    ),
    "review_due": lambda on, branch, policy: _of(neglected.review_due(on, branch, policy), *_DECIDED),
    "answer_overdue": lambda on, branch, policy: _of(
        neglected.answer_overdue(on, branch, policy), hold.c.account_id, hold.c.from_on.label("day")
    ),
    "prepare_early": lambda on, branch, _: _of(neglected.prepare_early(on, branch), *_DECIDED),
    "debit_silent": lambda on, branch, policy: _of(
        neglected.debit_silent(on, branch, policy), debit.c.account_id, debit.c.requested_on.label("day")
    ),
    "committee_due": due_accounts,
}
"""How the accounts of a kind are asked for, with the day since when each waits."""


def accounts_behind(
    connection: Connection, kind: str, business_date: date, branch: str | None, policy: Policy, first: int, limit: int
) -> tuple[int, list[tuple[str, date | None]]]:
    """Return how many accounts a kind of :data:`LISTED` is about, and so many of them, the longest waiting first."""
    found = LISTED[kind](business_date, branch, policy).subquery()
    total = int(connection.execute(select(func.count()).select_from(found)).scalar_one())
    query = select(found.c.account_id, found.c.day).order_by(found.c.day, found.c.account_id)
    rows = connection.execute(query.offset(first).limit(limit))
    return total, [(row[0], date.fromisoformat(row[1]) if isinstance(row[1], str) else row[1]) for row in rows]
