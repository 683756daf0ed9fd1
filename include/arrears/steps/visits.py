"""Visits that somebody asked for with a reason, among the decisions that wait for people."""

from sqlalchemy import Engine, select

from arrears.approvals.questions import OpenApproval
from arrears.approvals.votes import Voted, check_identity
from arrears.core.clock import local_date
from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.staff import is_within_reach
from arrears.ladder.visit_requests import ROLE, RULINGS, Ruling, rule, waiting
from arrears.store.engine import reading, writing
from arrears.store.tables.repossession import approval

KIND = "visit"


def open_visits(
    engine: Engine, first: int = 0, limit: int | None = None, branch: str | None = None
) -> list[OpenApproval]:
    """Return the requests that wait for a supervisor, as questions like any other, so many from the ``first`` on."""
    with reading(engine) as connection:
        rows = waiting(connection, first, limit, branch)
    return [
        OpenApproval(
            approval_id=row.visit_request_key,
            kind=KIND,
            subject_key=row.visit_request_key,
            order_no=None,
            order_kind=None,
            account_id=row.account_id,
            facts_sha256=row.row_sha256 or "",
            requested_on=row.asked_on,
            given=(),
            missing=(ROLE,),
        )
        for row in rows
    ]


def rule_on(
    rt: Runtime, engine: Engine, policy: Policy, name: str, staff_id: str, decision: str, note: str, identity: str
) -> Voted | None:
    """Record a supervisor's ruling on the waiting request whose id begins with ``name``; None where none begins so.

    Raises:
        BadArguments: several requests begin so, or an approval too; no note, or somebody who may not rule.
    """
    with writing(engine) as connection:
        named = [row for row in waiting(connection) if name and row.visit_request_key.startswith(name)]
        keys = [row.visit_request_key for row in named if is_within_reach(connection, staff_id, row.account_id)]
        if not keys:
            return None
        others = approval.c.approval_id.startswith(name, autoescape=True)
        if len(keys) > 1 or connection.execute(select(approval.c.approval_id).where(others).limit(1)).first():
            raise BadArguments(f"{name[:24]!r}: more than one visit or approval begins so; give more letters")
        if decision not in RULINGS:
            raise BadArguments(f"decision {decision!r}: use one of {', '.join(RULINGS)}")
        if not note.strip():
            raise BadArguments("a decision needs a note: say what you looked at, with --note")
        check_identity(connection, rt, identity)
        today = local_date(rt.clock.now(), policy.time_zone)
        rule(connection, rt, rt.attempt.run_id, keys[0], Ruling(staff_id, decision, note.strip(), identity, today))
    return Voted(keys[0], ROLE, "approved" if decision == "approve" else "refused", None)
