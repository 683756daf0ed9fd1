"""What a human decision about a run changes: a held ledger goes through, a plan-only run may send."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from arrears.approvals.questions import LIVE, end, request
from arrears.audit.record import record
from arrears.core.errors import BadArguments
from arrears.core.keys import digest
from arrears.core.runtime import Runtime
from arrears.steps import keys, receipts, runs
from arrears.steps.world import store_of
from arrears.store.engine import writing
from arrears.store.tables.repossession import approval, approval_vote
from arrears.store.tables.runs import gate, run

NEVER_OVERRIDDEN = frozenset({"zero_rows"})


def ask_override(rt: Runtime, this: runs.Day, failed: Sequence[str]) -> None:
    """Put a held ledger before finance and management; an empty one cannot be overridden.

    The question is about these checks and no others: where others failed before, the older question is void.
    """
    if this.snapshot_id is None or NEVER_OVERRIDDEN & set(failed):
        return
    _ask(rt, this, "gate_override", this.snapshot_id, _facts_of(this.snapshot_id, failed))


def ask_release(rt: Runtime, this: runs.Day) -> None:
    """Put a plan-only run before management, who may let its contacts go with the next dispatch."""
    _ask(rt, this, "release", this.run_id, digest([this.run_id]))


def _ask(rt: Runtime, this: runs.Day, kind: str, subject_key: str, facts_sha256: str) -> None:
    waiting = select(approval).where(
        approval.c.kind == kind, approval.c.subject_key == subject_key, approval.c.state.in_(LIVE)
    )
    with writing(store_of(rt)) as connection:
        standing = connection.execute(waiting).all()
        if any(row.facts_sha256 == facts_sha256 for row in standing):
            return
        for row in standing:
            end(connection, rt, row, run_id=this.run_id, business_date=this.business_date, reason="facts_changed",
                state="void")  # fmt: skip
        request(connection, rt, run_id=this.run_id, kind=kind, subject_key=subject_key, facts_sha256=facts_sha256,
                business_date=this.business_date)  # fmt: skip


def _facts_of(snapshot_id: str, failed: Sequence[str]) -> str:
    """Return the hash of what people are asked about a held ledger: the ledger, and each check that it failed."""
    return digest([snapshot_id, *sorted(failed)])


def apply(rt: Runtime, approval_id: str) -> str | None:
    """Carry out an approved override or release, or a decided doubt, and say what comes next; others need no more.

    Raises:
        BadArguments: there is no such approval, or the ledger fails other checks than were asked about.
    """
    from arrears.outreach.surge import release

    if about_key := keys.attested(rt, approval_id):
        changed = keys.carry_out(rt, about_key, "system")
        return f"the audit log is signed by a new key; give whoever verifies it this line: {changed.vkey}"
    with writing(store_of(rt)) as connection:
        row = connection.execute(select(approval).where(approval.c.approval_id == approval_id)).one_or_none()
        if row is None:
            raise BadArguments(f"approval {approval_id[:12]}: there is none")
        people = _people(connection, approval_id)
        if row.kind == receipts.KIND and row.state in ("approved", "refused"):
            next_step = receipts.carry_out(connection, rt, row, people)
            if row.state == "approved":
                connection.execute(update(approval).where(approval.c.approval_id == approval_id).values(state="used"))
            return next_step
        if row.state != "approved" or row.kind not in ("gate_override", "release"):
            return None
        if row.kind == "release" and not release(connection, rt, row.run_id, row.subject_key, people):
            connection.execute(update(run).where(run.c.run_id == row.subject_key).values(released=True))
        let_through = _override(connection, row, people) if row.kind == "gate_override" else ()
        connection.execute(update(approval).where(approval.c.approval_id == approval_id).values(state="used"))
        record(connection, rt, run_id=row.run_id, type=f"{row.kind}.applied", key=approval_id, actor=people,
               business_date=row.requested_on, causes=[row.subject_key],
               data={"gates": list(let_through)} if let_through else None)  # fmt: skip
    return (
        "run the date again" if row.kind == "gate_override" else "the next dispatch sends what is still in its window"
    )


def _people(connection: Connection, approval_id: str) -> str:
    query = select(approval_vote.c.staff_id).where(approval_vote.c.approval_id == approval_id)
    return ", ".join(connection.execute(query.order_by(approval_vote.c.staff_id)).scalars())


def _override(connection: Connection, asked: Row[Any], people: str) -> Sequence[str]:
    """Let the checks through that were asked about, in every run of the ledger, and return them.

    Raises:
        BadArguments: the run that asked has failed other checks since: about those nobody was asked.
    """
    failed = select(gate.c.name).where(gate.c.run_id == asked.run_id, ~gate.c.passed, gate.c.overridden_by.is_(None))
    names = connection.execute(failed.order_by(gate.c.name)).scalars().all()
    if _facts_of(asked.subject_key, names) != asked.facts_sha256:
        raise BadArguments("the ledger fails other checks than people were asked about: run the date again")
    of_ledger = select(run.c.run_id).where(run.c.snapshot_id == asked.subject_key)
    same = (gate.c.run_id.in_(of_ledger), gate.c.name.in_(names), ~gate.c.passed, gate.c.overridden_by.is_(None))
    connection.execute(update(gate).where(*same).values(overridden_by=people))
    return names
