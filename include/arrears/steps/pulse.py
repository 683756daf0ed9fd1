"""How the store stands this minute, in figures for a dashboard: counts and ages, never an account or a person."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from arrears.core.clock import at_local, local_date, utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.outreach.digest_left import owed
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.outreach import contact
from arrears.store.tables.runs import gate, run

STATES = ("planned", "claimed", "sending", "sent", "rejected", "withheld", "in_doubt", "expired")
RED = ("held", "failed")


class _Newest(NamedTuple):
    """The newest daily run."""

    run_id: str
    business_date: date
    status: str
    rehearsal: bool


def pulse(rt: Runtime) -> dict[str, float]:
    """Return contacts by state of the newest business date, the oldest doubt, and how the newest day stands.

    ``in_doubt.age_seconds``: since the oldest message whose fate nobody knows was begun, 0 when there is none.
    """
    now, policy = rt.clock.now(), policy_of(rt.settings)
    with reading(store_of(rt)) as connection:
        oldest_doubt = connection.execute(select(func.min(contact.c.intent_at)).where(contact.c.state == "in_doubt"))
        newest = _newest_day(connection)
        return {
            **_by_state(connection),
            "in_doubt.age_seconds": _age(oldest_doubt.scalar(), now),
            **_gates(connection, newest),
            "day.red": float(newest is not None and _is_red(newest, now, policy)),
            "day.missing": float(_is_missing(newest, now, policy)),
            "digest.not_sent": float(_digests_left(connection, newest)),
        }


def seal_lag(rt: Runtime) -> dict[str, float]:
    """Return the seconds since the oldest event that no signed checkpoint covers yet; 0 when there is none."""
    with reading(store_of(rt)) as connection:
        unsealed = connection.execute(select(func.min(audit_pending.c.at))).scalar()
    return {"seal.lag_seconds": _age(unsealed, rt.clock.now())}


def _by_state(connection: Connection) -> dict[str, float]:
    newest = select(func.max(contact.c.business_date)).scalar_subquery()
    query = select(contact.c.state, func.count()).where(contact.c.business_date == newest).group_by(contact.c.state)
    counted = {str(state): int(count) for state, count in connection.execute(query)}
    in_doubt = connection.execute(select(func.count()).where(contact.c.state == "in_doubt")).scalar_one()
    return {f"actions.{state}": float(counted.get(state, 0)) for state in (*STATES, *counted)} | {
        "in_doubt.count": float(in_doubt)
    }


def _newest_day(connection: Connection) -> _Newest | None:
    newest = select(run.c.run_id, run.c.business_date, run.c.status, run.c.rehearsal).where(run.c.kind == "daily")
    newest = newest.order_by(run.c.business_date.desc(), run.c.ordinal.desc())
    row = connection.execute(newest.limit(1)).one_or_none()
    return None if row is None else _Newest(*row)


def _gates(connection: Connection, newest: _Newest | None) -> dict[str, float]:
    """Return how many gates of the newest day passed, and how many hold it."""
    if newest is None:
        return {"gates.passed": 0.0, "gates.failed": 0.0}
    of_it = gate.c.run_id == newest.run_id
    every = connection.execute(select(func.count()).where(of_it)).scalar_one()
    failed = and_(of_it, ~gate.c.passed, gate.c.overridden_by.is_(None))
    held = connection.execute(select(func.count()).where(failed)).scalar_one()
    return {"gates.passed": float(every - held), "gates.failed": float(held)}


def _is_red(newest: _Newest, now: datetime, policy: Policy) -> bool:
    """Say whether the newest day was held, failed, or is still not done when the night's checks begin."""
    if newest.status in RED:
        return True
    over = at_local(newest.business_date, policy.clocks.night, policy.time_zone)
    return newest.status != "completed" and now >= over


def _is_missing(newest: _Newest | None, now: datetime, policy: Policy) -> bool:
    """Say whether today was not even begun by the hour at which its ledger is late; who rehearses has no today."""
    today = local_date(now, policy.time_zone)
    if now < at_local(today, policy.clocks.ledger_by, policy.time_zone):
        return False
    return newest is None or (newest.business_date < today and not newest.rehearsal)


def _digests_left(connection: Connection, newest: _Newest | None) -> int:
    """Count the digests and alarms of the newest day that the mail server did not take."""
    if newest is None:
        return 0
    left = owed(newest.business_date).subquery()
    return int(connection.execute(select(func.count()).select_from(left)).scalar_one())


def _age(moment: str | None, now: datetime) -> float:
    """Return seconds since a stored UTC moment; a moment ahead of a rehearsed clock is 0 old."""
    if not moment or moment > utc_text(now):
        return 0.0
    return (now - datetime.fromisoformat(moment)).total_seconds()
