"""Segments of the seed: the lane that orders the day, and the reasons for which somebody goes and looks."""

from arrears.ladder.facts import Facts
from arrears.ladder.policy import Policy
from arrears.ladder.standing import Standing


def lane_of(facts: Facts, policy: Policy) -> str:
    """Return the work lane: it orders the day and halves gaps, and never opens a gate."""
    if facts.malice:
        return "high_risk"
    if facts.days_past_due > policy.lanes.aged_days:
        return "aged"
    if facts.late_episodes >= policy.lanes.habitual_count:
        return "habitual"
    return "good_faith"


def triggers_of(facts: Facts, standing: Standing, policy: Policy) -> tuple[str, ...]:
    """Return which of the seed's reasons for a visit hold (policy ``visit_triggers``)."""
    found = (
        (standing.no_effect, "V1_no_effect"),
        (facts.late_episodes >= policy.visit_triggers.habitual_count, "V2_habitual"),
        (facts.promise_broken, "V3_broken_promise"),
        (standing.lost_contact, "V4_lost_contact"),
        (facts.visit_approved, "V5_approved"),
    )
    return tuple([name for holds, name in found if holds])
