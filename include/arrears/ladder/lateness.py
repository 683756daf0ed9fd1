"""Steps that fell on days nobody worked on: sent late once, folded into the latest, or skipped and recorded.

Whatever the length of an outage, nobody gets a burst. Source: policy ``steps.late``; missed are the days since the
store last worked.
"""

from collections.abc import Iterable

from arrears.ladder.facts import Facts
from arrears.ladder.step_table import Rule

MISSED = "missed_day"


def fell_on_a_missed_day(rule: Rule, facts: Facts, last_done: int | None) -> bool:
    """Say whether a step that is due today was due on a day that was missed; ``last_done`` in working days."""
    if rule.dated:
        return rule.mark.name not in facts.calendar_steps and rule.mark.name in facts.missed_steps
    if not facts.missed_working_days:
        return False
    late = facts.working_days_overdue - max(rule.offset, 0)
    if rule.gap is not None and last_done is not None:
        late = min(late, last_done - rule.gap)
    return late > 0


def is_on_its_day(rule: Rule, facts: Facts) -> bool:
    """Say whether a step that is never sent late has its day today, or had it on a day that was missed."""
    past = facts.working_days_overdue - rule.offset
    return (past % rule.gap if rule.gap else past) <= facts.missed_working_days


def why_not_late(rule: Rule, others: Iterable[Rule], *, is_late: bool) -> str | None:
    """Return why a missed step stays behind: it is only recorded, or a later one of its kind says the same today.

    Messages are one kind: after an outage one message a person goes out, the others follow on the days after.
    """
    if rule.late == "skip_and_record":
        return MISSED if is_late else None
    if rule.late == "send_late_once":
        return None
    later = [other.mark.name for other in others if _says_the_same(other, rule)]
    return f"collapsed_into_{later[-1]}" if is_late and later else None


def _says_the_same(other: Rule, rule: Rule) -> bool:
    return (
        other.late == "collapse_to_latest"
        and other.place > rule.place
        and other.mark.audience == rule.mark.audience
        and other.about == rule.about
    )
