"""Set a store up, and pause or resume its effects."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from arrears.audit.checkpoint import ensure_key
from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.steps.world import store_of
from arrears.store.engine import shown_url, writing
from arrears.store.identity import set_pause as write_pause
from arrears.store.migrate import existing_store
from arrears.store.tables.feeds import staff


@dataclass(frozen=True)
class Prepared:
    """A store that is ready, its URL without a password, and the name of the signing key."""

    store: str
    key_name: str


def prepare(rt: Runtime) -> Prepared:
    """Create or migrate the store and make a signing key if there is none."""
    engine = store_of(rt)
    signer = ensure_key(rt.settings, rt.entropy)
    return Prepared(engine.url.render_as_string(hide_password=True), signer.public.name)


def set_pause(rt: Runtime, by: str, *, paused: bool) -> str:
    """Stop all effects in somebody's name, or allow them again; both are events. Return which store it was.

    Raises:
        BadArguments: no store is there to be stopped, or its staff feed does not know the person.
    """
    engine, at = existing_store(rt), utc_text(rt.clock.now())
    with writing(engine) as connection:
        _refuse_stranger(connection, by)
        write_pause(connection, rt, by if paused else None)
        record(connection, rt, run_id=rt.attempt.run_id, type="effects.paused" if paused else "effects.resumed",
               key=natural_key(by, at), business_date=None, actor=by)  # fmt: skip
    return shown_url(str(rt.settings.store_url))


def _refuse_stranger(connection: Connection, by: str) -> None:
    """Refuse a name that the staff feed does not have; where no feed has come yet, any name will do."""
    known = connection.execute(select(func.count(), func.count().filter(staff.c.staff_id == by)).select_from(staff))
    people, found = known.one()
    if people and not found:
        raise BadArguments(f"staff {by!r} is not in the staff feed")
