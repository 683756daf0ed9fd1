"""How the store stands this minute, in figures for a dashboard: counts and ages, never an account or a person."""

from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.steps.world import store_of
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.outreach import contact
from arrears.store.tables.runs import gate, run

STATES = ("planned", "claimed", "sending", "sent", "rejected", "withheld", "in_doubt", "expired")
RED = ("held", "failed")


def pulse(rt: Runtime) -> dict[str, float]:
    """Return contacts by state of the newest business date, ages in seconds, and gates and runs that are red.

    ``in_doubt.age_seconds``: since the oldest message whose fate nobody knows was begun. ``seal.lag_seconds``: since
    the oldest event that no signed checkpoint covers yet. Both are 0 when there is none.
    """
    now = rt.clock.now()
    with reading(store_of(rt)) as connection:
        oldest_doubt = connection.execute(select(func.min(contact.c.intent_at)).where(contact.c.state == "in_doubt"))
        unsealed = connection.execute(select(func.min(audit_pending.c.at)))
        return {
            **_by_state(connection),
            "in_doubt.age_seconds": _age(oldest_doubt.scalar(), now),
            "seal.lag_seconds": _age(unsealed.scalar(), now),
            **_day(connection),
        }


def _by_state(connection: Connection) -> dict[str, float]:
    newest = select(func.max(contact.c.business_date)).scalar_subquery()
    query = select(contact.c.state, func.count()).where(contact.c.business_date == newest).group_by(contact.c.state)
    counted = {str(state): int(count) for state, count in connection.execute(query)}
    in_doubt = connection.execute(select(func.count()).where(contact.c.state == "in_doubt")).scalar_one()
    return {f"actions.{state}": float(counted.get(state, 0)) for state in (*STATES, *counted)} | {
        "in_doubt.count": float(in_doubt)
    }


def _day(connection: Connection) -> dict[str, float]:
    """Return what the newest daily run came to: gates that passed and failed, and whether the run is red."""
    daily = run.c.kind == "daily"
    newest = select(run.c.run_id, run.c.status).where(daily).order_by(run.c.business_date.desc(), run.c.ordinal.desc())
    row = connection.execute(newest.limit(1)).one_or_none()
    if row is None:
        return {"gates.passed": 0.0, "gates.failed": 0.0, "day.red": 0.0}
    failed = and_(gate.c.run_id == row.run_id, ~gate.c.passed, gate.c.overridden_by.is_(None))
    every = connection.execute(select(func.count()).where(gate.c.run_id == row.run_id)).scalar_one()
    held = connection.execute(select(func.count()).where(failed)).scalar_one()
    return {"gates.passed": float(every - held), "gates.failed": float(held), "day.red": float(row.status in RED)}


def _age(moment: str | None, now: datetime) -> float:
    """Return seconds since a stored UTC moment; a moment ahead of a rehearsed clock is 0 old."""
    if not moment or moment > utc_text(now):
        return 0.0
    return (now - datetime.fromisoformat(moment)).total_seconds()
