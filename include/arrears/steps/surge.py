"""The breaker between plan and effect: what is out of proportion waits for a manager, a large day goes in steps."""

from datetime import date
from typing import Any

from sqlalchemy import select

from arrears.approvals.questions import request
from arrears.core.keys import digest
from arrears.core.runtime import Runtime
from arrears.steps import runs
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import writing
from arrears.store.tables.outreach import channel_day
from arrears.store.tables.repossession import approval

LIVE = ("open", "approved")


def assess(rt: Runtime, this: runs.Day) -> int:
    """Compare the planned day with like days, ask a manager about what is out of proportion, return how many wait."""
    from arrears.outreach.surge import assess as compare

    held = compare(rt, store_of(rt), this.run_id, this.business_date, policy_of(rt.settings))
    _ask(rt, this)
    return len(held)


def valve_of(rt: Runtime, this: runs.Day, business_date: date) -> Any:
    """Return what may leave now of a business date; a canary that failed is put before a manager."""
    from arrears.outreach.canary import valve_of as look

    valve = look(rt, store_of(rt), this.run_id, business_date, policy_of(rt.settings))
    if valve.held:
        _ask(rt, this)
    return valve


def _ask(rt: Runtime, this: runs.Day) -> None:
    """Put every held channel before a manager, once."""
    asked = select(approval.c.subject_key).where(approval.c.kind == "release", approval.c.state.in_(LIVE))
    with writing(store_of(rt)) as connection:
        known = set(connection.execute(asked).scalars())
        held = select(channel_day).where(channel_day.c.state == "held")
        for row in connection.execute(held).all():
            if row.release_key in known:
                continue
            request(connection, rt, run_id=this.run_id, kind="release", subject_key=row.release_key,
                    facts_sha256=digest([row.release_key, row.detail]), business_date=row.business_date)  # fmt: skip
