"""What the policy asks of whoever carries out an item: a visit that is announced, and what others may be asked."""

from datetime import date, timedelta

from arrears.ladder.policy import Policy
from arrears.reports.wording import Words

ASKS_OTHERS = ("call", "visit", "asset_search")
"""Channels on which somebody else than the debtor may answer."""


def conduct(channel: str, on: date, policy: Policy, say: Words) -> list[str]:
    """Return the rules of conduct of an item (policy ``contact.visit_notice_days``, ``contact.third_parties``)."""
    lines = []
    notice = policy.contact.visit_notice_days
    if channel == "visit" and notice:
        lines.append(say("brief.visit_notice", date=(on + timedelta(days=notice)).isoformat()))
    if channel in ASKS_OTHERS:
        lines.append(say(f"brief.third_parties.{policy.contact.third_parties}"))
    return lines
