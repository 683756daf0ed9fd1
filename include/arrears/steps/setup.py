"""Set a store up, and pause or resume its effects."""

from dataclasses import dataclass

from arrears.audit.checkpoint import ensure_key
from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.steps.world import store_of
from arrears.store.engine import writing
from arrears.store.identity import set_pause as write_pause


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


def set_pause(rt: Runtime, by: str, *, paused: bool) -> None:
    """Stop all effects in somebody's name, or allow them again; both are events."""
    at = utc_text(rt.clock.now())
    with writing(store_of(rt)) as connection:
        write_pause(connection, rt, by if paused else None)
        record(connection, rt, run_id=rt.attempt.run_id, type="effects.paused" if paused else "effects.resumed",
               key=natural_key(by, at), business_date=None, actor=by)  # fmt: skip
