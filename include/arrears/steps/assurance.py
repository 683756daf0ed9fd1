"""The steps of ``arrears_assurance``: every night the store proves itself, or somebody is told."""

from typing import Any

from arrears.core.errors import Finding
from arrears.core.runtime import Request, Runtime


def open_night(rt: Runtime, request: Request) -> str:
    """Open the night's run."""
    from arrears.steps import runs

    return runs.open_run(rt, "assurance", request)


def verify_log(rt: Runtime, night: str) -> dict[str, Any]:
    """Recompute the whole audit log against its signed checkpoints.

    Raises:
        Finding: an event was changed; names the first bad one.
    """
    from arrears.audit.checkpoint import known_keys
    from arrears.audit.verify import kept_beside, verify_store
    from arrears.steps.world import store_of

    vkeys, kept = known_keys(rt.settings) or None, kept_beside(rt.settings)
    verdict = verify_store(store_of(rt), vkeys=vkeys, kept=kept)
    if verdict.exit_code:
        raise Finding(f"audit log: {verdict.message}")
    return {"size": verdict.size, "root": verdict.root}


def prove_store(rt: Runtime, night: str) -> dict[str, Any]:
    """Prove ladder, conservation, at-most-once, budgets and holds over the whole store.

    Raises:
        Finding: a check found a violation.
    """
    from arrears.proof.prove import prove
    from arrears.steps.world import policy_of, store_of

    checks = prove(store_of(rt), policy_of(rt.settings))
    broken = [check for check in checks if check.violations]
    if broken:
        raise Finding("prove: " + ", ".join(f"{check.name} {check.violations}" for check in broken))
    return {"checks": len(checks)}


def replay_decisions(rt: Runtime, night: str) -> dict[str, Any]:
    """Recompute a sample of the newest day's decisions from their frozen inputs; each must come out identical.

    Raises:
        Finding: a decision came out differently.
    """
    from arrears.proof.replay import replay
    from arrears.steps import runs
    from arrears.steps.world import policy_of, store_of

    newest = runs.newest_daily(rt)
    if newest is None:
        return {"replayed": 0}
    result = replay(rt, store_of(rt), newest, sample=policy_of(rt.settings).assurance.replayed_accounts)
    if result.different:
        raise Finding(f"replay of {newest}: {len(result.different)} decisions came out differently")
    return {"replayed": result.replayed}


def watch_deliveries(rt: Runtime, night: str) -> dict[str, Any]:
    """Look for days that did not finish and orders nobody acknowledged.

    Raises:
        Finding: today's run is missing, held or failed.
    """
    from arrears.steps import runs

    this = runs.read_run(rt, night)
    states = runs.states_of(rt, this.business_date)
    if "completed" not in states:
        raise Finding(f"{this.business_date}: no daily run completed ({', '.join(states) or 'none started'})")
    return {"runs": len(states)}


def collect_user_actions(rt: Runtime, night: str) -> dict[str, Any]:
    """Copy what users did in Airflow since the last night into the log; without its address, note that for the digest.

    Raises:
        TemporaryFailure: Airflow's API does not answer, or refuses the login.
    """
    from arrears.audit.user_actions import copy_actions, note_not_collected, read_until
    from arrears.audit.user_actions_http import AirflowLog
    from arrears.core.errors import TemporaryFailure
    from arrears.steps import runs
    from arrears.steps.world import store_of

    engine, url = store_of(rt), rt.settings.airflow_url
    if url is None:
        note_not_collected(rt, engine, "no ARREARS_AIRFLOW_URL")
        return {"collected": 0, "state": "not_collected"}
    on = runs.read_run(rt, night).business_date
    try:
        return {"collected": copy_actions(rt, engine, night, on, AirflowLog(url).since(read_until(engine)))}
    except TemporaryFailure as failure:
        note_not_collected(rt, engine, str(failure))
        raise


def report_overtaken(rt: Runtime, night: str) -> dict[str, Any]:
    """Find the actions that what came later made wrong: each is told once, with its remedy."""
    from arrears.proof.late import report_overtaken as report
    from arrears.steps import runs
    from arrears.steps.world import store_of

    return {"overtaken": report(rt, store_of(rt), night, runs.read_run(rt, night).business_date)}


def erase_what_expired(rt: Runtime, night: str) -> dict[str, Any]:
    """Delete raw files and erase the people of closed accounts whose time is over (policy ``retention``)."""
    from arrears.steps import erasure, raw_files, runs

    this = runs.read_run(rt, night)
    gone = raw_files.delete_raw_files(rt, night, this.business_date)
    erased = erasure.erase_expired(rt, night, this.business_date)
    return {"files": gone.deleted, "files_left": gone.left, "accounts": erased}


def close_night(rt: Runtime, night: str) -> dict[str, Any]:
    """Seal the night."""
    from arrears.core.clock import utc_text
    from arrears.steps import runs, summary

    runs.set_run(rt, night, settled_at=utc_text(rt.clock.now()))
    return summary.close(rt, night)
