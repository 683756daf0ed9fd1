"""Decide every account of a snapshot once per distinct set of facts, and keep one row for each in force."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, select

from arrears.audit.record import Event, record_many
from arrears.core.keys import canonical, digest, natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.decide import Decision, decide
from arrears.ladder.episodes import advance_episodes, open_episodes
from arrears.ladder.evidence import record_evidence
from arrears.ladder.facts import Facts
from arrears.ladder.gather import Background, facts_of, gather_background
from arrears.ladder.policy import Policy
from arrears.ladder.promises import settle_promises
from arrears.store import snapshot
from arrears.store.bulk import insert_all, insert_new
from arrears.store.engine import writing
from arrears.store.tables.decisions import decision, fact_set, verdict
from arrears.store.tables.feeds import snapshot as frozen
from arrears.store.tables.people import subject

COLUMNS = ("subject_ref", "currency", "branch", "stage", "overdue_instalments", "overdue_minor", "days_past_due",
           "oldest_unpaid_due", "oldest_unpaid_minor", "oldest_amount_minor", "next_due_on", "next_due_minor",
           "data_incomplete", "ledger_row_sha256", "ledger_row")  # fmt: skip


@dataclass
class Decided:
    """What one run decided: accounts by stage over the whole ledger, by rung over those treated."""

    stages: Counter[int] = field(default_factory=Counter)
    rungs: Counter[int] = field(default_factory=Counter)
    rows: int = 0
    new_rows: int = 0
    distinct: int = 0


@dataclass(frozen=True, slots=True)
class _Verdict:
    facts_sha256: str
    facts_body: str
    verdict_sha256: str
    verdict_body: str
    decision: Decision


class _Judge:
    """Calls decide() once per distinct facts; a bulk run needs no second implementation of the rules."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._known: dict[Facts, _Verdict] = {}

    def judge(self, facts: Facts) -> _Verdict:
        known = self._known.get(facts)
        if known is None:
            decided = decide(facts, self._policy)
            body, result = facts.body(), decided.body()
            known = _Verdict(
                digest(body), canonical(body).decode(), digest(result), canonical(result).decode(), decided
            )
            self._known[facts] = known
        return known

    @property
    def verdicts(self) -> Iterable[_Verdict]:
        return self._known.values()


def decide_snapshot(
    rt: Runtime, engine: Engine, run_id: str, snapshot_id: str, business_date: date, policy: Policy, *, newest: bool
) -> Decided:
    """Decide all accounts of a frozen snapshot for a business date, in one transaction.

    ``newest`` says that no later business date was decided: only then do episodes move. Rows whose facts,
    policy and ledger row equal those in force are left alone, so the same delivery decides nothing twice.
    """
    result = Decided()
    with writing(engine) as connection:
        record_evidence(connection, business_date, policy)
        accounts = dict(connection.execute(select(subject.c.subject_ref, subject.c.account_id)).all())
        staged = list(_staged(rt, snapshot_id, accounts, result))
        if newest:
            settle_promises(connection, rt, run_id, snapshot_id, business_date, policy)
        origin = _Origin(dict(staged), _accounts_file(connection, snapshot_id))
        subjects = {account: ref for ref, account in accounts.items()}
        background, cured = _background(connection, staged, business_date, policy, newest=newest)
        cures = (_cure(account, due, business_date, subjects[account], origin) for account, due in cured)
        record_many(connection, rt, run_id=run_id, events=cures)
        in_force = _in_force(connection, business_date)
        judge = _Judge(policy)
        rows = list(_rows(staged, background, in_force, judge, run_id, business_date, policy, result))
        result.distinct = len(list(judge.verdicts))
        _store(connection, rt, run_id, rows, judge, subjects, origin)
    result.new_rows = len(rows)
    return result


def _staged(
    rt: Runtime, snapshot_id: str, accounts: Mapping[str, str], result: Decided
) -> Iterator[tuple[str, dict[str, Any]]]:
    for batch in snapshot.accounts(rt.settings.artifacts_url, snapshot_id, COLUMNS):
        for row in batch.to_pylist():
            result.stages[row["stage"]] += 1
            yield accounts[row["subject_ref"]], row


def _background(
    connection: Connection, staged: list[tuple[str, dict[str, Any]]], on: date, policy: Policy, *, newest: bool
) -> tuple[Background, list[tuple[str, date]]]:
    overdue = {account_id: row["oldest_unpaid_due"] for account_id, row in staged if row["stage"] > 0}
    current = [account_id for account_id, row in staged if row["stage"] == 0]
    cured: list[tuple[str, date]] = []
    if newest:
        episodes, cured = advance_episodes(connection, overdue, current, on, policy)
    else:
        episodes = overdue | {a: due for a, due in open_episodes(connection).items() if a in overdue}
    return gather_background(connection, on, policy, episodes), cured


def _in_force(connection: Connection, on: date) -> dict[str, tuple[int, str]]:
    """Return the newest revision of each account's decision on a day, with the hash of its row."""
    newest = (
        select(decision.c.account_id, func.max(decision.c.revision).label("revision"))
        .where(decision.c.business_date == on)
        .group_by(decision.c.account_id)
        .subquery()
    )
    query = select(decision.c.account_id, decision.c.revision, decision.c.row_sha256).join(
        newest, and_(newest.c.account_id == decision.c.account_id, newest.c.revision == decision.c.revision)
    )
    return {
        row.account_id: (row.revision, row.row_sha256)
        for row in connection.execute(query.where(decision.c.business_date == on))
    }


def _rows(
    staged: list[tuple[str, dict[str, Any]]],
    background: Background,
    in_force: Mapping[str, tuple[int, str]],
    judge: _Judge,
    run_id: str,
    on: date,
    policy: Policy,
    result: Decided,
) -> Iterator[dict[str, Any]]:
    for account_id, row in staged:
        facts = facts_of(row, account_id, background, on, policy, required=account_id in in_force)
        if facts is None:
            continue
        found = judge.judge(facts)
        result.rows += 1
        result.rungs[found.decision.rung] += 1
        values = _values(row, account_id, background, found, on, policy)
        row_sha256 = digest({name: str(value) for name, value in values.items()})
        revision, standing = in_force.get(account_id, (0, ""))
        if row_sha256 != standing:
            yield values | {"revision": revision + 1, "run_id": run_id, "row_sha256": row_sha256}


def _values(
    row: Mapping[str, Any], account_id: str, background: Background, found: _Verdict, on: date, policy: Policy
) -> dict[str, Any]:
    return {
        "business_date": on,
        "account_id": account_id,
        "stage": row["stage"],
        "entitled_rung": found.decision.entitled_rung,
        "unlocked_rung": found.decision.unlocked_rung,
        "rung": found.decision.rung,
        "lane": found.decision.lane,
        "overdue_instalments": row["overdue_instalments"],
        "overdue_minor": row["overdue_minor"],
        "days_past_due": row["days_past_due"],
        "oldest_unpaid_due": row["oldest_unpaid_due"],
        "episode_due": background.episodes.get(account_id) if row["stage"] > 0 else None,
        "currency": row["currency"],
        "branch": row["branch"],
        "ledger_row_sha256": row["ledger_row_sha256"],
        "facts_sha256": found.facts_sha256,
        "verdict_sha256": found.verdict_sha256,
        "policy_sha256": policy.sha256,
    }


def _store(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    rows: list[dict[str, Any]],
    judge: _Judge,
    subjects: Mapping[str, str],
    origin: "_Origin",
) -> None:
    insert_new(connection, fact_set, ({"facts_sha256": v.facts_sha256, "body": v.facts_body} for v in judge.verdicts))
    insert_new(
        connection, verdict, ({"verdict_sha256": v.verdict_sha256, "body": v.verdict_body} for v in judge.verdicts)
    )
    insert_all(connection, decision, rows)
    events = (_event(row, subjects[row["account_id"]], origin) for row in rows)
    record_many(connection, rt, run_id=run_id, events=events)


@dataclass(frozen=True)
class _Origin:
    """From which row of which accounts file each account of a snapshot comes."""

    rows: Mapping[str, Mapping[str, Any]]
    accounts_sha256: str

    def of(self, account_id: str) -> dict[str, Any] | None:
        row = self.rows.get(account_id)
        if row is None:
            return None
        return {
            "sha256": self.accounts_sha256,
            "row": row.get("ledger_row"),
            "row_sha256": row["ledger_row_sha256"],
        }


def _accounts_file(connection: Connection, snapshot_id: str) -> str:
    facts = connection.execute(select(frozen.c.facts).where(frozen.c.snapshot_id == snapshot_id)).scalar()
    return str(json.loads(facts).get("files", {}).get("accounts", "")) if facts else ""


def _cure(account_id: str, episode_due: date, on: date, subject_ref: str, origin: _Origin) -> Event:
    """Tell of an episode that ended, with the ledger row that shows the account without arrears."""
    return Event(
        type="account.cured",
        key=natural_key(subject_ref, "cured", episode_due.isoformat(), on.isoformat()),
        business_date=on,
        subject_ref=subject_ref,
        data={"episode_due": episode_due.isoformat()},
        ledger=origin.of(account_id),
    )


def _event(row: Mapping[str, Any], subject_ref: str, origin: _Origin) -> Event:
    on = row["business_date"]
    kept = ("stage", "entitled_rung", "unlocked_rung", "rung", "lane", "overdue_instalments", "overdue_minor",
            "days_past_due", "currency", "revision", "facts_sha256", "verdict_sha256", "row_sha256")  # fmt: skip
    return Event(
        type="account.staged",
        key=natural_key(subject_ref, on.isoformat(), row["revision"]),
        business_date=on,
        subject_ref=subject_ref,
        data={name: row[name] for name in kept},
        policy_sha256=row["policy_sha256"],
        ledger=origin.of(row["account_id"]),
    )
