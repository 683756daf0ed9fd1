"""Copy what users did in Airflow into the audit log, each once: Airflow's own log may be purged, ours may not."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, select

from arrears.audit.record import Event, record_many
from arrears.audit.user_actions_http import Entry
from arrears.core.clock import utc_text
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.store.bulk import insert_new, replace_all
from arrears.store.engine import reading, writing
from arrears.store.tables.oversight import collection, user_action
from arrears.store.tables.runs import run

SOURCE = "airflow"
OVERLAP = timedelta(hours=1)
"""Read again so far back: an entry may be committed after a later one."""


def are_collected(connection: Connection) -> bool:
    """Say whether the last look at Airflow's event log succeeded; a store that never looked has not collected."""
    query = select(collection.c.state).where(collection.c.source == SOURCE)
    return connection.execute(query).scalar() == "collected"


def read_until(engine: Engine) -> datetime | None:
    """Return from which moment on the event log is to be read, UTC; None before the first time."""
    with reading(engine) as connection:
        query = select(collection.c.read_until).where(collection.c.source == SOURCE)
        found = connection.execute(query).scalar()
    return datetime.fromisoformat(found) - OVERLAP if found else None


def copy_actions(rt: Runtime, engine: Engine, run_id: str, on: date, entries: Iterable[Entry]) -> int:
    """Record each entry that is not copied yet as ``airflow.user_action``, move the cursor, return how many are new."""
    given = {(entry.event_log_id, entry.happened_at): entry for entry in entries}
    with writing(engine) as connection:
        query = select(user_action.c.event_log_id, user_action.c.happened_at)
        earliest = min((happened_at for _, happened_at in given), default="")
        known = {tuple(row) for row in connection.execute(query.where(user_action.c.happened_at >= earliest))}
        new = [given[key] for key in sorted(given.keys() - known)]
        rows = ({"event_log_id": entry.event_log_id, "happened_at": entry.happened_at, "event": entry.event,
                 "run_id": run_id} for entry in new)  # fmt: skip
        insert_new(connection, user_action, rows)
        record_many(connection, rt, run_id=run_id, events=[_event(connection, entry, on) for entry in new])
        now = utc_text(rt.clock.now())
        newest = max([entry.happened_at for entry in new] + [_cursor(connection) or ""])
        _keep(connection, state="collected", looked_at=now, read_until=newest or now, detail="")
    return len(new)


def note_not_collected(rt: Runtime, engine: Engine, reason: str) -> None:
    """Write down that nothing was read, and why: the digest says so until it works again."""
    with writing(engine) as connection:
        _keep(connection, state="not_collected", looked_at=utc_text(rt.clock.now()), read_until=_cursor(connection),
              detail=reason[:200])  # fmt: skip


def _cursor(connection: Connection) -> str | None:
    return connection.execute(select(collection.c.read_until).where(collection.c.source == SOURCE)).scalar()


def _keep(connection: Connection, **values: str | None) -> None:
    replace_all(connection, collection, [{"source": SOURCE, **values}])


def _event(connection: Connection, entry: Entry, on: date) -> Event:
    about = None
    if {"dag_id", "airflow_run_id"} <= entry.where.keys():
        origin = natural_key(entry.where["dag_id"], entry.where["airflow_run_id"])
        about = connection.execute(select(run.c.run_id).where(run.c.origin_key == origin)).scalar()
    data = {"event": entry.event, "happened_at": entry.happened_at, "said": entry.said, **entry.where}
    return Event(
        type="airflow.user_action",
        key=natural_key(SOURCE, entry.event_log_id, entry.happened_at),
        business_date=on,
        actor=f"airflow:{entry.owner}",
        data=data | ({"about_run": about} if about else {}),
        causes=[about] if about else [],
    )
