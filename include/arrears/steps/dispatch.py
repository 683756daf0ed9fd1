"""The steps of ``arrears_dispatch``: every quarter of an hour, what is due now; recalls at all hours."""

from collections import Counter
from datetime import datetime
from typing import Any

from arrears.core.clock import PinnedClock, local_date
from arrears.core.errors import ArrearsError, BadArguments, GateHeld
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.core.settings import Settings


def open_dispatch(rt: Runtime, request: Request) -> str:
    """Open a dispatch run for today's business date."""
    from arrears.steps import runs

    return runs.open_run(rt, "dispatch", request)


def send_due(rt: Runtime, dispatch: str) -> dict[str, int]:
    """Send every contact whose slot is open, all gates asked again at that moment, and then the digests left over.

    Far west the business date of yesterday may still be today; a date that is past where the person is never sends.

    Raises:
        GateHeld: a date was decided under another policy; the others were sent all the same.
    """
    from arrears.outreach.batches import open_days
    from arrears.outreach.dispatch import dispatch as send
    from arrears.steps import channels, digest, runs, surge, world

    this, engine = runs.read_run(rt, dispatch), world.store_of(rt)
    days = {this.business_date, *open_days(engine, rt.clock.now())}
    ends: Counter[str] = Counter()
    held: GateHeld | None = None
    with channels.contact_channels(rt) as adapters:
        for day in sorted(days):
            valve = surge.valve_of(rt, this, day)
            try:
                ends.update(send(rt, engine, dispatch, adapters, business_date=day, valve=valve))
            except GateHeld as gate:
                held = gate
    digests = digest.send_left(rt)
    if held is not None:
        raise held
    return {**ends, "digests": digests}


def settle_orders(rt: Runtime, dispatch: str) -> dict[str, Any]:
    """Send recalls first, then hand over approved orders and ask again for what was not acknowledged."""
    from arrears.steps import orders, runs

    return orders.settle(rt, runs.read_run(rt, dispatch))


def close_dispatch(rt: Runtime, dispatch: str) -> dict[str, Any]:
    """Put what is in doubt before a person, and seal what the dispatch did."""
    from arrears.steps import desk_files, receipts, runs, summary

    desk_files.write(rt, runs.read_run(rt, dispatch))
    receipts.ask_about_doubts(rt, dispatch)
    return summary.close(rt, dispatch)


def dispatch_now(rt: Runtime) -> dict[str, Any]:
    """Do one dispatch from the shell and return its counts by end state.

    Orders are settled whatever held the contacts, as in the DAG: a recall waits for nothing.
    """
    run_id = open_dispatch(rt, Request(rt.clock.now()))
    sent: dict[str, int] = {}
    failure: ArrearsError | None = None
    try:
        sent = send_due(rt, run_id)
    except ArrearsError as error:
        failure = error
    orders = settle_orders(rt, run_id)
    close_dispatch(rt, run_id)
    if failure is not None:
        raise failure
    return {"run_id": run_id, **sent, **orders}


def dispatch_runtime(settings: Settings, attempt: RunKey, *, rehearsal: bool, at: str | None) -> Runtime:
    """Return the runtime of a dispatch from the shell; ``at`` moves a rehearsal's clock to a moment.

    Raises:
        BadArguments: ``--at`` without ``--rehearsal``, or a moment without its offset.
    """
    from arrears.steps import world

    if at is None:
        if rehearsal:
            raise BadArguments("--rehearsal needs --at, the moment to rehearse, for example 2026-11-12T10:15:00+08:00")
        return world.build_runtime(settings, attempt)
    if not rehearsal:
        raise BadArguments("--at moves the clock, which only a rehearsal may: add --rehearsal")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - refused on the next line for having no offset
    if moment.tzinfo is None:
        raise BadArguments(f"--at {at!r}: write a moment with its offset, for example 2026-11-12T10:15:00+08:00")
    day = local_date(moment, world.policy_of(settings).time_zone)
    rt = world.build_runtime(settings, attempt, rehearsal_of=day)
    return Runtime(rt.settings, PinnedClock(moment), rt.entropy, rt.attempt, rehearsal=True)
