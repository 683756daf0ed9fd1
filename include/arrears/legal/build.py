"""Build the packets of stage-three accounts: one current packet each, rebuilt only when its legal facts change."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Engine, bindparam, select, update

from arrears.audit.record import Event, record_many
from arrears.core.errors import ArrearsError
from arrears.core.progress import tell
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.legal import archive, case_file, frozen, packet, sheets, shelf, typesetting
from arrears.legal.case_file import CaseFile
from arrears.legal.enclosures import enclosures
from arrears.legal.frozen import LedgerReader
from arrears.legal.judged import Judged, judge
from arrears.legal.packet import State
from arrears.legal.readiness import Readiness
from arrears.store.artefacts import packet_id as packet_id_of
from arrears.store.artefacts import packet_number
from arrears.store.bulk import insert_all
from arrears.store.engine import forget_pages, reading, writing
from arrears.store.tables.feeds import account
from arrears.store.tables.legal import PACKET_STATES
from arrears.store.tables.legal import packet as packet_table

BATCH = 100
READ_AHEAD = (
    5 * BATCH
)  # to find accounts in the frozen ledger costs the same for one as for many; to hold them does not
Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Built:
    """A packet that is on disk and waits for its row."""

    row: dict[str, Any]
    replaces: str | None
    event: Event


def stage_three_accounts(engine: Engine, business_date: date) -> list[str]:
    """Return the accounts at stage three by the newest decision of a day, in order; of one erased nothing is built."""
    erased = select(account.c.account_id).where(account.c.erased_at.is_not(None))
    with reading(engine) as connection:
        gone = set(connection.execute(erased).scalars())
        return [name for name in shelf.stage_three_ids(connection, business_date) if name not in gone]


def build_packets(
    rt: Runtime,
    engine: Engine,
    run_id: str,
    business_date: date,
    policy: Policy,
    account_ids: Sequence[str],
) -> dict[str, int]:
    """Bring the packets of some accounts up to date and return the count of each state, ``rebuilt`` and ``unchanged``.

    A packet that cannot be rendered becomes ``incomplete`` and the others go on. Files are written before the rows, in
    bounded batches; each batch's rows and audit events are one transaction. A packet built for a later day stays.

    Raises:
        CannotTell: the run has no frozen ledger.
    """
    counts: Counter[str] = Counter(dict.fromkeys((*PACKET_STATES, "rebuilt", "unchanged"), 0))
    if not account_ids:
        return dict(counts)
    in_order = sorted(account_ids)  # as the frozen ledger is, whatever a database takes for alphabetical
    with reading(engine) as connection:
        ledger = frozen.open_ledger(connection, rt.settings.artifacts_url, run_id, in_order)
    for start in range(0, len(in_order), BATCH):
        if start % READ_AHEAD == 0:
            ledger.read_schedules(in_order[start : start + READ_AHEAD], business_date)
        batch = in_order[start : start + BATCH]
        counts.update(_build_batch(rt, engine, ledger, run_id, business_date, policy, batch))
        forget_pages(engine)
        tell(min(start + BATCH, len(in_order)), len(in_order), "packets")
    return dict(counts)


def retire_packets(rt: Runtime, engine: Engine, run_id: str, business_date: date) -> int:
    """Supersede the packets of accounts that have left stage three, and return how many; files and rows are kept."""
    still = set(stage_three_accounts(engine, business_date))
    with writing(engine) as connection:
        current = connection.execute(
            select(packet_table.c.packet_id, packet_table.c.account_id, account.c.subject_ref)
            .join(account, account.c.account_id == packet_table.c.account_id, isouter=True)
            .where(packet_table.c.superseded_on.is_(None), packet_table.c.built_on <= business_date)
            .order_by(packet_table.c.packet_id)
        ).all()
        left = [row for row in current if row.account_id not in still]
        shelf.supersede(connection, [row.packet_id for row in left], business_date)
        record_many(
            connection,
            rt,
            run_id=run_id,
            events=(
                Event(
                    "packet.superseded",
                    row.packet_id,
                    business_date,
                    row.subject_ref,
                    data={"reason": "left_stage_three"},
                )
                for row in left
            ),
        )
    return len(left)


def _build_batch(
    rt: Runtime, engine: Engine, ledger: LedgerReader, run_id: str, day: date, policy: Policy, batch: Sequence[str]
) -> Counter[str]:
    with reading(engine) as connection:
        cases = case_file.load(connection, ledger, policy, day, batch)
        current = shelf.current_packets(connection, batch)
        versions = shelf.last_versions(connection, batch)
    stale: list[Judged] = []
    same: list[Judged] = []
    counts: Counter[str] = Counter()
    for case in cases:
        account_id = case.facts.account_id
        before = current.get(account_id)
        if before is not None and before["built_on"] > day:
            counts.update((before["state"], "unchanged"))
            continue
        one = judge(case, policy, before, versions.get(account_id, 0) + 1)
        (same if one.stands(one.state) else stale).append(one)
    built = []
    for one in _with_record(engine, stale, policy):
        made = _build_one(rt, one, policy, run_id)
        if made is None:
            same.append(one)
        else:
            built.append(made)
            counts.update((made.row["state"], "rebuilt"))
    _store(rt, engine, run_id, day, built, _keep(same, counts))
    return counts


def _with_record(engine: Engine, stale: Sequence[Judged], policy: Policy) -> list[Judged]:
    """Read what the new packets show beside the facts; for the others nobody reads it."""
    if not stale:
        return []
    with reading(engine) as connection:
        whole = case_file.with_record(connection, [one.case for one in stale], policy.time_zone)
    return [replace(one, case=case) for one, case in zip(stale, whole, strict=True)]


def _keep(same: Sequence[Judged], counts: Counter[str]) -> list[dict[str, Any]]:
    """Count the packets that stand, and return the clocks of those whose clocks have moved."""
    fresh = []
    for one in same:
        if one.before is not None:
            counts.update((one.before["state"], "unchanged"))
            if (clocks := one.clocks()) != one.before["clocks"]:
                fresh.append({"key": one.before["packet_id"], "fresh": clocks})
    return fresh


def _build_one(rt: Runtime, one: Judged, policy: Policy, run_id: str) -> _Built | None:
    """Render and file one packet, or return ``None`` when it fails as the current one did."""
    case, readiness, before, version = one.case, one.readiness, one.before, one.version
    facts, identity = case.facts, one.identity
    packet_id = packet_id_of(facts.account_id, version)
    pdf, state = _render(rt, case, readiness, policy, one.state, packet_id, identity)
    if one.stands(state):
        return None
    filed = archive.file_packet(
        rt.settings.artifacts_url,
        packet_id,
        _files(case, state, pdf),
        _manifest(case, policy, state, run_id, packet_id, version, identity),
        facts.business_date,
    )
    row = {
        "packet_id": packet_id,
        "account_id": facts.account_id,
        "version": version,
        "state": state.name,
        "facts_sha256": identity,
        "open_remedies": list(readiness.open_remedies),
        "chosen_remedy": facts.chosen_remedy,
        "missing": list(readiness.missing),
        "reasons": packet.reasons_of(state, readiness),
        "clocks": one.clocks(),
        "pdf_sha256": filed.pdf_sha256,
        "pdf_path": filed.pdf_path,
        "manifest_sha256": filed.manifest_sha256,
        "archive_path": filed.archive_path,
        "archive_sha256": filed.archive_sha256,
        "built_on": facts.business_date,
        "run_id": run_id,
        "superseded_on": None,
    }
    replaces = before["packet_id"] if before is not None else None
    return _Built(row, replaces, _event(row, facts.subject_ref, policy, replaces))


def _render(
    rt: Runtime, case: CaseFile, readiness: Readiness, policy: Policy, state: State, packet_id: str, identity: str
) -> tuple[bytes | None, State]:
    number = packet_number(packet_id)
    try:
        return packet.render(rt.settings.home, case, readiness, policy, state, number, identity), state
    except ArrearsError as error:
        reason = error.reason if isinstance(error, typesetting.CannotRender) else "cannot_render"
        broken = State("incomplete" if state.name != "withheld" else "withheld", (*state.reasons, reason))
    try:
        return packet.render(rt.settings.home, case, readiness, policy, broken, number, identity), broken
    except ArrearsError:
        return None, broken


def _files(case: CaseFile, state: State, pdf: bytes | None) -> dict[str, bytes]:
    """Return the files of a packet: the PDF, and its tables where the whole file is shown."""
    files = {} if pdf is None else {archive.PDF: pdf}
    return files | (enclosures(case) if state.name in ("draft", "ready") else {})


def _manifest(
    case: CaseFile, policy: Policy, state: State, run_id: str, packet_id: str, version: int, identity: str
) -> dict[str, Any]:
    return {
        "packet_id": packet_id,
        "number": packet_number(packet_id),
        "version": version,
        "state": state.name,
        "facts_sha256": identity,
        "cut_off": case.facts.business_date.isoformat(),
        "run_id": run_id,
        "policy": {"id": policy.policy_id, "version": policy.version, "sha256": policy.sha256},
        "template_sha256": typesetting.template_sha256(sheets.TEMPLATE),
        "evidence": sorted([document.kind, document.sha256] for document in case.facts.documents),
    }


def _event(row: Row, subject_ref: str, policy: Policy, replaces: str | None) -> Event:
    return Event(
        type="packet.built",
        key=row["packet_id"],
        business_date=row["built_on"],
        subject_ref=subject_ref,
        causes=[replaces] if replaces else [],
        policy_sha256=policy.sha256,
        data={
            "version": row["version"],
            "state": row["state"],
            "reasons": row["reasons"],
            "missing": row["missing"],
            "open_remedies": row["open_remedies"],
            "facts_sha256": row["facts_sha256"],
            "pdf_sha256": row["pdf_sha256"] or "",
            "manifest_sha256": row["manifest_sha256"],
            "archive_sha256": row["archive_sha256"],
            "template_sha256": typesetting.template_sha256(sheets.TEMPLATE),
        },
    )


def _store(
    rt: Runtime, engine: Engine, run_id: str, day: date, built: Sequence[_Built], fresh_clocks: Sequence[dict[str, Any]]
) -> None:
    with writing(engine) as connection:
        shelf.supersede(connection, [made.replaces for made in built if made.replaces], day)
        insert_all(connection, packet_table, (made.row for made in built))
        record_many(connection, rt, run_id=run_id, events=(made.event for made in built))
        if fresh_clocks:
            connection.execute(
                update(packet_table)
                .where(packet_table.c.packet_id == bindparam("key"))
                .values(clocks=bindparam("fresh")),
                fresh_clocks,
            )
