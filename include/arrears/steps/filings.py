"""Packets and filings: what two people are asked about, and what went to court with or without them."""

from datetime import date

from arrears.core.runtime import Runtime
from arrears.steps.world import policy_of, store_of


def judge(rt: Runtime, run_id: str, business_date: date) -> int:
    """Hold new filings against their approvals, and return how many were filed unapproved."""
    from arrears.approvals.filings import judge_filings
    from arrears.store.engine import writing

    with writing(store_of(rt)) as connection:
        zone = policy_of(rt.settings).time_zone
        return judge_filings(connection, rt, run_id, business_date, zone).unapproved


def ask(rt: Runtime, run_id: str, business_date: date) -> int:
    """Put the packets that are ready to leave before two people, and return how many questions are new."""
    from arrears.approvals.packets import ask_about_packets
    from arrears.store.engine import writing

    with writing(store_of(rt)) as connection:
        return ask_about_packets(connection, rt, run_id, business_date, policy_of(rt.settings)).asked
