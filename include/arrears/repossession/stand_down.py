"""Call an order back the moment it should not have been given: recalls know no pause and end only when acknowledged."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, select, update

from arrears.approvals import questions
from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.errors import PermanentFailure, TemporaryFailure
from arrears.core.runtime import Runtime
from arrears.ladder.in_force import newest_decided_day
from arrears.ladder.policy import Policy
from arrears.repossession.agency import Agency
from arrears.repossession.checks import LAST_STAGE, OrderFacts, run_checks
from arrears.repossession.document import recall_document
from arrears.repossession.lockable import KIND
from arrears.repossession.order_facts import load_order_facts
from arrears.store.engine import reading, writing
from arrears.store.identity import stamp_mode
from arrears.store.tables.repossession import repossession_order

OUT = ("offered", "acknowledged", "accepted", "located")
MACHINE_FOUND = and_(repossession_order.c.kind == "locate", repossession_order.c.state == "located")
"""An order to locate that has done its work: there is nothing to call back."""
AGENCY_CHECK = "C10"


@dataclass(frozen=True)
class StoodDown:
    """What one pass did: recalls decided by reason, recalls acknowledged, recalls still to be repeated."""

    recalled: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0
    waiting: int = 0


def stand_down(
    rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy, agency: Agency
) -> StoodDown:
    """Recall every order that is out and should not be, and repeat each recall until the agency acknowledges it.

    Any payment in whole or part since the order, a cure, a hold or open promise, a withdrawn approval, changed facts,
    an agency whose papers ran out, or the order's last day recalls it. Orders are judged as of the day decided last:
    the run of an earlier date takes nothing from an order that was rightly given since.

    Raises:
        BadArguments: the store belongs to the other mode.
    """
    reasons: Counter[str] = Counter()
    with writing(engine) as connection:
        orders = connection.execute(
            select(repossession_order)
            .where(repossession_order.c.state.in_(OUT), ~MACHINE_FOUND)
            .order_by(repossession_order.c.order_no)
            .with_for_update()
        ).all()
        judged_on = max(business_date, newest_decided_day(connection) or business_date)
        facts = load_order_facts(connection, rt, judged_on, policy, orders)
        for order in orders:
            reason = recall_reason(order, facts[order.order_id], policy)
            if reason:
                _intend(connection, rt, run_id, business_date, policy, order, reason)
                reasons[reason] += 1
        waiting = _to_recall(connection)
        if waiting:
            stamp_mode(connection, rt)
    acknowledged = sum(_recall(rt, engine, run_id, business_date, agency, order) for order in waiting)
    return StoodDown(dict(sorted(reasons.items())), acknowledged, len(waiting) - acknowledged)


def unacknowledged_recalls(engine: Engine, older_than: datetime | None = None) -> list[str]:
    """Return the numbers of orders whose recall nobody has confirmed: the first thing a person must look at.

    ``older_than`` keeps those sent up to that moment: the policy says how long an agency may stay silent.
    """
    until = utc_text(older_than) if older_than is not None else None
    with reading(engine) as connection:
        return [row.order_no for row in _to_recall(connection) if until is None or row.recalled_at <= until]


def recall_reason(order: Row[Any], facts: OrderFacts, policy: Policy) -> str | None:
    """Return why an order that is out must come back, or None; the first reason in order of weight."""
    decided = facts.decided_on is not None
    agency = next(check for check in run_checks(facts, policy) if check.code == AGENCY_CHECK)
    reasons = (
        (not order.imported and (facts.approval is None or facts.approval.state != "used"), "withdrawn"),
        (decided and facts.last_paid_on is not None and facts.last_paid_on >= order.proposed_on, "payment"),
        (not facts.in_ledger, "not_in_ledger"),
        (decided and facts.stage < LAST_STAGE, "cured"),
        (bool(facts.holds), f"hold_{facts.holds[0]}" if facts.holds else ""),
        (not order.imported and _changed(facts), "facts_changed"),
        (order.kind == KIND and not policy.repossession.remote_lock.enabled, "lock_not_enabled"),
        (order.expires_on is not None and order.expires_on < facts.today, "expired"),
        (not agency.passed and not order.imported, "agency_not_valid"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _changed(facts: OrderFacts) -> bool:
    another_packet = facts.packet_state != "ready" or facts.packet_facts_sha256 != facts.order_facts_sha256
    return another_packet or facts.names_another


def _to_recall(connection: Connection) -> Sequence[Row[Any]]:
    query = select(repossession_order).where(repossession_order.c.state == "recall_sent")
    return connection.execute(query.order_by(repossession_order.c.order_no)).all()


def _intend(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy, order: Row[Any], reason: str
) -> None:
    """Write the recall down before it is sent, and take the approval away."""
    connection.execute(
        update(repossession_order)
        .where(repossession_order.c.order_id == order.order_id)
        .values(state="recall_sent", recall_reason=reason, recalled_at=utc_text(rt.clock.now()))
    )
    questions.void(connection, rt, run_id=run_id, order_id=order.order_id, business_date=business_date, reason=reason)
    record(
        connection,
        rt,
        run_id=run_id,
        type="handoff.withdrawn",
        key=order.order_id,
        business_date=business_date,
        subject_ref=questions.subject_of(connection, order.account_id),
        causes=[order.order_id],
        policy_sha256=policy.sha256,
        data={"order_no": order.order_no, "reason": reason},
    )


def _recall(rt: Runtime, engine: Engine, run_id: str, business_date: date, agency: Agency, order: Row[Any]) -> int:
    """Send one recall; return 1 when it was acknowledged for the first time."""
    try:
        answer = agency.recall(order.idempotency_key, recall_document(order))
    except (TemporaryFailure, PermanentFailure):
        return 0
    if not answer.acknowledged:
        return 0
    waiting = (repossession_order.c.order_id == order.order_id, repossession_order.c.state == "recall_sent")
    with writing(engine) as connection:
        changed = connection.execute(
            update(repossession_order)
            .where(*waiting)
            .values(state="recalled", recall_acknowledged_at=utc_text(rt.clock.now()))
        ).rowcount
        if changed:
            record(
                connection,
                rt,
                run_id=run_id,
                type="handoff.withdrawal_acknowledged",
                key=order.order_id,
                business_date=business_date,
                subject_ref=questions.subject_of(connection, order.account_id),
                causes=[order.order_id],
                data={"order_no": order.order_no, "receipt": answer.receipt},
            )
    return changed
