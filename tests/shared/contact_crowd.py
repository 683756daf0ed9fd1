"""A crowd of customers, each with a message of each kind due: for tests and measurements that count what leaves."""

from datetime import date
from typing import Any

from sqlalchemy import Engine, select

from arrears.core.clock import utc_text
from arrears.core.keys import canonical, digest, natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.outreach.plan import plan_contacts
from arrears.store.bulk import insert_all
from arrears.store.engine import reading, writing
from arrears.store.identity import ensure_identity
from arrears.store.tables.decisions import decision, fact_set, verdict
from arrears.store.tables.feeds import account
from arrears.store.tables.outreach import contact
from arrears.store.tables.people import account_party, party, subject
from arrears.store.tables.runs import policy_text, run

DAY = date(2026, 11, 12)
RUN = "daily-2026-11-12-1"
ZERO = "0" * 64


def fill(rt: Runtime, engine: Engine, people: int, channels: tuple[str, ...] = ("sms", "email")) -> list[str]:
    """Put so many people into a store, decide the given channels for each and plan them; return the contact ids."""
    policy = load_policy()
    action = {"audience": "borrower", "tone": "firm", "rung": 1, "occasion": "episode", "ordinal": 1}
    body = {"actions": [action | {"step": f"arrears_{name}", "channel": name} for name in channels]}
    numbers = range(people)
    with writing(engine) as connection:
        ensure_identity(connection, rt)
        connection.execute(policy_text.insert().values(
            policy_sha256=policy.sha256, policy_id="cn", version="1.0", effective_from=DAY, body="{}"))  # fmt: skip
        connection.execute(fact_set.insert().values(facts_sha256=ZERO, body="{}"))
        connection.execute(
            verdict.insert().values(verdict_sha256=digest(body), body=canonical(body | {"suppressed": []}).decode())
        )
        connection.execute(run.insert().values(_run(rt, policy.sha256)))
        insert_all(connection, party, (_person(n) for n in numbers))
        insert_all(connection, subject, (_subject(n) for n in numbers))
        insert_all(connection, account, (_account(n) for n in numbers))
        insert_all(connection, account_party, (
            {"account_id": f"A{n}", "party_id": f"P{n}", "role": "borrower"} for n in numbers))  # fmt: skip
        insert_all(connection, decision, (_decision(n, digest(body), policy.sha256) for n in numbers))
    plan_contacts(rt, engine, RUN, DAY, policy)
    with reading(engine) as connection:
        return list(connection.execute(select(contact.c.contact_id)).scalars())


def _run(rt: Runtime, policy_sha256: str) -> dict[str, Any]:
    return {
        "run_id": RUN,
        "origin_key": natural_key(RUN),
        "kind": "daily",
        "business_date": DAY,
        "ordinal": 1,
        "status": "running",
        "rehearsal": False,
        "plan_only": False,
        "released": True,
        "started_at": utc_text(rt.clock.now()),
        "decided_at": utc_text(rt.clock.now()),
        "policy_sha256": policy_sha256,
        "code_version": "0",
        "code_id": "0",
        "attempt": "{}",
    }


def _person(n: int) -> dict[str, Any]:
    point = {"mobile": f"139{n:08}", "email": f"p{n}@example.com", "address": f"某市某路{n}号"}
    return {"party_id": f"P{n}", "name": "张三", "language": "zh"} | point


def _subject(n: int) -> dict[str, Any]:
    return {"subject_ref": f"ref-{n}", "account_id": f"A{n}", "created_at": "2026-11-12T00:00:00Z"}


def _account(n: int) -> dict[str, Any]:
    contract = {"contract_type": "loan", "currency": "CNY", "branch": "B", "owner": "S1"}
    return {"account_id": f"A{n}", "subject_ref": f"ref-{n}"} | contract


def _decision(n: int, verdict_sha256: str, policy_sha256: str) -> dict[str, Any]:
    return {
        "business_date": DAY,
        "account_id": f"A{n}",
        "revision": 1,
        "run_id": RUN,
        "stage": 1,
        "entitled_rung": 2,
        "unlocked_rung": 2,
        "rung": 2,
        "lane": "good_faith",
        "overdue_instalments": 1,
        "overdue_minor": 500_00,
        "days_past_due": 10,
        "oldest_unpaid_due": date(2026, 11, 2),
        "episode_due": date(2026, 11, 2),
        "currency": "CNY",
        "branch": "B",
        "ledger_row_sha256": ZERO,
        "facts_sha256": ZERO,
        "verdict_sha256": verdict_sha256,
        "policy_sha256": policy_sha256,
        "row_sha256": ZERO,
    }
