"""How accounts moved from stage to stage since the day before: counted with the digest, drawn on the desk."""

from collections import Counter
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select

from arrears.reports.scope import in_force, last_decided
from arrears.store.bulk import insert_all
from arrears.store.tables.decisions import decision
from arrears.store.tables.reports import flow_day

CLEAN = 0
"""The stage of an account without arrears, of which most have no decision."""


class Move(NamedTuple):
    """How many accounts went from one stage to another, or stayed."""

    was: int
    stage: int
    accounts: int


def keep_flow(connection: Connection, day: date, run_id: str) -> None:
    """Count the moves since the last decided day and keep them in the place of what was kept of this day."""
    connection.execute(delete(flow_day).where(flow_day.c.business_date == day))
    since = last_decided(connection, day)
    if since is None:
        return
    came = _came(connection, since, day)
    moves = [*came, *_left(connection, since, came)]
    origin = {"business_date": day, "since": since, "run_id": run_id}
    insert_all(
        connection,
        flow_day,
        (origin | {"was": one.was, "stage": one.stage, "count": one.accounts} for one in moves),
    )


def flow_of(connection: Connection, day: date, run_id: str) -> tuple[date | None, list[Move]]:
    """Return since when, and how, accounts moved by the morning of a run; nothing where no morning counted it."""
    table = flow_day.c
    query = select(table.since, table.was, table.stage, table.count).where(
        table.business_date == day, table.run_id == run_id
    )
    rows = connection.execute(query.order_by(table.was, table.stage)).all()
    return (rows[0].since if rows else None), [Move(*row[1:]) for row in rows]


def _in_arrears(day: date, name: str) -> Any:
    query = select(decision.c.account_id, decision.c.stage)
    return query.where(in_force(day, None), decision.c.stage > CLEAN).subquery(name)


def _came(connection: Connection, since: date, day: date) -> list[Move]:
    """Count where those who are in arrears now were."""
    now, then = _in_arrears(day, "now"), _in_arrears(since, "then")
    was = func.coalesce(then.c.stage, CLEAN)
    query = (
        select(was, now.c.stage, func.count())
        .select_from(now.outerjoin(then, then.c.account_id == now.c.account_id))
        .group_by(was, now.c.stage)
    )
    return [Move(*row) for row in connection.execute(query)]


def _left(connection: Connection, since: date, came: list[Move]) -> list[Move]:
    """Count where those who are in arrears no more, or in the ledger no more, were: who has not stayed has left."""
    then = _in_arrears(since, "then")
    stayed: Counter[int] = Counter()
    for move in came:
        stayed[move.was] += move.accounts
    query = select(then.c.stage, func.count()).group_by(then.c.stage)
    gone = {stage: count - stayed[stage] for stage, count in connection.execute(query)}
    return [Move(stage, CLEAN, count) for stage, count in gone.items() if count]
