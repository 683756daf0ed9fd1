"""Conservation: a run whose sums do not tie fails before anything leaves because of it."""

from sqlalchemy import Connection, update

from arrears.audit.record import record
from arrears.core.errors import Finding
from arrears.core.runtime import Runtime
from arrears.steps import runs
from arrears.steps.world import store_of
from arrears.store.engine import writing
from arrears.store.tables.runs import run


def tie_ledger(rt: Runtime, day: str) -> None:
    """Compare what came in with what was frozen and decided, and record the sums; no dispatch sends what does not tie.

    Raises:
        Finding: names each sum that does not tie.
    """
    from arrears.proof.conserve import ledger_sums

    this = runs.read_run(rt, day)
    if this.snapshot_id is None:
        return
    newest = runs.is_newest(rt, this)
    with writing(store_of(rt)) as connection:
        sums = ledger_sums(connection, rt.settings.artifacts_url, this.snapshot_id, newest=newest)
        data = {"sums": {one.name: one.said for one in sums}, "broken": [one.name for one in sums if not one.holds]}
        broken = "; ".join(f"{one.name}: {one.said} said, {one.counted} counted" for one in sums if not one.holds)
        connection.execute(update(run).where(run.c.run_id == day).values(untied=broken or None))
        record(connection, rt, run_id=day, type="totals.tied", key=day, business_date=this.business_date, data=data,
               causes=[this.snapshot_id])  # fmt: skip
    if broken:
        raise Finding(f"{day} does not add up, nothing was sent: {broken}")


def contacts_tie(connection: Connection, this: runs.Day) -> bool:
    """Say whether every contact of the run's day is accounted for."""
    from arrears.proof.conserve import contact_sum

    return contact_sum(connection, this.business_date).holds
