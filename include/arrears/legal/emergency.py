"""Preservation in an emergency: the machine is hidden or sold before the gates of the last rung are open.

It opens the court's preservation alone, never a tow: an application of its own, approved by two people on the evidence
that lies before them. Seed of the rule: domain model 5b; SPC preservation rules 2020, art. 1, 5 and 7; CPL 104.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine

from arrears.approvals.in_the_way import SUITS_IT
from arrears.audit.record import Event, record_many
from arrears.core.errors import ArrearsError
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.legal import archive, case_file, emergency_rows, frozen, readiness, sheets, statement, typesetting
from arrears.legal.case_file import CaseFile
from arrears.legal.facts import facts_sha256
from arrears.store.artefacts import emergency_id, packet_number
from arrears.store.engine import reading, writing

TEMPLATE = "preservation.typ"


@dataclass(frozen=True)
class _Judged:
    """One application: its case, what it lacks, and the identity of its facts."""

    case: CaseFile
    case_id: str
    lacking: tuple[str, ...]
    identity: str


def build_emergencies(
    rt: Runtime, engine: Engine, run_id: str, ledger_run: str, on: date, policy: Policy
) -> dict[str, int]:
    """Bring the application of each emergency that somebody asked for up to date; return how many are ready or lack.

    The account is behind with something, a person of the staff has asked (feed ``cases``), and the papers of
    ``required_documents.emergency_preservation`` are on file. What stands is not made again; what is over is retired.
    """
    with reading(engine) as connection:
        asked = emergency_rows.asked(connection, on, policy.time_zone)
        current, versions = emergency_rows.current(connection), emergency_rows.last_versions(connection)
        judged = _judge(rt, connection, ledger_run, on, policy, asked) if asked else []
    counts = Counter(dict.fromkeys(("ready", "lacking"), 0))
    stale = [key for key in current if key not in {(one.case.facts.account_id, one.case_id) for one in judged}]
    made = []
    for one in judged:
        key = (one.case.facts.account_id, one.case_id)
        before = current.get(key)
        if before is not None and (before.facts_sha256, tuple(before.lacking)) == (one.identity, one.lacking):
            counts[before.state] += 1
            continue
        row = _build(rt, one, policy, run_id, versions.get(key, 0) + 1)
        counts[row["state"]] += 1
        made.append((row, one.case.facts.subject_ref))
    with writing(engine) as connection:
        replaced = [key for row, _ in made if (key := (row["account_id"], row["case_id"])) in current]
        emergency_rows.retire(connection, [current[key].emergency_id for key in (*stale, *replaced)], on)
        emergency_rows.keep(connection, [row for row, _ in made])
        record_many(connection, rt, run_id=run_id, events=[_event(row, ref, policy) for row, ref in made])
    return dict(counts)


def _judge(
    rt: Runtime, connection: Connection, ledger_run: str, on: date, policy: Policy, asked: Mapping[str, str]
) -> list[_Judged]:
    ids = sorted(asked)
    ledger = frozen.open_ledger(connection, rt.settings.artifacts_url, ledger_run, ids)
    ledger.read_schedules(ids, on)
    cases = case_file.load(connection, ledger, policy, on, ids)
    whole = case_file.with_record(connection, cases, policy.time_zone)
    return [_judged(case, asked[case.facts.account_id], policy) for case in whole]


def _judged(case: CaseFile, case_id: str, policy: Policy) -> _Judged:
    facts = case.facts
    papers = readiness.papers_of(facts, policy, "emergency_preservation")
    holds = [f"hold_{kind}" for kind in facts.hard_holds if kind not in SUITS_IT]
    unsound = (
        [] if case.in_ledger and not facts.data_incomplete and not statement.differences(facts) else ["data_incomplete"]
    )
    checks = {
        "nothing_overdue": facts.money.overdue_minor > 0,
        "borrower_known": any(party.role == "borrower" and party.name for party in facts.parties),
        "service_address": all(party.service_address or party.address for party in facts.debtors),
        **{f"document_{kind}": sha256 is not None for kind, sha256 in papers.items()},
    }
    lacking = (*holds, *unsound, *(name for name, met in checks.items() if not met))
    shown = {row.sha256: row.kind for row in facts.documents if row.kind in papers}
    identity = facts_sha256(facts, {"emergency": True}, {**shown, "case": case_id}, policy.sha256)
    return _Judged(case, case_id, lacking, identity)


def _build(rt: Runtime, one: _Judged, policy: Policy, run_id: str, version: int) -> dict[str, Any]:
    """Set and file one application; one that lacks something is a row alone."""
    facts = one.case.facts
    key = emergency_id(facts.account_id, one.case_id, version)
    pdf, lacking = _render(rt, one, policy, key)
    filed = None if pdf is None else archive.file_packet(
        rt.settings.artifacts_url, key, {archive.PDF: pdf},
        {"packet_id": key, "number": packet_number(key), "version": version, "state": "ready",
         "facts_sha256": one.identity, "cut_off": facts.business_date.isoformat(), "run_id": run_id,
         "policy": {"id": policy.policy_id, "version": policy.version, "sha256": policy.sha256},
         "template_sha256": typesetting.template_sha256(TEMPLATE)},
        facts.business_date,
    )  # fmt: skip
    return {
        "emergency_id": key,
        "account_id": facts.account_id,
        "case_id": one.case_id,
        "version": version,
        "state": "ready" if filed else "lacking",
        "lacking": list(lacking),
        "facts_sha256": one.identity,
        "pdf_path": filed.pdf_path if filed else None,
        "pdf_sha256": filed.pdf_sha256 if filed else None,
        "manifest_sha256": filed.manifest_sha256 if filed else None,
        "built_on": facts.business_date,
        "run_id": run_id,
    }


def _render(rt: Runtime, one: _Judged, policy: Policy, key: str) -> tuple[bytes | None, Sequence[str]]:
    if one.lacking:
        return None, one.lacking
    case, assessed = one.case, readiness.assess(one.case.facts, policy)
    number = packet_number(key)
    data = sheets.compose(case, assessed, policy, "ready", (), number, one.identity, TEMPLATE)
    try:
        return typesetting.render(rt.settings.home, TEMPLATE, data, case.facts.business_date), ()
    except ArrearsError as error:
        return None, (error.reason if isinstance(error, typesetting.CannotRender) else "cannot_render",)


def _event(row: Mapping[str, Any], subject_ref: str, policy: Policy) -> Event:
    return Event(
        type="emergency.built",
        key=row["emergency_id"],
        business_date=row["built_on"],
        subject_ref=subject_ref,
        policy_sha256=policy.sha256,
        data={
            "version": row["version"],
            "state": row["state"],
            "lacking": row["lacking"],
            "facts_sha256": row["facts_sha256"],
            "pdf_sha256": row["pdf_sha256"] or "",
            "manifest_sha256": row["manifest_sha256"] or "",
        },
    )
