"""Today: how the day stands, what held it, where the accounts are, and what waits for a person."""

import json
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from arrears.audit.access import record_access
from arrears.core.days import day_of
from arrears.core.errors import BadInput, CannotTell
from arrears.core.keys import sha256
from arrears.core.money import digits_of, format_minor
from arrears.core.runtime import Runtime
from arrears.desk.controls import control_lines
from arrears.desk.flow_chart import flow_chart
from arrears.desk.gates import name_of, why_failed
from arrears.reports.behind import LISTED
from arrears.reports.delivery import list_of
from arrears.reports.flow import Move, flow_of
from arrears.reports.mornings import Morning, exceptions_today
from arrears.reports.wording import Words
from arrears.steps import summary
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.runs import run

WHOLE = 100


def today(rt: Runtime, words: Words) -> dict[str, Any]:
    """Return the newest daily run: its figures, its checks, the accounts by stage and treatment, and the exceptions."""
    with reading(existing_store(rt)) as connection:
        newest, before = _newest_two(connection)
        if newest is None:
            return {"summary": None}
        morning = Morning(newest.business_date, newest.run_id)
        found = exceptions_today(connection, morning, policy_of(rt.settings))
        controls = control_lines(connection, newest.business_date, newest.run_id, words)
        since, moves = flow_of(connection, newest.business_date, newest.run_id)
    document = _document(rt, newest)
    earlier = json.loads(before.summary) if before is not None and before.summary else None
    totals = document["ledger"]["control_total_minor"]
    return {
        "summary": document,
        "has_lists": policy_of(rt.settings).digest.worklist_delivery == "desk",
        "unpaid": [
            f"{format_minor(minor, digits_of(code), grouped=True)} {code}" for code, minor in sorted(totals.items())
        ],
        "stages": _bars(document["stages"], earlier and earlier["stages"], "stage", words),
        "rungs": _bars(document["rungs"], earlier and earlier["rungs"], "rung", words),
        "controls": controls,
        "flow": _flow(since, moves, words),
        "gates": [
            (name_of(gate["name"], words), gate["passed"],
             "" if gate["passed"] else why_failed(gate["name"], str(gate["detail"]), words))
            for gate in document["ledger"]["gates"]
        ],
        "withheld": _reasons(document["date_totals"]["withheld"], words),
        "suppressed": _reasons(document["suppressed"], words),
        "exceptions": [
            (words.label("exception", line.kind), line.count, words.label("role", line.owner),
             line.age(newest.business_date), line.kind if line.kind in LISTED else "")
            for line in found
        ],
    }  # fmt: skip


def own_list(rt: Runtime, business_date: str, user: str) -> bytes:
    """Return the work list of whoever is logged in, the user id being the staff id; the download is recorded.

    Raises:
        BadInput: the date cannot be read.
        CannotTell: the policy delivers lists another way, the user is not on the staff, or has no list of that day.
    """
    policy, engine = policy_of(rt.settings), existing_store(rt)
    if policy.digest.worklist_delivery != "desk":
        raise CannotTell("the policy (digest.worklist_delivery) does not hand out lists on the desk")
    try:
        on = day_of(business_date)
    except ValueError:
        raise BadInput("the date is written as YYYY-MM-DD") from None
    content = list_of(rt.settings.artifacts_url, engine, user, on, policy)
    if content is None:
        raise CannotTell("you have no list of that day")
    record_access(rt, engine, "worklist", actor=user, business_date=on, data={"sha256": sha256(content)})
    return content


def _newest_two(connection: Connection) -> tuple[Any, Any]:
    """Return the newest daily run, and the last finished one of an earlier business date."""
    columns = (run.c.run_id, run.c.business_date, run.c.status, run.c.summary)
    query = select(*columns).where(run.c.kind == "daily").order_by(run.c.business_date.desc(), run.c.ordinal.desc())
    newest = connection.execute(query.limit(1)).first()
    if newest is None:
        return None, None
    earlier = query.where(run.c.business_date < newest.business_date, run.c.status == "completed")
    return newest, connection.execute(earlier.limit(1)).first()


def _document(rt: Runtime, newest: Any) -> dict[str, Any]:
    """Return the summary as it was written when the run was closed; a run under way is read as it stands."""
    if newest.summary and newest.status != "running":
        return dict(json.loads(newest.summary))
    return summary.read(rt, str(newest.run_id))


def _bars(
    counts: dict[str, int], earlier: dict[str, int] | None, family: str, words: Words
) -> list[tuple[str, int, int, int | None]]:
    """Return label, count, length in percent of the longest, and the change since the day before."""
    longest = max(1, *counts.values())
    return [
        (words.label(family, name), count, round(WHOLE * count / longest),
         None if earlier is None else count - earlier.get(name, 0))
        for name, count in sorted(counts.items())
    ]  # fmt: skip


def _flow(since: date | None, moves: list[Move], words: Words) -> dict[str, Any] | None:
    """Return the drawing of the moves since a day, and each move between stages in words, the largest first."""
    drawing = flow_chart(moves)
    if drawing is None or since is None:
        return None
    moved = sorted((one for one in moves if one.was != one.stage), key=lambda one: -one.accounts)
    said = []
    for one in moved:
        was, now = words.label("stage", one.was), words.label("stage", one.stage)
        said.append(words("desk.moved", was=was, now=now, count=one.accounts))
    return {"since": since.isoformat(), "chart": drawing, "moves": said}


def _reasons(counts: dict[str, int], words: Words) -> list[tuple[str, int]]:
    named: dict[str, int] = {}
    for code, count in counts.items():
        named[words.reason(code)] = named.get(words.reason(code), 0) + count
    return sorted(named.items(), key=lambda pair: (-pair[1], pair[0]))


def morning_of(rt: Runtime) -> Morning | None:
    """Return which day and run the pages speak of: the newest daily run."""
    with reading(existing_store(rt)) as connection:
        newest, _ = _newest_two(connection)
    return None if newest is None else Morning(newest.business_date, newest.run_id)


def business_date_of(rt: Runtime) -> date | None:
    """Return the business date of the newest daily run."""
    morning = morning_of(rt)
    return None if morning is None else morning.business_date
