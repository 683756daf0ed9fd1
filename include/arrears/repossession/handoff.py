"""Hand an approved order to an agency, effectively once: last check and intent in one transaction, then the call.

The call may be lost or repeated; the receiver keeps one order per key. Until it acknowledges, the order is offered
again, byte for byte, as long as every condition still holds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from arrears.approvals.questions import subject_of
from arrears.audit.record import record
from arrears.core.clock import local_date, utc_text
from arrears.core.errors import PermanentFailure, TemporaryFailure
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.repossession.agency import Agency
from arrears.repossession.checks import Check, blocking, run_checks
from arrears.repossession.document import Printer, keep_document, order_data, printed_order, read_document
from arrears.repossession.order_facts import order_facts
from arrears.repossession.sources import Sources, read_sources
from arrears.store.engine import reading, writing
from arrears.store.identity import paused, stamp_mode
from arrears.store.tables.repossession import approval, repossession_order

OFFERABLE = ("approved", "offered")
BLOCKED_CHARACTERS = 400


@dataclass(frozen=True)
class HandedOff:
    """What one pass did: first offers, offers repeated, acknowledgements, failed calls, and blocked orders by check."""

    offered: int = 0
    repeated: int = 0
    acknowledged: int = 0
    failed: int = 0
    blocked: dict[str, int] = field(default_factory=dict)
    withheld: str | None = None


def hand_off(
    rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy, agency: Agency, printer: Printer
) -> HandedOff:
    """Offer every approved order that passes all fourteen checks now, and offer again what is not acknowledged.

    An order whose sheet cannot be set does not leave without it: it is blocked like any other. A past or future
    business date sends nothing, and neither does a paused store.

    Raises:
        BadArguments: the store belongs to the other mode.
    """
    if business_date != local_date(rt.clock.now(), policy.time_zone):
        return HandedOff(withheld="past_date")
    with writing(engine) as connection:
        orders = _offerable(connection)
        if not orders or paused(connection):
            return HandedOff(withheld="paused" if orders else None)
        stamp_mode(connection, rt)
        accounts = [row.account_id for row in orders]
        sources = read_sources(connection, rt, business_date, policy, accounts)
        going: list[Row[Any]] = []
        documents: dict[str, bytes] = {}
        blocked: Counter[str] = Counter()
        for order in orders:
            failed = blocking(run_checks(order_facts(sources, rt, business_date, policy, order), policy))
            if not failed and order.state == "approved":
                failed = _print(sources, order, business_date, policy, printer, documents)
            _remember(connection, rt, run_id, business_date, sources, order, failed)
            blocked.update(check.code for check in failed)
            if not failed:
                going.append(order)
        first = [order for order in going if order.state == "approved"]
        for order in first:
            _intend(connection, rt, run_id, business_date, policy, sources, order, documents[order.order_id])
    acknowledged, failures = _send(rt, engine, run_id, business_date, agency, [order.order_id for order in going])
    return HandedOff(len(first), len(going) - len(first), acknowledged, failures, dict(sorted(blocked.items())))


def _print(
    sources: Sources, order: Row[Any], on: date, policy: Policy, printer: Printer, documents: dict[str, bytes]
) -> list[Check]:
    """Make the document of an order, or return what blocks it."""
    data = order_data(sources, order, on, expires_on_of(on, policy), policy)
    try:
        documents[order.order_id] = printed_order(data, printer)
    except PermanentFailure:
        return [Check("sheet", passed=False, detail="cannot_be_printed")]
    return []


def expires_on_of(on: date, policy: Policy) -> date:
    """Return the last day of an order that leaves on a day."""
    return on + timedelta(days=policy.repossession.order_expiry_days)


def _offerable(connection: Connection) -> Sequence[Row[Any]]:
    query = (
        select(repossession_order)
        .where(repossession_order.c.state.in_(OFFERABLE), ~repossession_order.c.imported)
        .order_by(repossession_order.c.order_no)
        .with_for_update()
    )
    orders = connection.execute(query).all()
    about = approval.c.subject_key.in_([order.order_id for order in orders])
    connection.execute(select(approval.c.approval_id).where(about).with_for_update())  # nobody withdraws meanwhile
    return orders


def _intend(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    business_date: date,
    policy: Policy,
    sources: Sources,
    order: Row[Any],
    content: bytes,
) -> None:
    """Write down that the order leaves, before it does."""
    expires_on = expires_on_of(business_date, policy)
    document = keep_document(rt.settings.artifacts_url, content)
    connection.execute(
        update(repossession_order)
        .where(repossession_order.c.order_id == order.order_id)
        .values(state="offered", offered_at=utc_text(rt.clock.now()), expires_on=expires_on, document_sha256=document)
    )
    behind = sources.approvals[order.order_id]
    connection.execute(update(approval).where(approval.c.approval_id == behind.approval_id).values(state="used"))
    record(
        connection,
        rt,
        run_id=run_id,
        type="handoff.offered",
        key=order.order_id,
        business_date=business_date,
        subject_ref=sources.accounts[order.account_id].subject_ref,
        causes=[behind.approval_id, order.packet_id],
        policy_sha256=policy.sha256,
        data={
            "order_no": order.order_no,
            "kind": order.kind,
            "agency_id": order.agency_id,
            "document_sha256": document,
            "facts_sha256": order.facts_sha256,
            "idempotency_key": order.idempotency_key,
            "expires_on": expires_on.isoformat(),
        },
    )


def _remember(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    business_date: date,
    sources: Sources,
    order: Row[Any],
    failed: list[Check],
) -> None:
    """Keep what blocks an order, and tell the log when that changes: a quarter-hourly pass is not an event."""
    words = "; ".join(f"{check.code} {check.detail}" for check in failed)[:BLOCKED_CHARACTERS] or None
    if words == order.blocked_by:
        return
    connection.execute(
        update(repossession_order).where(repossession_order.c.order_id == order.order_id).values(blocked_by=words)
    )
    if words:
        account = sources.accounts.get(order.account_id)
        record(
            connection,
            rt,
            run_id=run_id,
            type="handoff.blocked",
            key=order.order_id,
            business_date=business_date,
            subject_ref=account.subject_ref if account is not None else None,
            data={"order_no": order.order_no, "checks": [f"{check.code} {check.detail}" for check in failed]},
        )


def _send(
    rt: Runtime, engine: Engine, run_id: str, business_date: date, agency: Agency, order_ids: Sequence[str]
) -> tuple[int, int]:
    """Call the agency for each order that still stands offered; a failed call leaves it for the next pass."""
    acknowledged = failures = 0
    for order_id in order_ids:
        order = _still_offered(engine, order_id)
        if order is None:
            continue
        try:
            answer = agency.offer(
                order.idempotency_key, read_document(rt.settings.artifacts_url, order.document_sha256)
            )
        except (TemporaryFailure, PermanentFailure):
            failures += 1
            continue
        if answer.acknowledged:
            acknowledged += _acknowledge(rt, engine, run_id, business_date, order, answer.receipt)
    return acknowledged, failures


def _still_offered(engine: Engine, order_id: str) -> Row[Any] | None:
    """Look once more just before the call: a recall, a pause or another worker's answer may have come in between."""
    with reading(engine) as connection:
        if paused(connection):
            return None
        query = select(repossession_order).where(
            repossession_order.c.order_id == order_id, repossession_order.c.state == "offered"
        )
        return connection.execute(query).one_or_none()


def _acknowledge(rt: Runtime, engine: Engine, run_id: str, business_date: date, order: Row[Any], receipt: str) -> int:
    """Record the first acknowledgement; one that comes while the order is being recalled is kept too."""
    waiting = (repossession_order.c.order_id == order.order_id, repossession_order.c.acknowledged_at.is_(None))
    with writing(engine) as connection:
        changed = connection.execute(
            update(repossession_order).where(*waiting).values(acknowledged_at=utc_text(rt.clock.now()), receipt=receipt)
        ).rowcount
        connection.execute(
            update(repossession_order)
            .where(
                repossession_order.c.order_id == order.order_id,
                repossession_order.c.state == "offered",
            )
            .values(state="acknowledged")
        )
        if changed:
            record(
                connection,
                rt,
                run_id=run_id,
                type="handoff.acknowledged",
                key=order.order_id,
                business_date=business_date,
                subject_ref=subject_of(connection, order.account_id),
                causes=[order.order_id],
                data={"order_no": order.order_no, "receipt": receipt},
            )
    return changed
