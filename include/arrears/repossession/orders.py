"""From a ready packet to an order that waits for two people; changed facts take both away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, update

from arrears.approvals import questions
from arrears.approvals.target import targets_of
from arrears.audit.record import record
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.in_force import newest_decided_day
from arrears.ladder.policy import Policy
from arrears.repossession.checks import LAST_STAGE, RECOVERY_REMEDIES
from arrears.repossession.lockable import KIND as LOCK
from arrears.repossession.lockable import SERVICE
from arrears.repossession.order_facts import has_room, regions_of
from arrears.repossession.order_kinds import WHY_NOT, fitting, kinds_of
from arrears.repossession.sources import Sources, holds_machine, is_open, read_sources
from arrears.store.bulk import insert_new
from arrears.store.engine import writing
from arrears.store.tables.legal import packet
from arrears.store.tables.repossession import ORDER_UNSENT, approval, repossession_order


@dataclass(frozen=True)
class Proposed:
    """What a run changed: orders made, orders whose facts were gone, approvals asked again after they ran out."""

    proposed: int
    voided: int
    renewed: int


def propose_orders(rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy) -> Proposed:
    """Make one order for each ready packet whose remedy allows it, and ask for its approval.

    Which kind of order fits the machine says :mod:`arrears.repossession.order_kinds`. Orders not handed over whose
    packet, machine or people changed, or that no longer fit, are void with their approval; an approval past its last
    day is asked for again. Refused facts are not proposed twice, nor is an account of which money came on the business
    date. An earlier date than the one decided last proposes nothing and voids nothing.
    """
    with writing(engine) as connection:
        if business_date < (newest_decided_day(connection) or business_date):
            return Proposed(0, 0, 0)
        packets = _ready_packets(connection)
        unsent = connection.execute(
            select(repossession_order)
            .where(repossession_order.c.state.in_(ORDER_UNSENT))
            .order_by(repossession_order.c.order_no)
            .with_for_update()
        ).all()
        accounts = {*packets, *(order.account_id for order in unsent)}
        kinds, targets = kinds_of(connection, rt, policy, accounts), targets_of(connection, accounts)
        voided = {
            order.order_id: reason
            for order in unsent
            if (reason := _why_void(order, packets.get(order.account_id), kinds[order.account_id], targets))
        }
        for order in unsent:
            if order.order_id in voided:
                void_order(connection, rt, run_id, business_date, order, voided[order.order_id])
        sources = read_sources(connection, rt, business_date, policy, packets)
        renewed = sum(
            _renew(connection, rt, run_id, business_date, order) for order in unsent if order.order_id not in voided
        )
        kind_of = {
            name: fitting(kinds[name], row.facts_sha256, sources.orders.get(name, ())) for name, row in packets.items()
        }
        candidates = [
            row for row in packets.values() if _may_propose(sources, row, kind_of[row.account_id], business_date)
        ]
        proposed = sum(
            _propose(connection, rt, run_id, business_date, policy, sources, row, kind_of[row.account_id])
            for row in candidates
        )
    return Proposed(proposed, len(voided), renewed)


def void_order(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, order: Row[Any], reason: str
) -> None:
    """Close an order that was never handed over, together with what was agreed about it."""
    connection.execute(
        update(repossession_order)
        .where(repossession_order.c.order_id == order.order_id)
        .values(state="void", closed_reason=reason)
    )
    questions.void(connection, rt, run_id=run_id, order_id=order.order_id, business_date=business_date, reason=reason)
    record(
        connection,
        rt,
        run_id=run_id,
        type="order.void",
        key=order.order_id,
        business_date=business_date,
        subject_ref=questions.subject_of(connection, order.account_id),
        data={"order_no": order.order_no, "reason": reason},
    )


def _ready_packets(connection: Connection) -> dict[str, Row[Any]]:
    query = (
        select(packet)
        .where(
            packet.c.superseded_on.is_(None), packet.c.state == "ready", packet.c.chosen_remedy.in_(RECOVERY_REMEDIES)
        )
        .order_by(packet.c.account_id)
    )
    return {row.account_id: row for row in connection.execute(query)}


def _why_void(order: Row[Any], ready: Row[Any] | None, fit: Sequence[str], targets: Mapping[str, str]) -> str | None:
    same = ready is not None and ready.facts_sha256 == order.facts_sha256
    if not same or order.target_sha256 != targets.get(order.account_id):
        return "facts_changed"
    return None if order.kind in fit else WHY_NOT[order.kind]


def _may_propose(sources: Sources, ready: Row[Any], kind: str, business_date: date) -> bool:
    account_id = ready.account_id
    earlier = sources.orders.get(account_id, ())
    ledger, decision = sources.ledger.get(account_id), sources.decisions.get(account_id)
    if any(is_open(order) or holds_machine(order) for order in earlier) or ledger is None or decision is None:
        return False
    if account_id in sources.holds:
        return False  # nobody is asked to approve what may not leave
    refused = any(
        {order.closed_reason, order.recall_reason} & {"refused", "withdrawn"}
        and order.facts_sha256 == ready.facts_sha256
        and order.kind == kind
        for order in earlier
    )
    paid_today = ledger["last_paid_on"] is not None and ledger["last_paid_on"] >= business_date
    current = decision.business_date == business_date and ledger["stage"] == LAST_STAGE
    return current and not refused and not paid_today


def _renew(connection: Connection, rt: Runtime, run_id: str, business_date: date, order: Row[Any]) -> int:
    """Ask again where the approval has run out: an order never leaves on old agreement."""
    query = select(approval.c.approval_id).where(
        approval.c.subject_key == order.order_id,
        approval.c.kind == "order",
        approval.c.state == "approved",
        approval.c.expires_on < business_date,
    )
    if connection.execute(query).first() is None:
        return 0
    questions.void(
        connection,
        rt,
        run_id=run_id,
        order_id=order.order_id,
        business_date=business_date,
        reason="not_used_in_time",
        state="expired",
    )
    _ask(connection, rt, run_id, business_date, order.order_id, order.account_id, order.facts_sha256)
    connection.execute(
        update(repossession_order)
        .where(repossession_order.c.order_id == order.order_id)
        .values(state="awaiting_approval")
    )
    return 1


def _propose(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    business_date: date,
    policy: Policy,
    sources: Sources,
    ready: Row[Any],
    kind: str,
) -> int:
    account_id, decision = ready.account_id, sources.decisions[ready.account_id]
    episode_due = decision.episode_due or decision.oldest_unpaid_due or business_date
    ordinal = 1 + sum(
        order.episode_due == episode_due and order.kind == kind for order in sources.orders.get(account_id, ())
    )
    order_id = natural_key("order", account_id, episode_due.isoformat(), kind, ordinal)
    row = order_row(order_id, next_number(connection, business_date, kind), account_id, run_id) | {
        "episode_due": episode_due,
        "kind": kind,
        "ordinal": ordinal,
        "packet_id": ready.packet_id,
        "facts_sha256": ready.facts_sha256,
        "target_sha256": sources.targets[account_id],
        "state": "awaiting_approval",
        "proposed_on": business_date,
        "agency_id": _choose_agency(sources, account_id, kind, business_date),
        "imported": False,
    }
    if not insert_new(connection, repossession_order, [row]):
        return 0
    record(
        connection,
        rt,
        run_id=run_id,
        type="order.proposed",
        key=order_id,
        business_date=business_date,
        subject_ref=sources.accounts[account_id].subject_ref,
        causes=[ready.packet_id],
        policy_sha256=policy.sha256,
        data={
            "order_no": row["order_no"],
            "kind": kind,
            "remedy": ready.chosen_remedy,
            "facts_sha256": ready.facts_sha256,
        },
    )
    _ask(connection, rt, run_id, business_date, order_id, account_id, ready.facts_sha256)
    return 1


def _ask(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    business_date: date,
    order_id: str,
    account_id: str,
    facts_sha256: str,
) -> None:
    questions.request(
        connection,
        rt,
        run_id=run_id,
        kind="order",
        subject_key=order_id,
        facts_sha256=facts_sha256,
        business_date=business_date,
        account_id=account_id,
    )


def order_row(order_id: str, order_no: str, account_id: str, run_id: str) -> dict[str, Any]:
    """Return the columns every new order has; the key towards the agency says nothing about the account."""
    return {
        "order_id": order_id,
        "order_no": order_no,
        "account_id": account_id,
        "run_id": run_id,
        "idempotency_key": natural_key("handoff", order_id),
    }


def next_number(connection: Connection, day: date, kind: str) -> str:
    """Return the next order number of a day; orders are made in the order of their accounts, so a replay agrees.

    Who approves sees by the number whether a machine is to be taken (``RO``) or locked (``RL``).
    """
    prefix = f"{'RL' if kind == LOCK else 'RO'}-{day:%Y%m%d}-"
    last = connection.execute(
        select(func.max(repossession_order.c.order_no)).where(repossession_order.c.order_no.startswith(prefix))
    ).scalar()
    return f"{prefix}{int(last.rsplit('-', 1)[1]) + 1 if last else 1:04d}"


def _choose_agency(sources: Sources, account_id: str, kind: str, day: date) -> str | None:
    """Prefer the agency of the account's own region, then the first that does this, with valid papers and room."""
    branch = sources.accounts[account_id].branch
    fit = [
        (branch not in regions_of(row), agency_id)
        for agency_id, row in sources.agencies.items()
        if (not regions_of(row) or branch in regions_of(row))
        and _papers_valid(row, day)
        and has_room(sources, row)
        and (SERVICE if kind == LOCK else "recovery") in (row.services or "recovery").split(";")
    ]
    return min(fit)[1] if fit else None


def _papers_valid(agency: Row[Any], day: date) -> bool:
    def reaches(until: date | None) -> bool:
        return until is not None and until >= day

    return (
        bool(agency.licence_no and agency.data_agreement_ref)
        and reaches(agency.licence_until)
        and reaches(agency.insurance_until)
        and (agency.active_until is None or agency.active_until >= day)
    )
