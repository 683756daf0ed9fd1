"""The canary: of a large day the first hundredth goes, and the rest only after what came of it is known."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select, update

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.store.engine import writing
from arrears.store.tables.feeds import outcome
from arrears.store.tables.outreach import OPEN_STATES, channel_day, contact

PERCENT = 100
FIRST = "028f5c29"
"""A contact belongs to the first hundredth when its key, a hash, lies below this: 1 % of all keys, whoever asks."""

LEFT = ("sent", "rejected", "in_doubt")
FAILED_LATER = ("bounced", "not_delivered")


@dataclass(frozen=True, slots=True)
class Valve:
    """Which channels are shut, and of which only the first hundredth may go."""

    held: frozenset[str] = frozenset()
    canary: frozenset[str] = frozenset()

    def clause(self) -> ColumnElement[bool]:
        """Return the valve as a condition on ``contact``."""
        shut = contact.c.channel.not_in(sorted(self.held))
        return and_(shut, or_(contact.c.channel.not_in(sorted(self.canary)), contact.c.contact_id < FIRST))


OPEN = Valve()


def valve_of(rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy) -> Valve:
    """Return what may leave now, after looking at what came of the first hundredth where one went ahead."""
    with writing(engine) as connection:
        rows = connection.execute(select(channel_day).where(channel_day.c.business_date == business_date)).all()
        states = {row.channel: row.state for row in rows}
        for row in rows:
            if row.state == "canary":
                states[row.channel] = _look(connection, rt, run_id, row, policy)
    held = frozenset(channel for channel, state in states.items() if state == "held")
    return Valve(held, frozenset(channel for channel, state in states.items() if state == "canary"))


def _look(connection: Connection, rt: Runtime, run_id: str, row: Any, policy: Policy) -> str:
    """Decide on one channel: wait on, let the rest go, or hold it for a person."""
    first = and_(contact.c.business_date == row.business_date, contact.c.channel == row.channel,
                 contact.c.contact_id < FIRST)  # fmt: skip
    left, began = connection.execute(
        select(func.count(), func.min(contact.c.intent_at)).where(first, contact.c.state.in_(LEFT))
    ).one()
    if began is None:
        waiting = select(contact.c.contact_id).where(first, contact.c.state.in_(OPEN_STATES)).limit(1)
        return row.state if connection.execute(waiting).first() else _set(connection, rt, run_id, row, "open", "")
    if rt.clock.now() < datetime.fromisoformat(began) + timedelta(minutes=policy.surge.canary_wait_minutes):
        return str(row.state)
    failed = _failed(connection, first)
    if failed * PERCENT > left * policy.surge.canary_failed_percent:
        return _set(connection, rt, run_id, row, "held", f"canary: {failed} of the first {left} failed")
    return _set(connection, rt, run_id, row, "open", "")


def _failed(connection: Connection, first: ColumnElement[bool]) -> int:
    later = select(outcome.c.evidence_ref).where(
        outcome.c.evidence_ref == contact.c.contact_id, outcome.c.outcome.in_(FAILED_LATER)
    )
    failed = or_(contact.c.state.in_(("rejected", "in_doubt")), later.exists())
    query = select(func.count()).select_from(contact).where(first, contact.c.state.in_(LEFT), failed)
    return int(connection.execute(query).scalar_one())


def _set(connection: Connection, rt: Runtime, run_id: str, row: Any, state: str, detail: str) -> str:
    """Change the state once, whoever looks first."""
    statement = (
        update(channel_day)
        .where(channel_day.c.business_date == row.business_date, channel_day.c.channel == row.channel)
        .where(channel_day.c.state == "canary")
        .values(state=state, detail=detail, changed_at=utc_text(rt.clock.now()))
    )
    if connection.execute(statement).rowcount:
        record(connection, rt, run_id=run_id, type="surge.held" if state == "held" else "surge.opened",
               key=row.release_key, business_date=row.business_date,
               data={"channel": row.channel, "detail": detail})  # fmt: skip
    return state
