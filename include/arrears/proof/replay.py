"""Recompute decisions from their frozen inputs: facts, policy and ledger; each must come out identical."""

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, select

from arrears.core.errors import CannotTell
from arrears.core.keys import digest, sha256
from arrears.core.runtime import Runtime
from arrears.ladder.decide import decide
from arrears.ladder.facts import Facts
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.store import snapshot as frozen
from arrears.store.engine import reading
from arrears.store.tables.decisions import fact_set
from arrears.store.tables.people import subject
from arrears.store.tables.runs import policy_text, run

LEDGER_COLUMNS = ("subject_ref", "stage", "overdue_instalments", "overdue_minor", "days_past_due", "ledger_row_sha256")


@dataclass(frozen=True)
class Replayed:
    """How many decisions were recomputed, and which accounts came out differently, with what differs."""

    run_id: str
    replayed: int
    different: tuple[tuple[str, str], ...]


def replay(rt: Runtime, engine: Engine, run_id: str, *, sample: int | None = None) -> Replayed:
    """Recompute the decisions in force on a run's business date, all or an evenly spread sample.

    Raises:
        CannotTell: no such run, or it froze no ledger.
    """
    with reading(engine) as connection:
        row = connection.execute(
            select(run.c.business_date, run.c.snapshot_id).where(run.c.run_id == run_id)
        ).one_or_none()
        if row is None or row.snapshot_id is None:
            raise CannotTell(f"run {run_id} cannot be replayed: there is no such run, or it froze no ledger")
        decisions = _sample(connection, row.business_date, sample)
        ledger = _ledger(rt, connection, row.snapshot_id, {d.account_id for d in decisions})
        policies = {p.policy_sha256: p.body for p in connection.execute(select(policy_text))}
    different = []
    for found in decisions:
        problem = _difference(found, policies, ledger.get(found.account_id))
        if problem:
            different.append((found.account_id, problem))
    return Replayed(run_id, len(decisions), tuple(different))


def _sample(connection: Connection, on: date, sample: int | None) -> list[Any]:
    decided = decisions_in_force(on)
    query = select(decided, fact_set.c.body.label("facts")).join(
        fact_set, fact_set.c.facts_sha256 == decided.c.facts_sha256
    )
    rows = connection.execute(query.order_by(decided.c.row_sha256)).all()
    return list(rows) if sample is None else list(rows[:: max(1, len(rows) // max(sample, 1))][:sample])


def _ledger(rt: Runtime, connection: Connection, snapshot_id: str, wanted: set[str]) -> dict[str, dict[str, Any]]:
    subjects = dict(connection.execute(select(subject.c.subject_ref, subject.c.account_id)).tuples().all())
    return {
        subjects[row["subject_ref"]]: row
        for batch in frozen.accounts(rt.settings.artifacts_url, snapshot_id, LEDGER_COLUMNS)
        for row in batch.to_pylist()
        if subjects.get(row["subject_ref"]) in wanted
    }


def _difference(found: Any, policies: dict[str, str], ledger: dict[str, Any] | None) -> str | None:
    """Return what does not come out as stored: the facts, the policy, the ledger row or the decision."""
    facts = json.loads(found.facts)
    if digest(facts) != found.facts_sha256:
        return "facts"
    policy = policies.get(found.policy_sha256)
    if policy is None or sha256(policy.encode()) != found.policy_sha256:
        return "policy"
    if ledger is None or any(ledger[name] != getattr(found, name) for name in LEDGER_COLUMNS[1:]):
        return "ledger"
    again = decide(Facts.from_body(facts), _policy_of(policy))
    return None if again.sha256() == found.verdict_sha256 else "decision"


@lru_cache(maxsize=8)
def _policy_of(text: str) -> Policy:
    """Read a policy once: a day's decisions stand on one or two."""
    return Policy.model_validate_json(text)
