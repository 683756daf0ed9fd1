"""Going live: what was attested about the past, and the first days, which only plan until a named person releases."""

from datetime import date

from sqlalchemy import Connection, func, select

from arrears.approvals.questions import request
from arrears.core.keys import digest
from arrears.core.runtime import Runtime
from arrears.ladder.opening import KIND as ATTESTATION
from arrears.ladder.opening import unattested_deliveries
from arrears.ladder.policy import Policy
from arrears.store.engine import writing
from arrears.store.tables.repossession import approval
from arrears.store.tables.runs import run

GO_LIVE = "go_live"
LIVE = ("open", "approved", "used")


def only_plans(connection: Connection, rt: Runtime, policy: Policy, on: date) -> bool:
    """Say whether a live store still only plans: in its first working days, and after them until it is released.

    Source: policy ``go_live.plan_only_working_days``, counted from the first daily run.
    """
    if rt.settings.mode != "live":
        return False
    return not (_are_over(connection, policy, on) and _state(connection) in ("approved", "used"))


def ask(rt: Runtime, run_id: str, on: date, policy: Policy) -> None:
    """Ask a manager to release the store once its planning days are over, and people to attest what came before."""
    from arrears.steps.world import store_of

    if rt.settings.mode != "live":
        return
    with writing(store_of(rt)) as connection:
        if _are_over(connection, policy, on) and _state(connection) is None:
            request(connection, rt, run_id=run_id, kind="release", subject_key=GO_LIVE,
                    facts_sha256=digest([GO_LIVE]), business_date=on)  # fmt: skip
        for delivery_id, sha256 in unattested_deliveries(connection):
            request(connection, rt, run_id=run_id, kind=ATTESTATION, subject_key=delivery_id, facts_sha256=sha256,
                    business_date=on)  # fmt: skip


def _are_over(connection: Connection, policy: Policy, on: date) -> bool:
    first = connection.execute(select(func.min(run.c.business_date)).where(run.c.kind == "daily")).scalar()
    worked = policy.business_calendar().working_days_after(first, on) if first else 0
    return worked >= policy.go_live.plan_only_working_days


def _state(connection: Connection) -> str | None:
    """Return how far the release of the store is, None when nobody was asked or it was refused."""
    query = select(approval.c.state).where(
        approval.c.kind == "release", approval.c.subject_key == GO_LIVE, approval.c.state.in_(LIVE)
    )
    return connection.execute(query.order_by(approval.c.ordinal.desc()).limit(1)).scalar()
