"""Which accounts stand behind a kind of exception: a count tells that somebody is needed, a list whom it is about."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, SelectBase, func, select

from arrears.ladder.policy import Policy
from arrears.reports import filings, neglected, promised, recalls, untreated
from arrears.reports.committee import due_accounts
from arrears.reports.control import accounts_in_doubt
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account, court_case, debit, hold, order_report, plan, promise, visit_request
from arrears.store.tables.legal import court_filing, emergency_packet
from arrears.store.tables.outreach import placement
from arrears.store.tables.repossession import repossession_order

Rows = list[tuple[str, date | None]]
Ask = Callable[[date, str | None, Policy], SelectBase]
Find = Callable[[Connection, date, str | None, Policy, int, int], tuple[int, Rows]]
_DECIDED = (decision.c.account_id, decision.c.oldest_unpaid_due.label("day"))
_RECALLED = (repossession_order.c.account_id, repossession_order.c.recalled_at.label("day"))


def _flagged(flag: Any) -> Ask:
    def ask(_on: date, branch: str | None, _policy: Policy) -> Select[Any]:
        query = select(account.c.account_id, account.c.closed_on.label("day"))
        query = query.where(flag.is_(True), account.c.closed_on.is_(None))
        return query if branch is None else query.where(account.c.branch == branch)

    return ask


def _of(query: Any, account_id: Any, day: Any) -> Select[Any]:
    """Return the rows that a query counts."""
    return query.with_only_columns(account_id, day.label("day"))  # type: ignore[no-any-return] # a Select stays one


ASKED: Mapping[str, Ask] = {
    "no_owner": lambda on, branch, _: _of(neglected.no_owner(on, branch), *_DECIDED),
    "no_contact_point": lambda on, branch, _: neglected.no_contact_point(on, branch),
    "account_missing": _flagged(account.c.is_missing),
    "data_incomplete": _flagged(account.c.data_incomplete),
    "number_dead": lambda on, branch, _: _of(neglected.number_dead(on, branch), *_DECIDED),
    "reason_missing": neglected.without_reason,
    "visit_waits": lambda on, branch, _: _of(
        neglected.visit_waits(on, branch), visit_request.c.account_id, visit_request.c.asked_on
    ),
    "review_due": lambda on, branch, policy: _of(neglected.review_due(on, branch, policy), *_DECIDED),
    "answer_overdue": lambda on, branch, policy: _of(
        neglected.answer_overdue(on, branch, policy), hold.c.account_id, hold.c.from_on
    ),
    "prepare_early": lambda on, branch, _: _of(neglected.prepare_early(on, branch), *_DECIDED),
    "debit_silent": lambda on, branch, policy: _of(
        neglected.debit_silent(on, branch, policy), debit.c.account_id, debit.c.requested_on
    ),
    "committee_due": due_accounts,
    "in_doubt": lambda _on, branch, _policy: accounts_in_doubt(branch),
    "broken_promises": lambda on, branch, _: _of(
        promised.broken_promises(on, branch), promise.c.account_id, promise.c.due_on
    ),
    "broken_plans": lambda on, branch, _: _of(promised.broken_plans(on, branch), plan.c.account_id, plan.c.ended_on),
    "recall_overdue": lambda on, branch, policy: _of(
        recalls.recalls(branch, until=recalls.silent_since(on, policy)), *_RECALLED
    ),
    "recall_unanswered": lambda on, branch, policy: _of(
        recalls.recalls(branch, after=recalls.silent_since(on, policy)), *_RECALLED
    ),
    "unlock_overdue": lambda on, branch, policy: _of(recalls.unlocks_silent(on, policy, branch), *_RECALLED),
    "placement_overdue": lambda on, branch, policy: _of(
        recalls.placements_silent(recalls.silent_since(on, policy), branch),
        placement.c.account_id, placement.c.recalled_at,
    ),
    "report_refused": lambda on, branch, _: _of(
        recalls.refused_reports(on, branch), order_report.c.account_id, order_report.c.at
    ),
    "filed_unapproved": lambda _on, branch, _policy: _of(
        filings.filed_unapproved(branch), court_filing.c.account_id, court_filing.c.filed_at
    ),
    "emergency_lacking": lambda _on, branch, _policy: _of(
        filings.emergencies_lacking(branch), emergency_packet.c.account_id, emergency_packet.c.built_on
    ),
    "remedy_unentitled": lambda on, branch, policy: _of(
        filings.choices_that_do_not_count(on, policy, branch), court_case.c.account_id, court_case.c.at
    ),
}  # fmt: skip
"""How the accounts of a kind are asked for, with the day since when each waits."""


def _promised_too_far(
    connection: Connection, _on: date, branch: str | None, policy: Policy, first: int, limit: int
) -> tuple[int, Rows]:
    query = neglected.promised_too_far(connection, branch, policy)
    return _leaf(connection, _of(query, promise.c.account_id, promise.c.made_on), first, limit)


def _untreated(
    connection: Connection, on: date, branch: str | None, policy: Policy, first: int, limit: int
) -> tuple[int, Rows]:
    found = untreated.untreated(connection, on, branch, policy)
    return len(found), [(name, since) for since, name in found[first : first + limit]]


FOUND: Mapping[str, Find] = {"promise_too_far": _promised_too_far, "untreated": _untreated}
"""The kinds whose accounts one question does not tell."""

LISTED = frozenset({*ASKED, *FOUND})


def accounts_behind(
    connection: Connection, kind: str, business_date: date, branch: str | None, policy: Policy, first: int, limit: int
) -> tuple[int, Rows]:
    """Return how many accounts a kind of :data:`LISTED` is about, and so many of them, the longest waiting first."""
    if kind in FOUND:
        return FOUND[kind](connection, business_date, branch, policy, first, limit)
    return _leaf(connection, ASKED[kind](business_date, branch, policy), first, limit)


def _leaf(connection: Connection, asked: SelectBase, first: int, limit: int) -> tuple[int, Rows]:
    found = asked.subquery()
    total = int(connection.execute(select(func.count()).select_from(found)).scalar_one())
    query = select(found.c.account_id, found.c.day).order_by(found.c.day, found.c.account_id)
    rows = connection.execute(query.offset(first).limit(limit))
    return total, [(row[0], date.fromisoformat(row[1][:10]) if isinstance(row[1], str) else row[1]) for row in rows]
