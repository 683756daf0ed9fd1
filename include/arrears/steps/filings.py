"""Packets, emergencies and filings: what two people are asked about, and what went to court."""

from datetime import date

from arrears.core.runtime import Runtime
from arrears.steps.world import policy_of, store_of


def judge(rt: Runtime, run_id: str, business_date: date) -> int:
    """Hold new filings against their approvals, and return how many were filed unapproved."""
    from arrears.approvals.filings import judge_filings
    from arrears.store.engine import writing

    with writing(store_of(rt)) as connection:
        return judge_filings(connection, rt, run_id, business_date, policy_of(rt.settings)).unapproved


def ask(rt: Runtime, run_id: str, business_date: date) -> int:
    """Put the packets that are ready to leave before two people, and return how many questions are new."""
    from arrears.approvals.packets import ask_about_emergencies, ask_about_packets
    from arrears.store.engine import writing

    with writing(store_of(rt)) as connection:
        policy = policy_of(rt.settings)
        asked = ask_about_packets(connection, rt, run_id, business_date, policy).asked
        return asked + ask_about_emergencies(connection, rt, run_id, business_date, policy).asked


def meet_emergencies(rt: Runtime, run_id: str, business_date: date) -> None:
    """Make the applications of emergencies asked for during the day, on the newest ledger, and ask about them at once.

    Before the first daily run there is no ledger to stand on.
    """
    from arrears.approvals.packets import ask_about_emergencies
    from arrears.legal.emergency import build_emergencies
    from arrears.steps import runs
    from arrears.store.engine import writing

    newest = runs.newest_daily(rt)
    if newest is None or runs.read_run(rt, newest).snapshot_id is None:
        return
    engine, policy = store_of(rt), policy_of(rt.settings)
    build_emergencies(rt, engine, run_id, newest, business_date, policy)
    with writing(engine) as connection:
        ask_about_emergencies(connection, rt, run_id, business_date, policy)
