"""What a collection agency answers: that it has an account, and that it has stopped after a recall.

Until it says so, a recalled account stays on hold: two callers for one debt are what the hold is there to prevent.
"""

from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from arrears.audit.record import Event, record_many
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.store.engine import writing
from arrears.store.tables.feeds import account, placement_report
from arrears.store.tables.outreach import placement

APPLIED = "applied"


def apply_placement_reports(rt: Runtime, engine: Engine, run_id: str) -> dict[str, int]:
    """Apply every report not looked at yet, oldest first; each is applied or refused once, with an event."""
    counts: dict[str, int] = {}
    query = (
        select(placement_report, account.c.subject_ref)
        .join(account, account.c.account_id == placement_report.c.account_id)
        .where(placement_report.c.result.is_(None), placement_report.c.at <= utc_text(rt.clock.now()))
        .order_by(placement_report.c.at, placement_report.c.placement_report_key)
    )
    with writing(engine) as connection:
        for report in connection.execute(query).all():
            placed = _placement(connection, report)
            reason = _refusal(placed, report)
            if reason is None:
                _move(connection, report)
            _settle(connection, rt, run_id, report, reason)
            counts[reason or report.state] = counts.get(reason or report.state, 0) + 1
    return counts


def _placement(connection: Connection, report: Row[Any]) -> Row[Any] | None:
    named = select(placement).where(
        placement.c.placement_id == report.placement_id, placement.c.account_id == report.account_id
    )
    return connection.execute(named.with_for_update()).one_or_none()


def _refusal(placed: Row[Any] | None, report: Row[Any]) -> str | None:
    """Return why a report cannot be applied, or None; nobody can have obeyed a recall that was not given yet."""
    if placed is None:
        return "no_such_placement"
    if report.state == "accepted":
        return None if placed.accepted_at is None else "is_accepted"
    if placed.state != "recall_sent":
        return f"is_{placed.state}"
    return None if report.at >= placed.recalled_at else "before_the_recall"


def _move(connection: Connection, report: Row[Any]) -> None:
    values = (
        {"accepted_at": report.at}
        if report.state == "accepted"
        else {"state": "recalled", "recall_acknowledged_at": report.at}
    )
    connection.execute(update(placement).where(placement.c.placement_id == report.placement_id).values(**values))


def _settle(connection: Connection, rt: Runtime, run_id: str, report: Row[Any], reason: str | None) -> None:
    own = placement_report.c.placement_report_key == report.placement_report_key
    connection.execute(update(placement_report).where(own).values(result=reason or APPLIED))
    kind = "placement.report_refused" if reason else f"placement.{_WORDS[report.state]}"
    told = Event(kind, report.placement_report_key, None, report.subject_ref, causes=[report.placement_id],
                 data={"state": report.state, "at": report.at, "reason": reason or ""})  # fmt: skip
    record_many(connection, rt, run_id=run_id, events=[told])


_WORDS = {"accepted": "accepted", "recalled": "recall_acknowledged"}
