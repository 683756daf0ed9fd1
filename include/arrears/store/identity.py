"""Which store this is: its mode is stamped by the first effect, and a pause stops all effects at once."""

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from arrears.core.clock import utc_text
from arrears.core.entropy import random_uuid
from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.store.tables.runs import store_identity


def ensure_identity(connection: Connection, rt: Runtime) -> None:
    """Give a new store its identity; an existing one keeps what it has.

    Asked again by whoever needs it: a process may die between the schema and this row.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {"id": 1, "store_uuid": random_uuid(rt.entropy), "created_at": utc_text(rt.clock.now())}
    connection.execute(dialect.insert(store_identity).values(row).on_conflict_do_nothing())


def stamp_mode(connection: Connection, rt: Runtime) -> None:
    """Stamp the store with the mode of its first effect, and refuse effects of the other mode ever after.

    Raises:
        BadArguments: the store belongs to the other mode, or a live store is given a rehearsal or seeded entropy.
    """
    mode = rt.settings.mode
    if mode == "live" and (rt.rehearsal or rt.entropy.seeded):
        raise BadArguments("a live store takes no rehearsal: use ARREARS_MODE=sandbox with its own ARREARS_HOME")
    ensure_identity(connection, rt)
    connection.execute(update(store_identity).where(store_identity.c.mode.is_(None)).values(mode=mode))
    refuse_other_mode(connection, rt)


def refuse_other_mode(connection: Connection, rt: Runtime) -> None:
    """Refuse a store whose first effect had the other mode; one without effects yet is anybody's.

    Raises:
        BadArguments: the store belongs to the other mode.
    """
    mode, stamped = rt.settings.mode, connection.execute(select(store_identity.c.mode)).scalar_one_or_none()
    if stamped not in (None, mode):
        raise BadArguments(
            f"this store is {stamped}, the mode is {mode}: choose another ARREARS_HOME or ARREARS_STORE_URL"
        )


def paused(connection: Connection) -> bool:
    """Say whether somebody has paused all effects."""
    return connection.execute(_PAUSED).scalar_one_or_none() is not None


_PAUSED = select(store_identity.c.paused_at)


def set_pause(connection: Connection, rt: Runtime, by: str | None) -> None:
    """Pause all effects in the name of ``by``, or resume with None; recalls go on either way."""
    ensure_identity(connection, rt)
    at = utc_text(rt.clock.now()) if by else None
    connection.execute(update(store_identity).values(paused_at=at, paused_by=by))
