"""What the store says about accounts with orders, read in bulk inside the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, func, select

from arrears.approvals.questions import votes_of
from arrears.approvals.target import targets_of
from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.ladder.holds import Holds, holds_in_force
from arrears.ladder.in_force import newest_decided_day, run_in_force
from arrears.ladder.policy import Policy
from arrears.ladder.staff import staff_roles
from arrears.repossession.news import with_news
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import (
    account,
    agency,
    assignment,
    control,
    court_case,
    document,
    location,
    order_report,
)
from arrears.store.tables.legal import packet
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import account_party, party
from arrears.store.tables.repossession import ORDER_OPEN, ORDER_UNSENT, approval, repossession_order
from arrears.store.tables.runs import run

LETTERS = ("demand_letter", "lawyers_letter")
SUITS = ("suit", "preservation")
IN_HAND = tuple(state for state in ORDER_OPEN if state not in ORDER_UNSENT)
NOTICE_STATES = ("planned", "claimed", "sending", "sent")
LEDGER_COLUMNS = (
    "subject_ref",
    "stage",
    "overdue_instalments",
    "overdue_minor",
    "schedule_minor",
    "paid_minor",
    "overdue_amount_minor",
    "last_paid_on",
    "whole_paid_on",
    "total_price_minor",
    "principal_outstanding_minor",
)

Rows = Sequence[Row[Any]]


@dataclass(frozen=True)
class Sources:
    """Rows by account id, and the small registers as a whole."""

    accounts: Mapping[str, Row[Any]]
    targets: Mapping[str, str]
    decisions: Mapping[str, Row[Any]]
    decided_day: date | None
    ledger: Mapping[str, Mapping[str, Any]]
    packets: Mapping[str, Row[Any]]
    holds: Mapping[str, Holds]
    documents: Mapping[str, Rows]
    locations: Mapping[str, Rows]
    reports: Mapping[str, Rows]
    cases: Mapping[str, Rows]
    parties: Mapping[str, Rows]
    letters_planned: Mapping[str, Rows]
    assignments: Mapping[str, Rows]
    orders: Mapping[str, Rows]
    approvals: Mapping[str, Row[Any]]
    votes: Mapping[str, Rows]
    agencies: Mapping[str, Row[Any]]
    in_hand: Mapping[str, frozenset[str]]
    staff_roles: Mapping[str, frozenset[str]]
    finance_confirmed: bool


def read_sources(connection: Connection, rt: Runtime, on: date, policy: Policy, account_ids: Iterable[str]) -> Sources:
    """Read everything the checks need for some accounts as of ``on``; the newest decision up to ``on`` is in force."""
    ids = sorted(set(account_ids))
    accounts = {row.account_id: row for row in _of(connection, account, ids)}
    decisions = decisions_in_force(connection, on, ids)
    orders = _grouped(_of(connection, repossession_order, ids))
    order_ids = [row.order_id for rows in orders.values() for row in rows]
    approvals = newest_approvals(connection, order_ids)
    roles = staff_roles(connection)
    ledger = _ledger(rt.settings.artifacts_url, accounts, decisions)
    open_since = {name: min(row.proposed_on for row in rows if is_open(row))
                  for name, rows in orders.items() if any(is_open(row) for row in rows)}  # fmt: skip
    return Sources(
        accounts=accounts,
        targets=targets_of(connection, ids),
        decisions=decisions,
        decided_day=newest_decided_day(connection),
        ledger=with_news(
            connection, rt, on, policy, accounts, ledger, {name: open_since.get(name, on) for name in ledger}
        ),
        packets={row.account_id: row for row in _of(connection, packet, ids, packet.c.superseded_on.is_(None))},
        holds=holds_in_force(connection, on, policy, ids),
        documents=_grouped(_of(connection, document, ids)),
        locations=_grouped(_of(connection, location, ids)),
        reports=_grouped(_of(connection, order_report, ids, order_report.c.result == "applied")),
        cases=_grouped(_of(connection, court_case, ids)),
        parties=_grouped(_parties(connection, ids)),
        letters_planned=_grouped(_letters_planned(connection, ids)),
        assignments=_grouped(_of(connection, assignment, ids, assignment.c.from_on <= on)),
        orders=orders,
        approvals=approvals,
        votes=votes_of(connection, [row.approval_id for row in approvals.values()]),
        agencies={row.agency_id: row for row in connection.execute(select(agency))},
        in_hand=_in_hand(connection),
        staff_roles=roles,
        finance_confirmed=_finance_confirmed(connection, on, roles),
    )


def _in_hand(connection: Connection) -> dict[str, frozenset[str]]:
    """Return the orders that each agency has and has not done with."""
    query = select(repossession_order.c.agency_id, repossession_order.c.order_id).where(
        repossession_order.c.state.in_(IN_HAND),
        repossession_order.c.agency_id.is_not(None),
        ~and_(repossession_order.c.kind == "locate", repossession_order.c.state == "located"),
    )
    found: dict[str, set[str]] = defaultdict(set)
    for agency_id, order_id in connection.execute(query):
        found[agency_id].add(order_id)
    return {agency_id: frozenset(orders) for agency_id, orders in found.items()}


def newest_approvals(connection: Connection, order_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Return the newest approval of each order."""
    query = select(approval).where(approval.c.kind == "order", approval.c.subject_key.in_(order_ids))
    return {row.subject_key: row for row in connection.execute(query.order_by(approval.c.ordinal))}


def decisions_in_force(connection: Connection, on: date, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Return each account's newest decision up to ``on``, in its newest revision, with the run that it stands by.

    Its ledger is that of the run which made it; whether its day was released, and under which policy, says the newest
    run that decided the day: that one may have found the decision standing.
    """
    standing = run.alias("standing")
    last = (
        select(decision.c.account_id, func.max(decision.c.business_date).label("business_date"))
        .where(decision.c.account_id.in_(ids), decision.c.business_date <= on)
        .group_by(decision.c.account_id)
        .subquery()
    )
    query = (
        select(
            decision,
            run.c.snapshot_id,
            standing.c.plan_only,
            standing.c.released,
            standing.c.status,
            standing.c.policy_sha256.label("run_policy_sha256"),
        )
        .join(last, and_(decision.c.account_id == last.c.account_id, decision.c.business_date == last.c.business_date))
        .join(run, run.c.run_id == decision.c.run_id)
        .join(
            standing, standing.c.run_id == run_in_force(decision.c.business_date).correlate(decision).scalar_subquery()
        )
        .order_by(decision.c.revision)
    )
    return {row.account_id: row for row in connection.execute(query)}


def _ledger(
    artifacts_url: str, accounts: Mapping[str, Row[Any]], decisions: Mapping[str, Row[Any]]
) -> dict[str, Mapping[str, Any]]:
    from arrears.store.snapshot import accounts as frozen_accounts

    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for account_id, row in decisions.items():
        if row.snapshot_id and account_id in accounts:
            wanted[row.snapshot_id][accounts[account_id].subject_ref] = account_id
    found: dict[str, Mapping[str, Any]] = {}
    for snapshot_id, account_of in wanted.items():
        with suppress(CannotTell):  # a ledger that is gone proves nothing: checks fail, and recalls still go out
            for batch in frozen_accounts(artifacts_url, snapshot_id, LEDGER_COLUMNS):
                refs = batch.column("subject_ref").to_pylist()
                hits = [position for position, ref in enumerate(refs) if ref in account_of]
                if hits:
                    rows = batch.take(hits).to_pylist()
                    found |= {account_of[row["subject_ref"]]: row | {"snapshot_id": snapshot_id} for row in rows}
    return found


def _of(connection: Connection, table: Table, ids: Sequence[str], *conditions: Any) -> Rows:
    query = select(table).where(table.c.account_id.in_(ids), *conditions).order_by(*table.primary_key)
    return connection.execute(query).all()


def _parties(connection: Connection, ids: Sequence[str]) -> Rows:
    query = (
        select(account_party, party.c.name)
        .join(party, party.c.party_id == account_party.c.party_id)
        .where(account_party.c.account_id.in_(ids))
        .order_by(account_party.c.account_id, account_party.c.role, account_party.c.party_id)
    )
    return connection.execute(query).all()


def _letters_planned(connection: Connection, ids: Sequence[str]) -> Rows:
    query = (
        select(item)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(
            item.c.account_id.in_(ids),
            item.c.channel == "letter",
            item.c.dropped_reason.is_(None),
            contact.c.state.in_(NOTICE_STATES),
        )
    )
    return connection.execute(query).all()


def _finance_confirmed(connection: Connection, on: date, roles: Mapping[str, frozenset[str]]) -> bool:
    """Finance counts the payments on their way; a hand-off waits until one of them signs for none."""
    query = select(control).where(control.c.business_date == on, control.c.kind == "no_payment_in_flight")
    rows = connection.execute(query).all()
    return bool(rows) and all(row.value == 0 and "finance" in roles.get(row.confirmed_by or "", ()) for row in rows)


def _grouped(rows: Iterable[Row[Any]], key: str = "account_id") -> dict[str, Rows]:
    groups: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, key)].append(row)
    return {name: tuple(found) for name, found in groups.items()}


def is_open(order: Row[Any]) -> bool:
    """Say whether an order still binds somebody; one to locate is over when the machine is found."""
    return order.state in ORDER_OPEN and not (order.kind == "locate" and order.state == "located")


def holds_machine(order: Row[Any]) -> bool:
    """Say whether a machine is in the lender's hands by this order: recovered, and neither given back nor sold."""
    return order.state == "recovered" and order.machine in (None, "stored")
