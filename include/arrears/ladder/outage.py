"""What fell on the days since the store last worked: an outage, a held ledger, or the plan-only days of go-live."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from arrears.core.calendar import ONE_DAY, BusinessCalendar
from arrears.core.clock import local_date
from arrears.ladder.cycle import calendar_steps
from arrears.ladder.policy import Policy
from arrears.store.tables.runs import run

LOOK_BACK = 60
"""So many runs are looked at: one of a past date, run late, sent nothing and is passed over."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The days on which nothing could go out, and the steps of the running month that fell on such days."""

    working_days: int = 0
    steps: tuple[str, ...] = ()
    days: int = 0


NOTHING_MISSED = Missed()


def missed_before(connection: Connection, on: date, policy: Policy, calendar: BusinessCalendar) -> Missed:
    """Return what was missed between the last day that could send and ``on``; a new store has missed nothing."""
    last = _last_day_that_sent(connection, on, policy)
    if last is None or on - last <= ONE_DAY:
        return NOTHING_MISSED
    days = [last + timedelta(days=n) for n in range(1, (on - last).days)]
    steps = {
        name: None
        for day in days
        if (day.year, day.month) == (on.year, on.month)
        for name in calendar_steps(day, policy, calendar)
    }
    return Missed(sum(calendar.is_working_day(day) for day in days), tuple(steps), len(days))


def _last_day_that_sent(connection: Connection, on: date, policy: Policy) -> date | None:
    """Return the newest day with a released run of its own day; before the first one, the day before the first run."""
    done = select(run.c.business_date, run.c.started_at).where(
        run.c.kind == "daily", run.c.status == "completed", run.c.released, run.c.business_date < on
    )
    for day, started_at in connection.execute(done.order_by(run.c.business_date.desc()).limit(LOOK_BACK)):
        if local_date(datetime.fromisoformat(started_at), policy.time_zone) == day:
            return date.fromisoformat(str(day))
    first = select(func.min(run.c.business_date)).where(run.c.kind == "daily", run.c.business_date < on)
    found = connection.execute(first).scalar()
    return None if found is None else found - ONE_DAY
