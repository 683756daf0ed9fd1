"""What a day came to: the JSON document of the command contract, read from the store alone."""

import json
from collections import Counter
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from arrears.audit.log import last_checkpoint
from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.in_force import decisions_in_force
from arrears.steps import overrides, runs, totals
from arrears.steps.world import store_of
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import snapshot
from arrears.store.tables.runs import gate, run

LEDGER = {"rows": 0, "accepted": 0, "quarantined": 0, "accounts": 0, "control_total_minor": {}, "sha256": ""}


def close(rt: Runtime, day: str) -> dict[str, Any]:
    """Give the run its end state, seal it, and return the summary; a run is closed once, sealed as often as asked."""
    from arrears.audit.seal import seal

    this = runs.read_run(rt, day)
    if this.status == "running":
        _finish(rt, this)
    seal(rt, store_of(rt))
    document = read(rt, day)
    runs.set_run(rt, day, summary=json.dumps(document, sort_keys=True, ensure_ascii=False))
    return {"run_id": day, "business_date": document["business_date"], "status": document["status"],
            "audit_size": document["audit"]["size"], "audit_root": document["audit"]["root"]}  # fmt: skip


def ledger_of(rt: Runtime, this: runs.Day) -> dict[str, Any]:
    """Return hash, rows and totals of a run's frozen ledger: what its asset event says."""
    with reading(store_of(rt)) as connection:
        found = _ledger(connection, this)
    del found["gates"]
    return {"run_id": this.run_id, "business_date": this.business_date.isoformat(), **found}


def _finish(rt: Runtime, this: runs.Day) -> None:
    engine = store_of(rt)
    with writing(engine) as connection:
        status = _end_state(connection, this)
        connection.execute(
            run.update().where(run.c.run_id == this.run_id, run.c.status == "running")
            .values(status=status, finished_at=utc_text(rt.clock.now()))
        )  # fmt: skip
        record(connection, rt, run_id=this.run_id, type="run.finished", key=this.run_id,
               business_date=this.business_date, data={"status": status})  # fmt: skip
        head = last_checkpoint(connection)
        onto = {"log_size": head.size if head else 0, "root": head.root if head else ""}
        record(connection, rt, run_id=this.run_id, type="run.sealed", key=this.run_id,
               business_date=this.business_date, data=onto, causes=[this.run_id])  # fmt: skip
    if this.plan_only and status == "completed":
        overrides.ask_release(rt, this)


def _end_state(connection: Connection, this: runs.Day) -> str:
    """A failed gate holds a run; one that missed its orders or does not add up failed; all else is complete."""
    failed = select(gate.c.name).where(gate.c.run_id == this.run_id, ~gate.c.passed, gate.c.overridden_by.is_(None))
    if connection.execute(failed.limit(1)).first() is not None:
        return "held"
    return "completed" if this.settled_at and totals.contacts_tie(connection, this) else "failed"


def read(rt: Runtime, day: str) -> dict[str, Any]:
    """Return the summary document of a run, every key present whatever became of it."""
    from arrears.legal.counts import packet_counts
    from arrears.outreach.totals import date_totals, run_actions
    from arrears.repossession.counts import order_counts

    this = runs.read_run(rt, day)
    engine = store_of(rt)
    with reading(engine) as connection:
        actions = run_actions(connection, day, this.business_date)
        return {
            "run_id": day,
            "business_date": this.business_date.isoformat(),
            "status": this.status,
            "ledger": _ledger(connection, this),
            "stages": _stages(connection, this),
            "rungs": _rungs(connection, this),
            "actions": {name: count for name, count in actions.items() if name != "suppressed"},
            "suppressed": actions["suppressed"],
            "date_totals": date_totals(connection, this.business_date),
            "packets": packet_counts(connection, this.business_date, day),
            "orders": order_counts(engine, this.business_date),
            "audit": _audit(connection),
            "timings_s": {},
        }


def an_overdue_account(rt: Runtime, business_date: date) -> str | None:
    """Return the first overdue account that was decided on a day, or None."""
    decided = select(decision.c.account_id).where(decision.c.business_date == business_date, decision.c.stage > 0)
    with reading(store_of(rt)) as connection:
        return connection.execute(decided.order_by(decision.c.account_id).limit(1)).scalar()


def _ledger(connection: Connection, this: runs.Day) -> dict[str, Any]:
    columns = (snapshot.c.rows, snapshot.c.accepted, snapshot.c.quarantined, snapshot.c.accounts,
               snapshot.c.control_totals, snapshot.c.feeds_sha256)  # fmt: skip
    row = connection.execute(select(*columns).where(snapshot.c.snapshot_id == this.snapshot_id)).one_or_none()
    gates = runs.gates_of(connection, this.run_id)
    if row is None:
        return LEDGER | {"gates": gates}
    totals = json.loads(row.control_totals)
    return {"rows": row.rows, "accepted": row.accepted, "quarantined": row.quarantined, "accounts": row.accounts,
            "control_total_minor": totals, "sha256": row.feeds_sha256, "gates": gates}  # fmt: skip


def _stages(connection: Connection, this: runs.Day) -> dict[str, int]:
    """Count accounts by stage over the whole frozen ledger, not only those with a decision."""
    facts = connection.execute(select(snapshot.c.facts).where(snapshot.c.snapshot_id == this.snapshot_id)).scalar()
    counted = json.loads(facts)["stages"] if facts else [0, 0, 0, 0]
    return {str(stage): int(count) for stage, count in enumerate(counted)}


def _rungs(connection: Connection, this: runs.Day) -> dict[str, int]:
    decided = decisions_in_force(this.business_date)
    rows = connection.execute(select(decided.c.rung, func.count()).group_by(decided.c.rung))
    counted = Counter({int(rung): int(count) for rung, count in rows})
    return {str(rung): counted[rung] for rung in (1, 2, 3, 4)}


def _audit(connection: Connection) -> dict[str, Any]:
    head = last_checkpoint(connection)
    if head is None:
        return {"size": 0, "root": "", "checkpoint": ""}
    return {"size": head.size, "root": head.root, "checkpoint": head.note}
