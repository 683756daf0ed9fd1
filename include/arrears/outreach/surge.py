"""The breaker and the canary: a day's messages are compared like with like before they leave, large days go in steps.

A contact is counted by why it exists: *courtesy* (the cycle's own reminders), *fresh* (arrears of the last days, which
peak after a due date), *rest* (the long work). Each is held against days that are like this one, so that neither the
12th, nor the 15th, nor the days after a due date are anomalies (policy ``surge``).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, case, func, select, update

from arrears.audit.record import record
from arrears.core.calendar import BusinessCalendar
from arrears.core.clock import local_date, utc_text
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.ladder.policy_office import Surge
from arrears.store.bulk import replace_all
from arrears.store.engine import writing
from arrears.store.tables.outreach import channel_day, contact, item

MESSAGES = ("sms", "email")
KINDS = ("courtesy", "fresh", "rest")
"""Fresh arrears follow from the due date just past (policy ``surge.fresh_days``)."""

LOOK_BACK = timedelta(days=100)
NEAR, A_MONTH = 5, 20
"""A day of an earlier month is like this one when its day of the month is at most so far off, and it is so long ago."""

FEWEST_LIKE_DAYS = 3
PERCENT = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """How many contacts one channel had on one day, by kind."""

    business_date: date
    courtesy: int
    fresh: int
    rest: int

    @property
    def planned(self) -> int:
        """Return all of them."""
        return self.courtesy + self.fresh + self.rest


def judge(today: Seen, earlier: Sequence[Seen], calendar: BusinessCalendar, limits: Surge) -> list[str]:
    """Return what is out of all proportion to like days, with the figures; without like days nothing is."""
    found = []
    for kind in KINDS:
        count, like = getattr(today, kind), [getattr(day, kind) for day in _like(kind, today, earlier, calendar)]
        most = max(like, default=0)
        if like and count > limits.floor and count * PERCENT > max(most, limits.floor) * limits.factor_percent:
            found.append(f"{kind} {count}, at most {most} on {len(like)} like days")
    return found


def _like(kind: str, today: Seen, earlier: Sequence[Seen], calendar: BusinessCalendar) -> list[Seen]:
    if kind == "courtesy":
        return [day for day in earlier if day.courtesy][-6:]
    if kind == "fresh":
        return [day for day in earlier if _same_place_in_month(day.business_date, today.business_date)]
    worked = calendar.is_working_day(today.business_date)
    same = [day for day in earlier if calendar.is_working_day(day.business_date) is worked][-10:]
    return same if len(same) >= FEWEST_LIKE_DAYS else []


def _same_place_in_month(then: date, now: date) -> bool:
    off = abs(then.day - now.day)
    return (now - then).days >= A_MONTH and min(off, 30 - off) <= NEAR


def assess(rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy) -> dict[str, str]:
    """Compare a planned day with like days and return the channels that wait for a person, with the key to release.

    A channel that a person released stays so, unless far more was planned since. A past day sends nothing anyway.
    """
    if business_date < local_date(rt.clock.now(), policy.time_zone):
        return {}
    with writing(engine) as connection:
        counts = _counts(connection, business_date, policy)
        before = _rows(connection, business_date)
        for channel in MESSAGES:
            today = counts.get(channel, Seen(business_date, 0, 0, 0))
            reasons = judge(today, _earlier(connection, channel, business_date), policy.business_calendar(),
                            policy.surge)  # fmt: skip
            _write(connection, rt, run_id, channel, today, reasons, before.get(channel), policy)
        rows = _rows(connection, business_date)
    return {channel: row.release_key for channel, row in rows.items() if row.state == "held"}


def _write(
    connection: Connection, rt: Runtime, run_id: str, channel: str, today: Seen, reasons: list[str], before: Any,
    policy: Policy,
) -> None:  # fmt: skip
    day = today.business_date
    state = _state(today, reasons, before, policy.surge)
    detail = "; ".join(reasons)[:400] if state == "held" else ""
    row = {
        "business_date": day,
        "channel": channel,
        "courtesy": today.courtesy,
        "fresh": today.fresh,
        "rest": today.rest,
        "state": state,
        "detail": detail,
        "release_key": natural_key("surge", day.isoformat(), channel),
        "released_by": before.released_by if before and state == "released" else None,
        "changed_at": utc_text(rt.clock.now()),
    }
    replace_all(connection, channel_day, [row])
    if state == "held" and (before is None or before.state != "held"):
        _tell(connection, rt, run_id, row, "surge.held")


def _state(today: Seen, reasons: list[str], before: Any, limits: Surge) -> str:
    if before is not None and before.state == "released":
        known = before.courtesy + before.fresh + before.rest
        grown = today.planned * PERCENT > known * limits.factor_percent and today.planned > known + limits.floor
        return "held" if reasons and grown else "released"
    if reasons or (before is not None and before.state == "held" and before.detail.startswith("canary")):
        return "held"
    if before is not None and before.state == "open":
        return "open"
    return "canary" if today.planned >= limits.canary_from else "open"


def release(connection: Connection, rt: Runtime, run_id: str, release_key: str, by: str) -> bool:
    """Let a held channel go because a named person said so; False when the key is not of a held channel."""
    statement = (
        update(channel_day)
        .where(channel_day.c.release_key == release_key, channel_day.c.state == "held")
        .values(state="released", released_by=by[:120], changed_at=utc_text(rt.clock.now()))
        .returning(channel_day)
    )
    row = connection.execute(statement).first()
    if row is not None:
        _tell(connection, rt, run_id, row._mapping, "surge.released", actor=by)
    return row is not None


def _counts(connection: Connection, day: date, policy: Policy) -> dict[str, Seen]:
    decided = decisions_in_force(day)
    place = func.max(
        case(
            (item.c.occasion.startswith("cycle:"), 2), (decided.c.days_past_due <= policy.surge.fresh_days, 1), else_=0
        )
    )
    each = (
        select(contact.c.channel, place.label("place"))
        .join(item, item.c.contact_id == contact.c.contact_id)
        .outerjoin(decided, decided.c.account_id == item.c.account_id)
        .where(contact.c.business_date == day, contact.c.channel.in_(MESSAGES), item.c.dropped_reason.is_(None))
        .group_by(contact.c.contact_id, contact.c.channel)
        .subquery()
    )
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for channel, kind, count in connection.execute(
        select(each.c.channel, each.c.place, func.count()).group_by(each.c.channel, each.c.place)
    ):
        found[channel][2 - kind] = count
    return {channel: Seen(day, *counts) for channel, counts in found.items()}


def _rows(connection: Connection, day: date) -> dict[str, Any]:
    rows = connection.execute(select(channel_day).where(channel_day.c.business_date == day))
    return {row.channel: row for row in rows}


def _earlier(connection: Connection, channel: str, day: date) -> list[Seen]:
    """Return the days before, oldest first; a day that was held and never released is no measure."""
    columns = (channel_day.c.business_date, *(channel_day.c[kind] for kind in KINDS))
    query = select(*columns).where(
        and_(channel_day.c.channel == channel, channel_day.c.business_date < day),
        channel_day.c.business_date >= day - LOOK_BACK,
        channel_day.c.state != "held",
    )
    return [Seen(*row) for row in connection.execute(query.order_by(channel_day.c.business_date))]


def _tell(connection: Connection, rt: Runtime, run_id: str, row: Any, kind: str, *, actor: str = "system") -> None:
    data = {name: row[name] for name in ("channel", *KINDS, "detail")}
    record(connection, rt, run_id=run_id, type=kind, key=row["release_key"], business_date=row["business_date"],
           actor=actor, data=data)  # fmt: skip
