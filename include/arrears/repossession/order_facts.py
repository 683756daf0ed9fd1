"""Turn rows of the store into the facts that the checks judge; no person's data is among them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row

from arrears.core.clock import local_date
from arrears.core.runtime import Runtime
from arrears.ladder.grave_default import TITLE_KEPT, default_of
from arrears.ladder.policy import Policy
from arrears.ladder.staff import collectors_of
from arrears.repossession.checks import AgencyFacts, ApprovalFacts, OrderFacts, VoteFacts
from arrears.repossession.lockable import why_not_lockable
from arrears.repossession.sources import (
    LETTERS,
    SUITS,
    Sources,
    holds_machine,
    is_open,
    read_sources,
)
from arrears.store.tables.feeds import CASES_OVER

SERVED = ("arrived", "refused", "returned")


def load_order_facts(
    connection: Connection, rt: Runtime, business_date: date, policy: Policy, orders: Sequence[Row[Any]]
) -> dict[str, OrderFacts]:
    """Read the facts of many orders at once, by order id, as of ``business_date`` and the clock."""
    ids = [order.account_id for order in orders]
    sources = read_sources(connection, rt, business_date, policy, ids)
    return {order.order_id: order_facts(sources, rt, business_date, policy, order) for order in orders}


def order_facts(sources: Sources, rt: Runtime, business_date: date, policy: Policy, order: Row[Any]) -> OrderFacts:
    """Assemble the facts of one order; without a decision or ledger row the checks fail, never pass."""
    facts = _bare(sources, rt, business_date, policy, order)
    account_id = order.account_id
    account = sources.accounts.get(account_id)
    if account is not None:
        facts = _with_account(facts, account)
    if account is not None and account_id in sources.decisions and account_id in sources.ledger:
        facts = _with_ledger(facts, sources.decisions[account_id], sources.ledger[account_id])
        is_older = sources.decisions[account_id].business_date < (sources.decided_day or date.min)
        if is_older and not account.data_incomplete:  # nothing was left to decide
            facts = replace(facts, stage=0, overdue_instalments=0, overdue_minor=0)
    if account_id in sources.packets:
        facts = _with_packet(facts, sources, policy, sources.packets[account_id])
    return facts


def _bare(sources: Sources, rt: Runtime, business_date: date, policy: Policy, order: Row[Any]) -> OrderFacts:
    account_id = order.account_id
    account = sources.accounts.get(account_id)
    others = [row for row in sources.orders.get(account_id, ()) if row.order_id != order.order_id]
    owner = account.owner if account is not None else None
    holds = _holds(sources, account_id, account)
    return OrderFacts(
        kind=order.kind,
        today=business_date,
        now=rt.clock.now(),
        live=rt.settings.mode == "live",
        proposed_on=order.proposed_on,
        order_facts_sha256=order.facts_sha256 or "",
        order_target_sha256=order.target_sha256,
        target_sha256=sources.targets.get(account_id),
        decided_on=None,
        plan_only=False,
        in_ledger=False,
        stage=0,
        overdue_instalments=0,
        overdue_minor=0,
        total_minor=0,
        paid_minor=0,
        debt_minor=0,
        last_paid_on=None,
        whole_paid_on=None,
        contract_type="",
        branch="",
        asset_serial=None,
        asset_value_minor=None,
        finance_confirmed=sources.finance_confirmed,
        payment_in_flight="payment_in_flight" in holds,
        holds=holds,
        other_orders=sum(is_open(row) or holds_machine(row) for row in others),
        open_suits=_open_suits(sources.cases.get(account_id, ())),
        rung=0,
        unlocked_rung=0,
        demand_arrived_on=None,
        basis=None,
        packet_state=None,
        packet_facts_sha256=None,
        packet_remedy=None,
        remedy_open=False,
        guarantees_until=(),
        limitation_until=None,
        serial_registered=False,
        spent_minor=sum(row.cost_minor or 0 for row in sources.reports.get(account_id, ())),
        located_at=_located_at(sources.locations.get(account_id, ())),
        parties_without_notice=0,
        agency=_agency(sources, order),
        approval=_approval(sources, order),
        collectors=collectors_of(owner, sources.assignments.get(account_id, ())),
        lock_refusals=tuple(why_not_lockable(sources.locations.get(account_id, ()), rt.clock.now(), policy)),
    )


def _with_account(facts: OrderFacts, account: Row[Any]) -> OrderFacts:
    closed = account.closed_on is not None and account.closed_on <= facts.today
    return replace(
        facts,
        in_ledger=not closed and not account.is_missing,
        contract_type=account.contract_type,
        branch=account.branch,
        asset_serial=account.asset_serial,
        asset_value_minor=account.asset_value_minor,
        currency=account.currency,
    )


def _with_ledger(facts: OrderFacts, decision: Row[Any], ledger: Any) -> OrderFacts:
    schedule, paid = ledger["schedule_minor"] or 0, ledger["paid_minor"] or 0
    default = default_of(
        facts.contract_type, ledger["overdue_instalments"], ledger["overdue_minor"], schedule_minor=schedule,
        paid_minor=paid, total_price_minor=ledger["total_price_minor"],
    )  # fmt: skip
    principal = ledger["principal_outstanding_minor"]
    return replace(
        facts,
        decided_on=decision.business_date,
        decided_under=decision.run_policy_sha256,
        stage=ledger["stage"],
        plan_only=decision.status in ("held", "failed") or (decision.plan_only and not decision.released),
        overdue_instalments=default.overdue_instalments,
        overdue_minor=default.overdue_minor,
        total_minor=default.total_minor,
        paid_minor=default.paid_minor,
        debt_minor=schedule - paid if principal is None else principal,
        last_paid_on=ledger["last_paid_on"],
        whole_paid_on=ledger["whole_paid_on"],
        rung=decision.rung,
        unlocked_rung=decision.unlocked_rung,
    )


def _with_packet(facts: OrderFacts, sources: Sources, policy: Policy, packet: Row[Any]) -> OrderFacts:
    account_id = packet.account_id
    documents = sources.documents.get(account_id, ())
    roles = policy.contact.audience_roles
    parties = sources.parties.get(account_id, ())
    debtors = {row.party_id for row in parties if row.role in roles["borrower"]}
    guarantors = {row.party_id for row in parties if row.role in roles["guarantors"]}
    clocks = packet.clocks or []
    return replace(
        facts,
        packet_state=packet.state,
        packet_facts_sha256=packet.facts_sha256,
        packet_remedy=packet.chosen_remedy,
        remedy_open=packet.chosen_remedy in (packet.open_remedies or []),
        guarantees_until=_guarantees(clocks, guarantors),
        limitation_until=min(_ends(clocks, "limitation"), default=None),
        demand_arrived_on=_demand_arrived(documents, debtors),
        basis=right_to_take(facts.contract_type, documents, sources.cases.get(account_id, ())),
        serial_registered=_registered(documents, facts.asset_serial),
        parties_without_notice=_without_notice(sources, account_id, debtors, guarantors),
    )


def _holds(sources: Sources, account_id: str, account: Row[Any] | None) -> tuple[str, ...]:
    hard, soft = sources.holds.get(account_id, ((), ()))
    kinds = {*hard, *soft}
    if account is not None and account.data_incomplete:
        kinds.add("data_incomplete")
    return tuple(sorted(kinds))


def _open_suits(cases: Iterable[Row[Any]]) -> int:
    newest = {(row.case_id, row.kind): row.state for row in sorted(cases, key=lambda row: row.at) if row.kind in SUITS}
    return sum(state not in CASES_OVER for state in newest.values())


def _located_at(locations: Iterable[Row[Any]]) -> datetime | None:
    return max((moment(row.at) for row in locations), default=None)


def moment(text: str) -> datetime:
    """Read a UTC moment as the store writes it."""
    return datetime.fromisoformat(text)


def local_day(text: str, policy: Policy) -> date:
    """Return the local day of a stored UTC moment."""
    return local_date(moment(text), policy.time_zone)


def _agency(sources: Sources, order: Row[Any]) -> AgencyFacts | None:
    row = sources.agencies.get(order.agency_id or "")
    if row is None:
        return None
    parties = {party.party_id for party in sources.parties.get(order.account_id, ())}
    return AgencyFacts(
        row.licence_no,
        row.licence_until,
        row.insurance_until,
        row.active_until,
        regions_of(row),
        row.agency_id in parties,
        bool(row.data_agreement_ref),
        has_room(sources, row, order.order_id),
    )


def has_room(sources: Sources, agency: Row[Any], order_id: str | None = None) -> bool:
    """Say whether an agency takes one more order beside those in its hands; no capacity in the register is no limit."""
    others = sources.in_hand.get(agency.agency_id, frozenset()) - {order_id}
    return agency.capacity is None or len(others) < agency.capacity


def regions_of(agency: Row[Any]) -> tuple[str, ...]:
    """Return the regions an agency serves, separated by ``;`` in the register; none means everywhere."""
    return tuple(part.strip() for part in agency.region.split(";") if part.strip())


def _approval(sources: Sources, order: Row[Any]) -> ApprovalFacts | None:
    row = sources.approvals.get(order.order_id)
    if row is None:
        return None
    votes = tuple(
        VoteFacts(
            vote.role,
            vote.staff_id,
            vote.decision,
            vote.identity,
            vote.role in sources.staff_roles.get(vote.staff_id, ()),
        )
        for vote in sources.votes.get(row.approval_id, ())
    )
    return ApprovalFacts(row.state, row.facts_sha256, row.expires_on, votes)


def _ends(clocks: Iterable[dict[str, str]], name: str) -> list[date]:
    return [date.fromisoformat(clock["expires_on"]) for clock in clocks if clock["name"] == name]


def _guarantees(clocks: Sequence[dict[str, str]], guarantors: set[str]) -> tuple[date | None, ...]:
    """Return the running guarantee clocks; None for a guarantor without a clock. A preserved claim no longer runs."""
    known = {clock["party_id"]: clock for clock in clocks if clock["name"] == "guarantee"}
    running = [party_id for party_id in sorted(guarantors) if not known.get(party_id, {}).get("preserved_on")]
    return tuple(
        date.fromisoformat(known[party_id]["expires_on"]) if party_id in known else None for party_id in running
    )


def _demand_arrived(documents: Iterable[Row[Any]], debtors: set[str]) -> date | None:
    """A letter registered without a party was sent to the borrower; two people stand for its service."""
    days = [
        row.served_on
        for row in documents
        if row.kind in LETTERS
        and row.service_result in SERVED
        and row.served_on is not None
        and (row.party_id or None) in {None, *debtors}
        and _two_people(row)
    ]
    return min(days, default=None)


def _two_people(row: Row[Any]) -> bool:
    return bool(row.confirmed_by and row.second_confirmed_by and row.confirmed_by != row.second_confirmed_by)


def right_to_take(contract_type: str, documents: Iterable[Row[Any]], cases: Iterable[Row[Any]]) -> str | None:
    """Name the right to take the machine: a court's order, or the contract of a lease or of a sale with title kept.

    Chattel mortgage and plain loan give no right to take it without a court (Civil Code 410).
    """
    if any(row.kind == "enforcement" and row.state not in CASES_OVER for row in cases):
        return "court"
    owned = contract_type in TITLE_KEPT
    return "agreed_recovery" if owned and any(row.kind == "contract" for row in documents) else None


def _registered(documents: Iterable[Row[Any]], serial: str | None) -> bool:
    """A registration counts when its title carries the serial, or when a person confirmed that it does."""
    return any(
        row.kind == "registration" and bool(row.confirmed_by or (serial and serial in (row.title or "")))
        for row in documents
    )


def _without_notice(sources: Sources, account_id: str, debtors: set[str], guarantors: set[str]) -> int:
    """Count debtors and guarantors to whom no letter went or is scheduled; co-debtors share the borrower's notice."""
    sent = {row.party_id for row in sources.documents.get(account_id, ()) if row.kind in LETTERS}
    sent |= {row.party_id for row in sources.letters_planned.get(account_id, ())}
    borrower_told = bool(debtors & sent) or bool({None, ""} & sent)
    return len(guarantors - sent) + (not borrower_told)
