"""How far the next promise is believed: by the promises kept and broken before it.

Score = (kept + 1) / (kept + broken + 2) over the last months (policy ``promises.score_months``); level = promises
broken in the episode. Below ``promises.reliable_percent`` a promise holds nothing unless money came with it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from arrears.audit.record import Event, record_many
from arrears.core.calendar import ONE_DAY, add_months
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.episodes import open_episodes
from arrears.ladder.policy import Policy
from arrears.ladder.received import Asked, received
from arrears.store.tables.feeds import promise
from arrears.store.tables.people import subject

PERCENT = 100


class Assessed(NamedTuple):
    """What a promise is worth on the day it is made."""

    level: int
    score_percent: int
    accepted: bool


def score(kept: int, broken: int) -> int:
    """Return the share of promises expected to be kept, in percent: Laplace, so that nobody starts at 0 or 100."""
    return (kept + 1) * PERCENT // (kept + broken + 2)


def assess(kept: int, broken: int, level: int, paid_now: int, policy: Policy) -> Assessed:
    """Judge one new promise; ``paid_now`` is what came with it, in minor units."""
    reliable = score(kept, broken)
    return Assessed(level, reliable, reliable >= policy.promises.reliable_percent or paid_now > 0)


def assess_promises(
    connection: Connection, rt: Runtime, run_id: str, snapshot_id: str, on: date, policy: Policy
) -> int:
    """Assess every open promise that was not assessed yet, and return how many."""
    query = (
        select(promise, subject.c.subject_ref)
        .join(subject, subject.c.account_id == promise.c.account_id)
        .where(promise.c.state == "open", promise.c.made_on <= on, promise.c.score_percent.is_(None))
        .order_by(promise.c.promise_key)
    )
    rows = connection.execute(query).all()
    if not rows:
        return 0
    past = _past(connection, {row.account_id for row in rows})
    episodes = open_episodes(connection)
    asked = [Asked(row.promise_key, row.subject_ref, row.made_on) for row in rows]
    money = received(connection, rt, snapshot_id, asked)
    found = []
    for row in rows:
        paid_now = money[row.promise_key].towards(row.made_on, row.made_on + ONE_DAY)
        since = episodes.get(row.account_id, row.made_on)
        found.append((row, _of(row, past.get(row.account_id, ()), since, paid_now, policy)))
    _write(connection, rt, run_id, found, on)
    return len(found)


def _of(row: Row[Any], past: Sequence[Row[Any]], episode_due: date, paid_now: int, policy: Policy) -> Assessed:
    since = add_months(row.made_on, -policy.promises.score_months)
    ended = [one for one in past if since <= one.made_on < row.made_on]
    broken = [one for one in ended if one.state == "broken"]
    level = sum(one.made_on >= episode_due for one in broken)
    return assess(len(ended) - len(broken), len(broken), level, paid_now, policy)


def _past(connection: Connection, accounts: set[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    query = select(promise.c.account_id, promise.c.made_on, promise.c.state)
    query = query.where(promise.c.state.in_(("kept", "broken")), promise.c.account_id.in_(accounts))
    for row in connection.execute(query):
        found[row.account_id].append(row)
    return found


def _write(
    connection: Connection, rt: Runtime, run_id: str, found: Sequence[tuple[Row[Any], Assessed]], on: date
) -> None:
    statement = (
        update(promise)
        .where(promise.c.promise_key == bindparam("key"))
        .values(level=bindparam("of_level"), score_percent=bindparam("of_score"), accepted=bindparam("is_accepted"))
    )
    rows = [{"key": row.promise_key, "of_level": one.level, "of_score": one.score_percent, "is_accepted": one.accepted}
            for row, one in found]  # fmt: skip
    connection.execute(statement, rows)
    events = (
        Event(type="promise.assessed", key=natural_key(row.promise_key, "assessed"), business_date=on,
              subject_ref=row.subject_ref, causes=[row.promise_key],
              data={"level": one.level, "score_percent": one.score_percent, "accepted": one.accepted})
        for row, one in found
    )  # fmt: skip
    record_many(connection, rt, run_id=run_id, events=events)
