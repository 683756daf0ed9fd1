"""The steps of ``arrears_daily``, in the order of the mission sentence; each is safe to run twice.

Features are imported inside the steps, so that reading a DAG file loads none of them.
"""

import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from arrears.core.errors import BadArguments, GateHeld
from arrears.core.runtime import Request, Runtime

LOG = logging.getLogger(__name__)
STAGES = (0, 1, 2, 3)
DONE_MARKER = "_DONE"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""A moment that is over on every clock: Airflow waits by its own, also while the clock of a rehearsal is pinned."""


def open_day(rt: Runtime, request: Request) -> str:
    """Open the run of a business date and return its id, the only thing the other steps are told."""
    from arrears.steps import runs

    return runs.open_run(rt, "daily", request)


def ledger_is_there(rt: Runtime, day: str) -> bool:
    """Say whether the day's feeds are complete: a named folder at once, a dated one by its ``_DONE`` marker.

    Raises:
        BadArguments: the folder that somebody named is not there.
        GateHeld: the hour of that day is over by which its ledger is awaited, however late the wait began.
    """
    from arrears.core.clock import at_local
    from arrears.steps import runs, world

    this = runs.read_run(rt, day)
    folder = _feeds_folder(rt, this.feeds_folder, this.business_date)
    if this.feeds_folder and not folder.is_dir():
        raise BadArguments(f"feeds folder {folder.name}: no such folder")
    if this.feeds_folder or _is_complete(folder):
        return True
    policy = world.policy_of(rt.settings)
    by = policy.clocks.ledger_by
    if rt.clock.now() >= at_local(this.business_date, by, policy.time_zone):
        raise GateHeld(
            f"the ledger of {folder.name} has no {DONE_MARKER} by {by:%H:%M}: nobody was contacted; have it delivered, "
            "then clear this task"
        )
    return False


def _is_complete(folder: Path) -> bool:
    return (folder / DONE_MARKER).exists()


def _is_late(rt: Runtime, named: str | None, on: date) -> bool:
    """Say whether the ledger of a day is still awaited; a folder that somebody named is there or is wrong, not late."""
    return not named and bool(rt.settings.ledger_url) and not _is_complete(_feeds_folder(rt, None, on))


def pull_ledger(rt: Runtime, day: str) -> dict[str, Any]:
    """Import every feed present and earlier days' receipts, stage all accounts and freeze the ledger.

    Raises:
        BadArguments: no ledger was named, or a required feed is missing.
    """
    from arrears.ledger.pull import pull
    from arrears.steps import receipts, runs, world

    this = runs.read_run(rt, day)
    folder = _feeds_folder(rt, this.feeds_folder, this.business_date)
    pulled = pull(rt, world.store_of(rt), day, folder, this.business_date, world.policy_of(rt.settings))
    receipts.take(rt, this, before=this.business_date)
    runs.set_run(rt, day, snapshot_id=pulled.snapshot_id, feeds_sha256=pulled.sha256)
    return {"snapshot_id": pulled.snapshot_id, "rows": pulled.rows, "quarantined": pulled.quarantined,
            "accounts": pulled.accounts}  # fmt: skip


def _feeds_folder(rt: Runtime, named: str | None, on: date) -> Path:
    if named:
        return Path(named)
    url = rt.settings.ledger_url
    if url and (url.startswith("file://") or "://" not in url):
        return Path(url.removeprefix("file://")) / on.isoformat()
    raise BadArguments(
        "no ledger: name a feeds folder (--feeds DIR), or set ARREARS_LEDGER_URL to the folder of dated ones"
    )


def gate_ledger(rt: Runtime, day: str) -> dict[str, Any]:
    """Compare the ledger with what it should look like, and hold the run before anything leaves.

    Raises:
        GateHeld: a gate did not pass and nobody overrode it.
    """
    from arrears.ledger.gates import check_gates
    from arrears.steps import overrides, runs, summary, world

    this = runs.read_run(rt, day)
    gates = check_gates(rt, world.store_of(rt), day, this.snapshot_id, world.policy_of(rt.settings))
    failed = [gate for gate in gates if not gate.passed and gate.overridden_by is None]
    if failed:
        overrides.ask_override(rt, this, [gate.name for gate in failed])
        names = ", ".join(f"{gate.name} ({gate.detail})" for gate in failed)
        raise GateHeld(f"ledger gate held {this.business_date}: {names}; nothing was sent. Mend the feed, or override "
                       "the gate by name with `arrears approvals`")  # fmt: skip
    return {"gates": len(gates), **summary.ledger_of(rt, this)}


def decide_accounts(rt: Runtime, day: str) -> dict[str, Any]:
    """Place every overdue account, and every account with a step due today, on the ladder."""
    from arrears.ladder.decisions import decide_snapshot
    from arrears.steps import golive, runs, world

    this = runs.read_run(rt, day)
    golive.ask(rt, day, this.business_date, world.policy_of(rt.settings))
    if this.snapshot_id is None:
        raise BadArguments(f"run {day} has no frozen ledger: run its pull step first")
    decided = decide_snapshot(
        rt, world.store_of(rt), day, this.snapshot_id, this.business_date, world.policy_of(rt.settings),
        newest=runs.is_newest(rt, this),
    )  # fmt: skip
    if decided.erased:
        LOG.warning("%d accounts of this ledger were erased since: nothing is decided about them", decided.erased)
    rules = world.policy_of(rt.settings)
    return {"rows": decided.rows, "new": decided.new_rows, "distinct": decided.distinct, "erased": decided.erased,
            "policy_id": rules.policy_id, "policy_version": rules.version, "policy_sha256": rules.sha256}  # fmt: skip


def plan_contacts(rt: Runtime, day: str) -> dict[str, Any]:
    """Turn decisions into contacts: one a person, channel and day, whatever the number of contracts."""
    from arrears.outreach.plan import plan_contacts as plan
    from arrears.steps import runs, surge, world

    this = runs.read_run(rt, day)
    result = plan(rt, world.store_of(rt), day, this.business_date, world.policy_of(rt.settings))
    held = surge.assess(rt, this)
    return {"planned": result.planned, "held_channels": held, "suppressed": sum(result.suppressed.values())}


def build_packets(rt: Runtime, day: str) -> dict[str, Any]:
    """Keep exactly one current packet for every account at stage three, and the clocks of those before it."""
    from arrears.legal.aftermath import write_notices
    from arrears.legal.agreements import write_agreements
    from arrears.legal.build import build_packets as build
    from arrears.legal.build import retire_packets, stage_three_accounts
    from arrears.legal.emergency import build_emergencies
    from arrears.legal.watch import watch_clocks
    from arrears.steps import runs, world

    this, engine, policy = runs.read_run(rt, day), world.store_of(rt), world.policy_of(rt.settings)
    if runs.is_newest(rt, this):
        retire_packets(rt, engine, day, this.business_date)
        watch_clocks(rt, engine, day, this.business_date, policy)
    accounts = stage_three_accounts(engine, this.business_date)
    notices = write_notices(rt, engine, day, this.business_date, policy)
    agreements = write_agreements(rt, engine, day, this.business_date, policy)
    emergencies = build_emergencies(rt, engine, day, day, this.business_date, policy)
    built = build(rt, engine, day, this.business_date, policy, accounts)
    return {**built, "notices": sum(notices.values()), "agreements": agreements,
            "emergencies": emergencies["ready"]}  # fmt: skip


def propose_orders(rt: Runtime, day: str) -> dict[str, Any]:
    """Take over orders that ran before go-live, and ask for approval where a packet is ready and a remedy chosen.

    What went to court meanwhile is held against its approval first: a filed suit voids nothing that it used.
    """
    from arrears.approvals.questions import PACKETS, count_open
    from arrears.repossession.orders import propose_orders as propose
    from arrears.repossession.running import import_running_orders
    from arrears.steps import filings, runs, world
    from arrears.store.engine import reading

    this, engine = runs.read_run(rt, day), world.store_of(rt)
    taken = import_running_orders(rt, engine, day)
    proposed = propose(rt, engine, day, this.business_date, world.policy_of(rt.settings))
    filings.judge(rt, day, this.business_date)
    filings.ask(rt, day, this.business_date)
    with reading(engine) as connection:
        waiting = count_open(connection, "order", *PACKETS)
    return {"imported": taken, "proposed": proposed.proposed, "waiting": waiting}


def seal_morning(rt: Runtime, day: str) -> dict[str, Any]:
    """Tie every sum once more, then seal the morning's events, so that the digest carries a checkpoint somebody keeps.

    Raises:
        Finding: rows or amounts were lost or made up on the way: nothing is sent.
    """
    from arrears.audit.seal import seal
    from arrears.steps import totals, world

    totals.tie_ledger(rt, day)
    sealed = seal(rt, world.store_of(rt))
    return {"size": sealed.size, "root": sealed.root}


def write_worklists(rt: Runtime, day: str) -> dict[str, Any]:
    """Write today's calls, visits and letters as one workbook a collector, with scripts, briefs and the letters."""
    from arrears.legal.letter_files import write_letters
    from arrears.outreach.letters import letter_words
    from arrears.outreach.work_items import write_scripts
    from arrears.reports import committee, expected
    from arrears.reports.worklists import write_worklists as write
    from arrears.steps import runs, world

    this, engine, policy = runs.read_run(rt, day), world.store_of(rt), world.policy_of(rt.settings)
    scripts = write_scripts(rt, engine, this.business_date, policy)
    said = letter_words(rt, engine, this.business_date, policy)
    letters = write_letters(rt, engine, day, this.business_date, policy, said)
    files = write(rt, engine, day, this.business_date, policy)
    committee.write_list(rt, engine, this.business_date, policy)
    expected.write_estimates(rt, engine, this.business_date, policy)
    return {"files": len(files), "scripts": scripts, **letters}


def send_digest(rt: Runtime, day: str) -> dict[str, Any]:
    """Mail the morning digest, once a recipient, before the contact window opens.

    Raises:
        TemporaryFailure: the mail server does not take it now.
    """
    from arrears.steps import digest, runs

    return digest.send(rt, runs.read_run(rt, day))


def window_opens_at(rt: Runtime, day: str) -> str:
    """Return when contacts may start on the run's day, UTC; a rehearsal never waits, whatever day it plays."""
    from arrears.core.clock import at_local
    from arrears.steps import runs, world

    this, policy = runs.read_run(rt, day), world.policy_of(rt.settings)
    opens = at_local(this.business_date, policy.contact.window.opens, policy.time_zone)
    return (LONG_AGO if rt.rehearsal else opens).isoformat()


def branch_by_stage(rt: Runtime, day: str) -> list[str]:
    """Return the stage groups that have contacts to send; the others are skipped in plain sight."""
    from arrears.outreach.batches import batches_of
    from arrears.steps import runs, world

    this, engine = runs.read_run(rt, day), world.store_of(rt)
    return [f"stage_{stage}" for stage in STAGES if batches_of(engine, this.business_date, stage)]


def list_batches(rt: Runtime, day: str, stage: int) -> list[int]:
    """Return the batch numbers of a stage, at most 32: what the fan-out maps over."""
    from arrears.outreach.batches import batches_of
    from arrears.steps import runs, world

    return batches_of(world.store_of(rt), runs.read_run(rt, day).business_date, stage)


def send_batch(rt: Runtime, day: str, stage: int, batch: int) -> dict[str, int]:
    """Send one batch of a stage; every gate is asked again at the moment of sending."""
    from arrears.outreach.dispatch import dispatch
    from arrears.steps import channels, runs, surge, world

    this = runs.read_run(rt, day)
    valve = surge.valve_of(rt, this, this.business_date)
    with channels.contact_channels(rt) as adapters:
        return dispatch(
            rt, world.store_of(rt), day, adapters, business_date=this.business_date, stage=stage, batch_no=batch,
            valve=valve,
        )  # fmt: skip


def settle_orders(rt: Runtime, day: str) -> dict[str, Any]:
    """Stand down what a payment or hold has overtaken, then hand over what two people approved."""
    from arrears.steps import orders, runs

    return orders.settle(rt, runs.read_run(rt, day))


def close_day(rt: Runtime, day: str) -> dict[str, Any]:
    """Seal the day and write what it came to; a held or failed day mails its reason and the open work, never silent.

    Raises:
        TemporaryFailure: the day is closed and sealed, but the mail server does not take that mail now.
    """
    from arrears.steps import desk_files, digest, receipts, runs, summary

    this = runs.read_run(rt, day)
    if this.snapshot_id is None and _is_late(rt, this.feeds_folder, this.business_date):
        runs.hold_as_late(rt, this)
    desk_files.write(rt, this)
    receipts.ask_about_doubts(rt, day)
    closed = summary.close(rt, day)
    if closed["status"] == "completed":
        return closed
    carried = digest.carry_over(rt, this)
    try:
        alarm = digest.send_alarm(rt, runs.read_run(rt, day))
    finally:
        closed = summary.close(rt, day)
    return {**closed, "alarm": alarm, "carried": carried}
