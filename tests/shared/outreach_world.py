"""A store with people, accounts and decisions in it, and channels that remember what they were given."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, select, update

from arrears.core.clock import PinnedClock, at_local, utc_text
from arrears.core.keys import canonical, digest, natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.outreach.channels import Channels
from arrears.outreach.dispatch import dispatch
from arrears.outreach.message import Message
from arrears.outreach.plan import PlanResult, plan_contacts
from arrears.outreach.verdict import Outcome, Verdict
from arrears.store.engine import reading, writing
from arrears.store.identity import ensure_identity
from arrears.store.tables.audit import audit_event, audit_pending
from arrears.store.tables.decisions import decision, fact_set, verdict
from arrears.store.tables.feeds import account
from arrears.store.tables.outreach import contact
from arrears.store.tables.people import account_party, party, subject
from arrears.store.tables.runs import policy_text, run

DAY = date(2026, 11, 12)
ZERO = "0" * 64
SMS = {"step": "arrears_sms", "channel": "sms", "audience": "borrower", "tone": "firm", "rung": 1}
EMAIL = {"step": "arrears_email", "channel": "email", "audience": "borrower", "tone": "firm", "rung": 1}
CALL = {"step": "borrower_call", "channel": "call", "audience": "borrower", "tone": "firm", "rung": 2}
GUARANTOR_CALL = {"step": "guarantor_call", "channel": "call", "audience": "guarantors", "tone": "firm", "rung": 2}
LETTER = {"step": "lawyers_letter", "channel": "letter", "audience": "borrower", "tone": "legal", "rung": 3}


@dataclass
class World:
    """A store with a policy and a run, and short ways to put people and decisions into it."""

    rt: Runtime
    engine: Engine
    policy: Policy = field(default_factory=load_policy)

    def start(self) -> "World":
        with writing(self.engine) as connection:
            ensure_identity(connection, self.rt)
            connection.execute(
                policy_text.insert().values(
                    policy_sha256=self.policy.sha256, policy_id="cn", version="1.0", effective_from=DAY, body="{}"
                )
            )
            connection.execute(fact_set.insert().values(facts_sha256=ZERO, body="{}"))
        self.run("daily-2026-11-12-1")
        return self

    def run(self, run_id: str, *, day: date = DAY, released: bool = True) -> str:
        with writing(self.engine) as connection:
            columns = {
                "run_id": run_id,
                "origin_key": natural_key(run_id),
                "kind": "daily",
                "business_date": day,
                "ordinal": int(run_id.rpartition("-")[2]),
                "status": "running",
                "rehearsal": False,
                "plan_only": not released,
                "released": released,
                "started_at": utc_text(self.rt.clock.now()),
                "policy_sha256": self.policy.sha256,
                "code_version": "0",
                "code_id": "0",
                "attempt": "{}",
            }
            connection.execute(run.insert().values(columns))
        return run_id

    def person(self, party_id: str, **columns: Any) -> str:
        values = {
            "name": "张三",
            "language": "zh",
            "mobile": "13800000001",
            "email": "zhang@example.com",
            "address": "某市某路1号",
            "service_address": None,
        } | columns
        with writing(self.engine) as connection:
            connection.execute(party.insert().values(party_id=party_id, **values))
        return party_id

    def account(self, account_id: str, roles: dict[str, str], *, owner: str | None = "S1", **columns: Any) -> str:
        with writing(self.engine) as connection:
            connection.execute(
                subject.insert().values(
                    subject_ref=f"ref-{account_id}", account_id=account_id, created_at="2026-11-12T00:00:00Z"
                )
            )
            connection.execute(
                account.insert().values(
                    account_id=account_id,
                    subject_ref=f"ref-{account_id}",
                    contract_type="loan",
                    currency="CNY",
                    branch="B",
                    owner=owner,
                    **columns,
                )
            )
            for party_id, role in roles.items():
                connection.execute(account_party.insert().values(account_id=account_id, party_id=party_id, role=role))
        return account_id

    def decide(
        self,
        account_id: str,
        actions: list[dict[str, Any]],
        *,
        day: date = DAY,
        revision: int = 1,
        overdue: int = 500_00,
        instalments: int = 1,
        lane: str = "good_faith",
        suppressed: list[dict[str, Any]] | None = None,
        run_id: str = "daily-2026-11-12-1",
        currency: str = "CNY",
    ) -> None:
        body = {
            "actions": [{"occasion": "episode", "ordinal": 1} | action for action in actions],
            "suppressed": suppressed or [],
        }
        key = digest(body)
        with writing(self.engine) as connection:
            if connection.execute(select(verdict).where(verdict.c.verdict_sha256 == key)).first() is None:
                connection.execute(verdict.insert().values(verdict_sha256=key, body=canonical(body).decode()))
            connection.execute(
                decision.insert().values(
                    business_date=day,
                    account_id=account_id,
                    revision=revision,
                    run_id=run_id,
                    stage=min(3, instalments),
                    entitled_rung=2,
                    unlocked_rung=2,
                    rung=2,
                    lane=lane,
                    overdue_instalments=instalments,
                    overdue_minor=overdue,
                    days_past_due=10,
                    oldest_unpaid_due=date(2026, 11, 2) if overdue else None,
                    episode_due=date(2026, 11, 2) if overdue else None,
                    currency=currency,
                    branch="B",
                    ledger_row_sha256=ZERO,
                    facts_sha256=ZERO,
                    verdict_sha256=key,
                    policy_sha256=self.policy.sha256,
                    row_sha256=ZERO,
                )
            )
            decided = update(run).where(run.c.run_id == run_id)
            connection.execute(decided.values(decided_at=utc_text(self.rt.clock.now())))

    def freeze(self, run_id: str, accounts: Sequence[str], *, incomplete: bool = False) -> None:
        """Freeze a ledger that holds these accounts, and let the run have decided it."""
        frozen = natural_key("snapshot", run_id)
        folder = Path(self.rt.settings.artifacts_url.removeprefix("file://")) / "snapshots" / frozen
        folder.mkdir(parents=True)
        with writing(self.engine) as connection:
            query = select(account.c.subject_ref).where(account.c.account_id.in_(accounts))
            refs = pa.array(connection.execute(query).scalars().all(), pa.string())
            rows = pa.table({"subject_ref": refs, "data_incomplete": pa.repeat(incomplete, len(refs))})
            pq.write_table(rows, folder / "accounts.parquet")
            decided = {"status": "completed", "decided_at": utc_text(self.rt.clock.now()), "snapshot_id": frozen}
            connection.execute(update(run).where(run.c.run_id == run_id).values(decided))

    def plan(self, run_id: str = "daily-2026-11-12-1", day: date = DAY) -> PlanResult:
        return plan_contacts(self.rt, self.engine, run_id, day, self.policy)

    def send(self, channels: Channels, run_id: str = "daily-2026-11-12-1", **scope: Any) -> dict[str, int]:
        return dispatch(self.rt, self.engine, run_id, channels, business_date=DAY, **scope)

    def at(self, wall: time, day: date = DAY) -> "World":
        return replace(self, rt=replace(self.rt, clock=PinnedClock(at_local(day, wall, "Asia/Shanghai"))))

    def rows(self, table: Any, **where: Any) -> list[Any]:
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        with reading(self.engine) as connection:
            return list(connection.execute(query))

    def states(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for row in self.rows(contact):
            counts[row.state] = counts.get(row.state, 0) + 1
        return counts

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(row.body) for table in (audit_event, audit_pending) for row in self.rows(table)]


class Witness:
    """A channel that keeps what it was given and answers as told."""

    def __init__(self, name: str, answer: Verdict | Exception | None = None) -> None:
        self.name, self.answer = name, answer or Verdict(Outcome.SENT, "250")
        self.got: list[Message] = []

    def message_id(self, key: str) -> str | None:
        return f"<{key}@test>"

    def send(self, message: Message, still_ours: Any) -> Verdict:
        assert still_ours()
        self.got.append(message)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        """Nothing to close."""


def one_customer(world: World, *actions: dict[str, Any], accounts: int = 1, **person: Any) -> None:
    world.person("P1", **person)
    for number in range(1, accounts + 1):
        world.account(f"A{number}", {"P1": "borrower"})
        world.decide(f"A{number}", list(actions), overdue=100_00 * number, instalments=number)
