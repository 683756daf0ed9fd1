"""What agencies report on their orders: each report moves its order one step, or waits for a person to look at it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from arrears.approvals.questions import subject_of
from arrears.audit.record import record
from arrears.core.clock import local_date, utc_text
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.repossession.lockable import KIND
from arrears.repossession.order_facts import moment
from arrears.store.bulk import insert_new
from arrears.store.engine import writing
from arrears.store.tables.feeds import location, order_report
from arrears.store.tables.repossession import repossession_order

APPLIED = "applied"
ON_THE_WAY = ("offered", "acknowledged", "accepted", "located")
FROM = {
    "accepted": ("offered", "acknowledged"),
    "located": ("offered", "acknowledged", "accepted"),
    "recovered": ON_THE_WAY,
    "failed": ON_THE_WAY,
}
"""From which states of the order each report on the way may follow."""
AFTER = {
    "stored": (None,),
    "redeemed": (None, "stored"),
    "sold": (None, "stored"),
    "un_recovered": (None, "stored"),
}
"""What may have become of a recovered machine before each report that follows the recovery."""


@dataclass(frozen=True)
class Reported:
    """What one pass did: reports applied by state, and reports refused by reason."""

    applied: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


def apply_reports(rt: Runtime, engine: Engine, run_id: str, policy: Policy) -> Reported:
    """Apply every report not looked at yet, oldest first; each is applied or refused once, with an event.

    A recovery is accepted for an order to recover only, and never for one that was called back: such a report is
    refused, stays on show and leaves the recall standing.
    """
    applied: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    now = utc_text(rt.clock.now())
    with writing(engine) as connection:
        waiting = connection.execute(
            select(order_report)
            .where(order_report.c.result.is_(None), order_report.c.at <= now)
            .order_by(order_report.c.at, order_report.c.order_report_key)
        ).all()
        for report in waiting:
            order = _order(connection, report)
            reason = _refusal(order, report)
            if reason is None and order is not None:
                _move(connection, order, report)
                applied[report.state] += 1
            else:
                refused[reason or ""] += 1
            _settle(connection, rt, run_id, policy, order, report, reason)
    return Reported(dict(sorted(applied.items())), dict(sorted(refused.items())))


def _order(connection: Connection, report: Row[Any]) -> Row[Any] | None:
    named = select(repossession_order).where(
        repossession_order.c.order_no == report.order_no, repossession_order.c.account_id == report.account_id
    )
    return connection.execute(named.with_for_update()).one_or_none()


def _refusal(order: Row[Any] | None, report: Row[Any]) -> str | None:
    """Return why a report cannot be applied, or None."""
    if order is None:
        return "no_such_order"
    if report.state in AFTER:
        if order.state != "recovered":
            return "not_recovered"
        return None if order.machine in AFTER[report.state] else f"is_{order.machine}"
    if report.state == "recovered" and order.kind in ("locate", KIND):
        return f"{order.kind}_gives_no_right"
    return None if order.state in FROM[report.state] else f"is_{order.state}"


def _move(connection: Connection, order: Row[Any], report: Row[Any]) -> None:
    changes: dict[str, Any] = {"machine": report.state} if report.state in AFTER else {"state": report.state}
    if report.state == "recovered":
        changes["recovered_at"] = report.at
    if report.state == "failed":
        changes["closed_reason"] = "agency_failed"
    if order.acknowledged_at is None and report.state not in AFTER:
        changes["acknowledged_at"] = report.at  # who works on an order has taken note of it
    connection.execute(
        update(repossession_order).where(repossession_order.c.order_id == order.order_id).values(**changes)
    )
    if report.lat is not None and report.lon is not None:
        position = {"account_id": report.account_id, "at": report.at, "source": "agency"}
        key = natural_key(report.account_id, report.at, "agency")
        row = position | {
            "location_key": key,
            "lat": report.lat,
            "lon": report.lon,
            "site_type": report.site_type,
        }
        insert_new(connection, location, [row])


def _settle(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    policy: Policy,
    order: Row[Any] | None,
    report: Row[Any],
    reason: str | None,
) -> None:
    connection.execute(
        update(order_report)
        .where(order_report.c.order_report_key == report.order_report_key)
        .values(result=reason or APPLIED)
    )
    record(
        connection,
        rt,
        run_id=run_id,
        type="order.report_refused" if reason else f"order.{report.state}",
        key=report.order_report_key,
        business_date=local_date(moment(report.at), policy.time_zone),
        subject_ref=subject_of(connection, report.account_id),
        causes=[order.order_id] if order is not None else [],
        data={
            "order_no": report.order_no,
            "state": report.state,
            "at": report.at,
            "reason": reason or "",
            "cost_minor": report.cost_minor or 0,
            "cost_kind": report.cost_kind or "",
            "evidence_sha256": report.evidence_sha256 or "",
        },
    )
