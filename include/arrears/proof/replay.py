"""Recompute decisions from their frozen inputs: ledger, facts and policy; each must come out identical."""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, select

from arrears.core.errors import CannotTell
from arrears.core.keys import digest, sha256
from arrears.core.progress import tell
from arrears.core.runtime import Runtime
from arrears.ladder.decide import decide
from arrears.ladder.facts import Facts
from arrears.ladder.in_force import NO_ROW
from arrears.ladder.policy import Policy
from arrears.ledger.shape import Shape
from arrears.proof.restage import Standing, restage
from arrears.proof.told import is_as_told, told_hashes
from arrears.proof.told_actions import untold
from arrears.store import snapshot as frozen
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision, fact_set
from arrears.store.tables.feeds import account, snapshot
from arrears.store.tables.people import subject
from arrears.store.tables.runs import policy_text, run

LEDGER_COLUMNS = ("subject_ref", "stage", "overdue_instalments", "overdue_minor", "days_past_due", "ledger_row_sha256")
NOT_THERE = dict.fromkeys(LEDGER_COLUMNS, 0) | {"ledger_row_sha256": NO_ROW}
"""What a ledger says of an account that it does not hold."""
AT_ONCE = 50_000
"""Accounts whose instalments are held in memory at the same time."""


@dataclass(frozen=True)
class Replayed:
    """How many decisions were recomputed, and which accounts came out differently, with what differs.

    ``erased`` accounts are left out: nothing leads from them to their frozen rows any more.
    """

    run_id: str
    replayed: int
    different: tuple[tuple[str, str], ...]
    erased: int = 0


def replay(rt: Runtime, engine: Engine, run_id: str, *, sample: int | None = None) -> Replayed:
    """Recompute the decisions that stood after a run, all or an evenly spread sample.

    Each is compared with the ledger that was frozen for the run which made it, and its row with the log. Where all are
    recomputed, the day's contacts and suppressions are held against the log as well.

    Raises:
        CannotTell: no such run, or it froze no ledger.
    """
    with reading(engine) as connection:
        row = connection.execute(select(run).where(run.c.run_id == run_id)).one_or_none()
        if row is None or row.snapshot_id is None:
            raise CannotTell(f"run {run_id} cannot be replayed: there is no such run, or it froze no ledger")
        decisions = _sample(connection, row, sample)
        refs = dict(connection.execute(select(subject.c.account_id, subject.c.subject_ref)).all())
        gone = select(account.c.account_id).where(account.c.erased_at.is_not(None))
        erased = set(connection.execute(gone).scalars())
        policies = {p.policy_sha256: p.body for p in connection.execute(select(policy_text))}
        forms = {s.snapshot_id: Shape.read(s.facts).form for s in connection.execute(select(snapshot))}
    by_snapshot: dict[str, list[Row[Any]]] = defaultdict(list)
    for found in decisions:
        if found.account_id not in erased:
            by_snapshot[found.snapshot_id].append(found)
    different = []
    for snapshot_id, rows in by_snapshot.items():
        for start in range(0, len(rows), AT_ONCE):
            page = rows[start : start + AT_ONCE]
            ledger = _Ledger(rt, snapshot_id, row.business_date, [refs[one.account_id] for one in page],
                             from_payments=forms[snapshot_id] == "payments")  # fmt: skip
            with reading(engine) as connection:
                told = told_hashes(connection, row.business_date, [refs[one.account_id] for one in page])
            for one in page:
                ref = refs[one.account_id]
                problem = _difference(one, policies, ledger, ref)
                if problem is None and not is_as_told(one, told.get((ref, one.revision))):
                    problem = "row"
                different += [(one.account_id, problem)] if problem else []
            tell(start + len(page), len(rows), "decisions")
    if sample is None:
        with reading(engine) as connection:
            different += [(one.account_id, one.what) for one in untold(connection, row.business_date)]
    count = sum(len(rows) for rows in by_snapshot.values())
    return Replayed(run_id, count, tuple(different), len(decisions) - count)


def _sample(connection: Connection, this: Row[Any], sample: int | None) -> list[Row[Any]]:
    """Return the decisions in force after a run: what later runs of the same date revised is not looked at."""
    until = and_(run.c.kind == this.kind, run.c.business_date == this.business_date, run.c.ordinal <= this.ordinal)
    newest = (
        select(decision.c.account_id, func.max(decision.c.revision).label("revision"))
        .join(run, and_(run.c.run_id == decision.c.run_id, until))
        .where(decision.c.business_date == this.business_date)
        .group_by(decision.c.account_id)
        .subquery()
    )
    same = and_(newest.c.account_id == decision.c.account_id, newest.c.revision == decision.c.revision)
    query = (
        select(decision, fact_set.c.body.label("facts"), run.c.snapshot_id)
        .join(newest, same)
        .join(fact_set, fact_set.c.facts_sha256 == decision.c.facts_sha256)
        .join(run, run.c.run_id == decision.c.run_id)
        .where(decision.c.business_date == this.business_date)
    )
    rows = connection.execute(query.order_by(decision.c.row_sha256)).all()
    return list(rows) if sample is None else list(rows[:: max(1, len(rows) // max(sample, 1))][:sample])


class _Ledger:
    """What one frozen ledger says of some accounts: its own row, and where its instalments put them."""

    def __init__(self, rt: Runtime, snapshot_id: str, on: Any, refs: list[str], *, from_payments: bool) -> None:
        url, wanted = rt.settings.artifacts_url, set(refs)
        self.rows = {
            row["subject_ref"]: row
            for batch in frozen.accounts(url, snapshot_id, LEDGER_COLUMNS)
            for row in batch.to_pylist()
            if row["subject_ref"] in wanted
        }
        self.standing = restage(url, snapshot_id, on, refs, from_payments=from_payments)


def _difference(found: Row[Any], policies: dict[str, str], ledger: _Ledger, ref: str) -> str | None:
    """Return what does not come out as stored: the facts, the policy, the ledger row, the stage or the decision."""
    facts = json.loads(found.facts)
    if digest(facts) != found.facts_sha256 or facts["stage"] != found.stage:
        return "facts"
    policy = policies.get(found.policy_sha256)
    if policy is None or sha256(policy.encode()) != found.policy_sha256:
        return "policy"
    row = ledger.rows.get(ref, NOT_THERE)
    if any(row[name] != getattr(found, name) for name in LEDGER_COLUMNS[1:]):
        return "ledger"
    standing = Standing(found.stage, found.overdue_instalments, found.overdue_minor, found.days_past_due,
                        found.oldest_unpaid_due)  # fmt: skip
    if ledger.standing[ref] != standing:
        return "stage"
    again = decide(Facts.from_body(facts), _policy_of(policy))
    return None if again.sha256() == found.verdict_sha256 else "decision"


@lru_cache(maxsize=8)
def _policy_of(text: str) -> Policy:
    """Read a policy once: a day's decisions stand on one or two."""
    return Policy.model_validate_json(text)
