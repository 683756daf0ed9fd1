"""The one decision function: pure, total, and short enough to be read by an auditor.

Source of the rules: the seed's flow chart (a cumulative ladder), its principle of gradual escalation
(no rung is skipped), and the policy keys named beside each rule.
"""

from collections.abc import Sequence
from functools import lru_cache

from arrears.ladder.call_limits import call_limits
from arrears.ladder.contact_days import is_used, refusal
from arrears.ladder.decision import Action, Decision, Suppressed
from arrears.ladder.facts import ALONE, Facts, StepDone, entitled_rung, marks_of
from arrears.ladder.lanes import lane_of, triggers_of
from arrears.ladder.lateness import fell_on_a_missed_day, is_on_its_day, why_not_late
from arrears.ladder.policy import Policy
from arrears.ladder.standing import Gate, Standing
from arrears.ladder.step_table import Mark, Rule, StepTable, table_of

TONES = ("courteous", "firm", "serious")
OWN_REMINDER = ("promise", "plan")
"""What is said of, and the hold that does not stop it: an instalment of a plan is reminded of like a promise."""


def decide(facts: Facts, policy: Policy) -> Decision:
    """Place an account on the ladder and choose today's steps; defined for every combination of facts."""
    table = table_of(policy)
    gates, standing = table.weigh(facts.evidence, "promise" in facts.soft_holds)
    return choose(facts, gates, standing, table)


def choose(facts: Facts, gates: tuple[Gate, ...], standing: Standing, table: StepTable) -> Decision:
    """Choose today's steps of an account whose evidence is weighed; of the evidence only the standing is asked."""
    entitled = entitled_rung(facts.effective_instalments)
    case = _Case(facts, standing, min(entitled, standing.unlocked_rung), table)
    actions: list[Action] = []
    suppressed: list[Suppressed] = []
    due = [rule for rule in table.up_to[entitled] if _is_due(rule, case)]
    for rule in due:
        reasons = _why_not(rule, case, due)
        if reasons:
            suppressed.append(_suppressed(rule.mark, tuple(reasons)))
        else:
            actions.append(_action(rule, case))
    why = _reasons(case, entitled)
    return Decision(
        entitled, standing.unlocked_rung, case.rung, case.lane, why, gates, tuple(actions), tuple(suppressed)
    )


class _Case:
    """One account on its day, with what every step asks about."""

    __slots__ = ("done", "facts", "lane", "marks", "policy", "rung", "standing", "table", "triggers")

    def __init__(self, facts: Facts, standing: Standing, rung: int, table: StepTable) -> None:
        self.facts, self.standing, self.rung = facts, standing, rung
        self.table, self.policy = table, table.policy
        self.lane = lane_of(facts, table.policy)
        self.triggers = triggers_of(facts, standing, table.policy)
        self.marks = marks_of(facts, table.policy.holds.debtor_only)
        self.done: dict[str, StepDone] = {done.step: done for done in facts.done}


def _is_due(rule: Rule, case: _Case) -> bool:
    """Say whether the clock of a step has come round today; evidence and holds are asked later."""
    facts = case.facts
    if (rule.lane is not None and rule.lane != case.lane) or (rule.when and not rule.when & case.marks):
        return False
    if rule.dated:
        is_there = rule.mark.name in facts.calendar_steps or rule.mark.name in facts.missed_steps
        return is_there and _concerns(rule, case)
    if facts.effective_instalments < rule.instalments or facts.working_days_overdue < rule.offset:
        return False
    if facts.working_days_known < rule.known:
        return False
    return _has_come_round(rule, case)


def _concerns(rule: Rule, case: _Case) -> bool:
    """Say whether there is what a dated step speaks of; thanks are for arrears that somebody was contacted about."""
    facts = case.facts
    if rule.about == "promise":
        return facts.effective_instalments > 0
    if rule.about == "cured":
        return facts.stage == 0 and _contacts(case) > 0
    return facts.cycle_unpaid or not rule.needs_cycle


def _has_come_round(rule: Rule, case: _Case) -> bool:
    """Say whether a step of arrears is to be done today: nobody else did it lately, and its day is now."""
    if rule.mark.audience == "guarantors" and not case.standing.has_guarantors:
        return False
    if rule.needs_trigger and not case.triggers:
        return False
    if rule.unreminded is not None and not _is_unreminded(rule.unreminded, case):
        return False
    if any(_happened(mark, case) for mark in rule.unless):
        return False
    if rule.gap is None:
        return not _happened(rule.mark, case)
    if rule.late == "skip_and_record" and rule.offset >= 0 and not is_on_its_day(rule, case.facts):
        return False
    gap = rule.risky_gap if _is_brisk(rule, case) else rule.gap
    return not _lately(rule.mark.name, gap, case) and not any(_lately(name, days, case) for name, days in rule.visits)


def _is_brisk(rule: Rule, case: _Case) -> bool:
    """Say whether gaps are halved: high risk, able but unwilling, and guarantors of who is neither willing nor able."""
    secured = "secure" in case.marks and rule.mark.audience == "guarantors"
    return case.lane == "high_risk" or "press" in case.marks or secured


def _is_unreminded(working_days: int, case: _Case) -> bool:
    """Say whether nothing sent so far has provably reached the borrower, though so many working days were given."""
    return case.standing.unlocked_rung == 1 and case.facts.working_days_known >= working_days


def _lately(step: str, working_days: int, case: _Case) -> bool:
    """Say whether a step was carried out less than so many working days ago; nobody is visited two days in a row."""
    last = case.done.get(step)
    return last is not None and last.working_days_ago is not None and last.working_days_ago < working_days


def _happened(mark: Mark, case: _Case) -> bool:
    """Say whether a step was carried out in this episode, by this system or, before go-live, by people."""
    last = case.done.get(mark.name)
    if last is not None and last.sent:
        return True
    return mark.audience == "borrower" and mark.channel in case.standing.by_hand


def _is_done(mark: Mark, case: _Case) -> bool:
    """Say whether what another step waits for was done; a call on a list is none until somebody tells of it."""
    by_call = mark.channel == "call" and mark.audience == "borrower"
    return "call" in case.standing.by_hand if by_call else _happened(mark, case)


def _why_not(rule: Rule, case: _Case, due: list[Rule]) -> list[str]:
    """Return every reason against a due step; an empty answer means it is carried out."""
    facts, channel = case.facts, rule.mark.channel
    found = _holding(rule, facts)
    if rule.rung > case.rung:
        found.append("evidence_missing")
    if rule.earlier and not _is_done(rule.earlier, case):
        found.append(f"before_{rule.earlier.name}")
    elif rule.wait and rule.earlier and _lately(rule.earlier.name, rule.wait, case):
        found.append(f"too_soon_after_{rule.earlier.name}")
    if (rule.better or rule.unless) and (better := _better_step(rule, case, due)):
        found.append(f"covered_by_{better}")
    if not is_used(rule.days, facts.on, working=facts.working_day, holiday=facts.holiday):
        found.append(refusal(rule.days))
    if channel == "call" and rule.mark.audience == "borrower":
        found += call_limits(facts, case.policy)
    if rule.about == "cycle" and channel == "sms" and _arrears_message_goes(case, due):
        found.append("covered_by_arrears_message")
    if facts.missed_working_days or facts.missed_steps:
        found += _lateness(rule, case, due)
    return found


def _holding(rule: Rule, facts: Facts) -> list[str]:
    """Return the holds that stop a step; thanks for arrears that no money ended have nothing to thank for.

    A plan does not stop its own reminder, nor the debtor's fate the letter to guarantors who are left alone: that one
    is due only where nothing else holds the account.
    """
    hard = () if ALONE in rule.when else facts.hard_holds
    found = [f"hold_{kind}" for kind in hard if (rule.about, kind) != OWN_REMINDER]
    found += ["promise_open" if kind == "promise" else f"hold_{kind}" for kind in _pausing(rule, facts)]
    return [*found, "nothing_paid"] if rule.about == "cured" and facts.paid_nothing else found


def _pausing(rule: Rule, facts: Facts) -> Sequence[str]:
    """Return the soft holds that stop a step: none a courtesy message or thanks, a promise not its own reminder."""
    if not facts.soft_holds or rule.about == "cured" or (rule.about == "cycle" and rule.mark.channel != "call"):
        return ()
    return [kind for kind in facts.soft_holds if (rule.about, kind) != ("promise", "promise")]


def _arrears_message_goes(case: _Case, due: list[Rule]) -> bool:
    """Say whether a message about arrears really goes out today; one that is held back reminds of nothing."""
    return any(rule in due and not _why_not(rule, case, due) for rule in case.table.arrears_messages)


def _lateness(rule: Rule, case: _Case, due: list[Rule]) -> list[str]:
    last = case.done.get(rule.mark.name)
    is_late = fell_on_a_missed_day(rule, case.facts, last.working_days_ago if last else None)
    reason = why_not_late(rule, [other for other in due if other.rung <= case.rung], is_late=is_late)
    return [reason] if reason else []


def _better_step(rule: Rule, case: _Case, due: list[Rule]) -> str | None:
    """Return what takes the place of a step: a visit with the letter that has gone out, or a letter that goes."""
    for rung, name, earlier in rule.better:
        if rung <= case.rung and (earlier is None or _is_done(earlier, case)):
            return name
    others = (other for other in due if other.mark in rule.unless)
    return next((other.mark.name for other in others if _goes(other, case, due)), None)


def _goes(rule: Rule, case: _Case, due: list[Rule]) -> bool:
    """Say whether a step goes today, or waits for nothing but one that goes today and was never tried before."""
    against, earlier = _why_not(rule, case, due), rule.earlier
    if not against or earlier is None or earlier.name in case.done or against != [f"before_{earlier.name}"]:
        return not against
    return any(one.mark == earlier and not one.unless and not _why_not(one, case, due) for one in due)


def _action(rule: Rule, case: _Case) -> Action:
    """Return the step as today's action; the tone follows the contact's ordinal, and stays soft for the willing.

    A promise broken in the episode counts as one contact more.
    """
    last, tone = case.done.get(rule.mark.name), rule.tone
    if tone == "by_ordinal":
        contacts = _contacts(case) + case.standing.earlier_contacts + case.facts.promise_broken + 1
        tone = TONES[0] if "remind" in case.marks else TONES[min(contacts, len(TONES)) - 1]
    return _made(rule.mark, tone, rule.rung, rule.about, (last.planned if last else 0) + 1)


def _contacts(case: _Case) -> int:
    """Count what a party heard of in this episode: a debit, a search and a placement are none."""
    return sum(done.sent for name, done in case.done.items() if name not in case.table.unheard)


@lru_cache(maxsize=4096)
def _made(mark: Mark, tone: str, rung: int, occasion: str, ordinal: int) -> Action:
    return Action(mark.name, mark.channel, mark.audience, tone, rung, occasion, ordinal)


@lru_cache(maxsize=4096)
def _suppressed(mark: Mark, reasons: tuple[str, ...]) -> Suppressed:
    return Suppressed(mark.name, mark.channel, mark.audience, reasons)


def _reasons(case: _Case, entitled: int) -> tuple[str, ...]:
    held_back = case.standing.unlocked_rung < entitled
    standing = "held_back_by_evidence" if held_back else "by_arrears"
    delays = [f"delayed_{delay}" for delay in case.facts.delays]
    treatment = (f"treatment_{case.facts.treatment}",) if case.facts.treatment else ()
    decided = (f"committee_{case.facts.committee}",) if case.facts.committee else ()
    return (f"stage_{case.facts.stage}", *delays, standing, *case.triggers, *treatment, *decided)
