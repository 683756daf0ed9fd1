"""A run of the day: opened once for each Airflow run or shell call, closed with what it came to."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from arrears.audit.record import package_version, record
from arrears.core.clock import PinnedClock, at_local, local_date, utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.core.runtime import Request, Runtime
from arrears.ladder.layers import refuse_before_its_day
from arrears.ladder.policy import Policy
from arrears.ladder.rulebook import keep_policy
from arrears.steps import golive
from arrears.steps.world import SHELL, build_runtime, policy_of, store_of
from arrears.store.artefacts import refuse_unknown_place
from arrears.store.bulk import insert_new
from arrears.store.engine import reading, writing
from arrears.store.identity import refuse_other_mode, stamp_mode
from arrears.store.tables.outreach import contact
from arrears.store.tables.runs import gate, run

LONGEST = timedelta(days=1)
"""What was begun in a shell and is not a day takes minutes; after so long nobody does it any more."""


@dataclass(frozen=True)
class Day:
    """One run as its steps see it."""

    run_id: str
    business_date: date
    status: str
    feeds_folder: str | None
    snapshot_id: str | None
    plan_only: bool
    released: bool
    settled_at: str | None


def open_run(rt: Runtime, kind: str, request: Request) -> str:
    """Open a run, or find the one this attempt belongs to, and return its id.

    A rehearsal makes the store a sandbox for good, before it plans anything: it can never become evidence.

    Raises:
        BadArguments: see ``refuse_early``, or a store of the other mode.
    """
    policy, on = refuse_early(rt, request)
    origin = natural_key(rt.attempt.dag_id, rt.attempt.run_id)
    with writing(store_of(rt)) as connection:
        known = connection.execute(select(run.c.run_id).where(run.c.origin_key == origin)).scalar_one_or_none()
        if known is not None:
            return str(known)
        (stamp_mode if rt.rehearsal else refuse_other_mode)(connection, rt)
        keep_policy(connection, policy)
        if kind == "daily" and not request.plan_only and golive.only_plans(connection, rt, policy, on):
            request = replace(request, plan_only=True)
        ordinal = _next_ordinal(connection, kind, on)
        run_id = f"{kind}-{on.isoformat()}-{ordinal}"
        connection.execute(run.insert().values(**_row(rt, request, policy, kind, on), run_id=run_id, ordinal=ordinal,
                                               origin_key=origin))  # fmt: skip
        data = {"kind": kind, "ordinal": ordinal, "rehearsal": rt.rehearsal, "plan_only": request.plan_only,
                **request.versions}  # fmt: skip
        record(connection, rt, run_id=run_id, type="run.started", key=run_id, business_date=on, data=data,
               policy_sha256=policy.sha256)  # fmt: skip
        _end_struck(connection, rt, run_id)
    return run_id


def refuse_early(rt: Runtime, request: Request) -> tuple[Policy, date]:
    """Return policy and business date of what is asked, and refuse what cannot be done before anything is written.

    Raises:
        BadArguments: a date in the future without a rehearsal clock, a policy that holds only later, or artefacts in a
            place that cannot be reached.
    """
    policy = policy_of(rt.settings)
    today = local_date(rt.clock.now(), policy.time_zone)
    on = request.business_date or local_date(request.asked_at, policy.time_zone)
    if on > today:
        raise BadArguments(f"--date {on}: that day has not come yet (today is {today}); rehearse it with --rehearsal")
    refuse_before_its_day(rt.settings.policy_file, on)
    refuse_unknown_place(rt.settings.artifacts_url)
    return policy, on


def end_abandoned(rt: Runtime, successor: str) -> None:
    """Give an end to the days that died in the middle: whoever holds the store's turn knows that nobody does them.

    Those of Airflow are left alone: it closes them itself, and its tasks do not take turns.
    """
    with writing(store_of(rt)) as connection:
        _end(connection, rt, successor, rt.attempt.dag_id, run.c.kind == "daily")


def _end_struck(connection: Connection, rt: Runtime, successor: str) -> None:
    """Give an end to what else was begun in a shell and never ended: after a day nobody does it any more."""
    since = utc_text(rt.clock.now() - LONGEST)
    _end(connection, rt, successor, SHELL, and_(run.c.kind != "daily", run.c.started_at < since))


def _end(connection: Connection, rt: Runtime, successor: str, dag_id: str, which: ColumnElement[bool]) -> None:
    query = select(run.c.run_id, run.c.business_date, run.c.attempt)
    query = query.where(run.c.status == "running", run.c.run_id != successor, which)
    for row in connection.execute(query).all():
        if json.loads(row.attempt).get("dag_id") != dag_id:
            continue
        values = {"status": "failed", "finished_at": utc_text(rt.clock.now())}
        connection.execute(update(run).where(run.c.run_id == row.run_id).values(**values))
        record(connection, rt, run_id=row.run_id, type="run.finished", key=row.run_id,
               business_date=row.business_date, data={"status": "failed", "abandoned_for": successor})  # fmt: skip


def _row(rt: Runtime, request: Request, policy: Policy, kind: str, on: date) -> dict[str, Any]:
    return {
        "kind": kind,
        "business_date": on,
        "status": "running",
        "rehearsal": rt.rehearsal,
        "plan_only": request.plan_only,
        "released": not request.plan_only,
        "started_at": utc_text(rt.clock.now()),
        "policy_sha256": policy.sha256,
        "code_version": package_version(),
        "code_id": rt.settings.code_id,
        "feeds_folder": request.feeds,
        "attempt": json.dumps({**rt.attempt.as_dict(), **request.versions}, sort_keys=True),
    }


def _next_ordinal(connection: Connection, kind: str, on: date) -> int:
    newest = select(func.max(run.c.ordinal)).where(run.c.kind == kind, run.c.business_date == on)
    return int(connection.execute(newest).scalar() or 0) + 1


def read_run(rt: Runtime, run_id: str) -> Day:
    """Return a run by its id.

    Raises:
        BadArguments: there is no such run.
    """
    columns = (run.c.run_id, run.c.business_date, run.c.status, run.c.feeds_folder, run.c.snapshot_id, run.c.plan_only,
               run.c.released, run.c.settled_at)  # fmt: skip
    with reading(store_of(rt)) as connection:
        row = connection.execute(select(*columns).where(run.c.run_id == run_id)).one_or_none()
    if row is None:
        raise BadArguments(f"no run {run_id}: `arrears runs` lists them")
    return Day(*row)


def is_newest(rt: Runtime, day: Day) -> bool:
    """Say whether no later business date has been decided: a past day plans, but moves no episode."""
    later = select(run.c.run_id).where(
        run.c.kind == "daily", run.c.business_date > day.business_date, run.c.status == "completed"
    )
    with reading(store_of(rt)) as connection:
        return connection.execute(later.limit(1)).first() is None


def run_of_origin(rt: Runtime, origin_key: str) -> str | None:
    """Return the id of the run that an Airflow run or a shell call opened, if it did."""
    with reading(store_of(rt)) as connection:
        found = connection.execute(select(run.c.run_id).where(run.c.origin_key == origin_key)).scalar_one_or_none()
    return None if found is None else str(found)


def newest_daily(rt: Runtime) -> str | None:
    """Return the id of the newest completed daily run, if any."""
    query = select(run.c.run_id).where(run.c.kind == "daily", run.c.status == "completed")
    with reading(store_of(rt)) as connection:
        found = connection.execute(query.order_by(run.c.business_date.desc(), run.c.ordinal.desc()).limit(1)).scalar()
    return None if found is None else str(found)


def rehearsed_date(rt: Runtime) -> date | None:
    """Return the business date of the newest daily run if that run was a rehearsal."""
    query = select(run.c.business_date, run.c.rehearsal).where(run.c.kind == "daily")
    with reading(store_of(rt)) as connection:
        newest = connection.execute(query.order_by(run.c.business_date.desc(), run.c.ordinal.desc()).limit(1)).first()
    return newest.business_date if newest is not None and newest.rehearsal else None


def on_its_day(rt: Runtime) -> Runtime:
    """Return the runtime in which people decide: a rehearsed day is decided on on that day."""
    rehearsed = None if rt.rehearsal else rehearsed_date(rt)
    return rt if rehearsed is None else build_runtime(rt.settings, rt.attempt, rehearsal_of=rehearsed)


def after_its_day(rt: Runtime) -> Runtime:
    """Return the runtime in which a rehearsed day learns of something: a second after all that was done on it so far.

    Nothing that left before may be taken to have known of it.
    """
    there = on_its_day(rt)
    if there is rt:
        return rt
    zone = policy_of(rt.settings).time_zone
    on = local_date(there.clock.now(), zone)
    end = at_local(on + timedelta(days=1), time.min, zone) - timedelta(seconds=1)
    with reading(store_of(rt)) as connection:
        known = _newest_moment(connection, on, end)
    if known is None:
        return there
    after = min(datetime.fromisoformat(known) + timedelta(seconds=1), end)
    return replace(there, clock=PinnedClock(max(after, there.clock.now())))


def _newest_moment(connection: Connection, on: date, end: datetime) -> str | None:
    """Return the newest moment of a business date that its runs and its contacts tell, up to its end."""
    told = ((run, ("started_at", "settled_at", "finished_at")), (contact, ("intent_at", "sent_at")))
    queries = [
        select(func.max(table.c[name])).where(table.c.business_date == on, table.c[name] <= utc_text(end))
        for table, names in told
        for name in names
    ]
    return max(filter(None, (connection.execute(query).scalar() for query in queries)), default=None)


def states_of(rt: Runtime, on: date) -> list[str]:
    """Return the states of a day's daily runs, in order."""
    query = select(run.c.status).where(run.c.kind == "daily", run.c.business_date == on).order_by(run.c.ordinal)
    with reading(store_of(rt)) as connection:
        return [str(status) for status in connection.execute(query).scalars()]


def list_runs(rt: Runtime) -> list[dict[str, str]]:
    """Return every run, newest first."""
    query = select(run.c.run_id, run.c.business_date, run.c.status, run.c.started_at)
    with reading(store_of(rt)) as connection:
        rows = connection.execute(query.order_by(run.c.started_at.desc(), run.c.run_id.desc())).all()
    return [{name: str(value) for name, value in row._mapping.items()} for row in rows]


def set_run(rt: Runtime, run_id: str, **values: Any) -> None:
    """Change columns of a run."""
    with writing(store_of(rt)) as connection:
        connection.execute(update(run).where(run.c.run_id == run_id).values(**values))


def hold_as_late(rt: Runtime, this: Day) -> None:
    """Hold a run whose ledger has not come: nobody is contacted on an old one, and lateness is no failure of ours."""
    row = {
        "run_id": this.run_id,
        "name": "ledger_arrived",
        "passed": False,
        "detail": f"no complete ledger of {this.business_date}: its folder has no _DONE marker",
    }
    with writing(store_of(rt)) as connection:
        if insert_new(connection, gate, [row]):
            record(connection, rt, run_id=this.run_id, type="ledger.late", key=this.run_id,
                   business_date=this.business_date)  # fmt: skip


def gates_of(connection: Connection, run_id: str) -> list[dict[str, Any]]:
    """Return the gates of a run, each with name, passed and detail."""
    query = select(gate.c.name, gate.c.passed, gate.c.detail).where(gate.c.run_id == run_id).order_by(gate.c.name)
    return [dict(row._mapping) for row in connection.execute(query)]
