"""How often a borrower may be called: few times at first, more by the week, silence after a talk or a refusal."""

from arrears.ladder.facts import Facts
from arrears.ladder.policy import Policy


def call_limits(facts: Facts, policy: Policy) -> list[str]:
    """Return the limits that are reached (policy ``contact.weekly_calls_by_week`` and ``contact.quiet_after_*``)."""
    contact = policy.contact
    found, budgets = [], contact.weekly_calls_by_week
    if facts.calls_last_7_days >= budgets[min(facts.days_past_due // 7, len(budgets) - 1)]:
        found.append("weekly_call_budget")
    talked = facts.days_since_conversation
    if talked is not None and talked < contact.quiet_after_conversation_days:
        found.append("recent_conversation")
    refused = facts.days_since_refusal
    if refused is not None and refused < contact.quiet_after_refusal_days:
        found.append("recent_refusal")
    return found
