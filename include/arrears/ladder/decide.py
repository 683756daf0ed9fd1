"""The one decision function: pure, total, and short enough to be read by an auditor.

Source of the rules: the seed's flow chart (a cumulative ladder), its principle of gradual escalation
(no rung is skipped), and the policy keys named beside each rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arrears.core.keys import digest
from arrears.ladder.facts import Evidence, Facts, StepDone
from arrears.ladder.policy import Policy, Step

TONES = ("courteous", "firm", "serious")
STAFFED_CHANNELS = frozenset({"call", "visit", "letter"})


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition for a rung, with what was asked and what was found."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Action:
    """A step to be carried out today."""

    step: str
    channel: str
    audience: str
    tone: str
    rung: int
    occasion: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A step that is due but not carried out, with every reason."""

    step: str
    channel: str
    audience: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where an account stands on the ladder today, what is done, and what is not."""

    entitled_rung: int
    unlocked_rung: int
    rung: int
    lane: str
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...]
    actions: tuple[Action, ...]
    suppressed: tuple[Suppressed, ...]

    def body(self) -> dict[str, Any]:
        """Return the decision as JSON data: what is hashed, kept and replayed."""
        return {
            "entitled_rung": self.entitled_rung,
            "unlocked_rung": self.unlocked_rung,
            "rung": self.rung,
            "lane": self.lane,
            "reasons": list(self.reasons),
            "gates": [{"name": g.name, "passed": g.passed, "detail": g.detail} for g in self.gates],
            "actions": [
                {
                    "step": a.step,
                    "channel": a.channel,
                    "audience": a.audience,
                    "tone": a.tone,
                    "rung": a.rung,
                    "occasion": a.occasion,
                    "ordinal": a.ordinal,
                }
                for a in self.actions
            ],
            "suppressed": [
                {"step": s.step, "channel": s.channel, "audience": s.audience, "reasons": list(s.reasons)}
                for s in self.suppressed
            ],
        }

    def sha256(self) -> str:
        """Return the hash of the decision."""
        return digest(self.body())


def decide(facts: Facts, policy: Policy) -> Decision:
    """Place an account on the ladder and choose today's steps; defined for every combination of facts."""
    entitled = min(facts.effective_instalments, 3) + 1
    gates = tuple(_unlock_gates(facts, policy))
    unlocked = _unlocked_rung(gates)
    rung = min(entitled, unlocked)
    lane = _lane(facts, policy)
    actions: list[Action] = []
    suppressed: list[Suppressed] = []
    for step in policy.steps:
        if step.rung > entitled or not _is_due(step, facts, policy, lane):
            continue
        reasons = tuple(_why_not(step, rung, facts, policy))
        if reasons:
            suppressed.append(Suppressed(step.name, step.channel, step.audience, reasons))
        else:
            actions.append(_action(step, facts))
    reasons = _reasons(facts, policy, entitled, unlocked)
    return Decision(entitled, unlocked, rung, lane, reasons, gates, tuple(actions), tuple(suppressed))


def _unlock_gates(facts: Facts, policy: Policy) -> Iterator[Gate]:
    """Yield the evidence gates of rungs 2, 3 and 4 (policy ``evidence.unlock_rung_*``), unreachable people included."""
    found, rules = facts.evidence, policy.evidence
    reachable = not found.no_contact_point
    two, three, four = rules.unlock_rung_2, rules.unlock_rung_3, rules.unlock_rung_4
    yield _at_least("2:reminder_delivered", found.reminders, two.reminders, waived=not reachable)
    yield _at_least("3:call_attempts", found.call_attempts, three.call_attempts, waived=not reachable)
    yield _at_least("3:call_days", found.call_days, three.call_days, waived=not reachable)
    yield _at_least("3:guarantors_tried", found.guarantors_tried, found.guarantors if three.guarantor_each else 0)
    yield _at_least("4:attempts", found.attempts, four.attempts, waived=not reachable)
    yield _at_least("4:channels", found.channels, four.channels)
    yield _at_least("4:span_days", found.span_days, four.span_days)
    yield _visit_gate(found, four.visits, rules.failed_visits)
    age = -1 if found.letter_age_days is None else found.letter_age_days
    yield Gate(
        "4:letter_cure_days", age >= four.letter_cure_days, f"{age} of {four.letter_cure_days} days since it arrived"
    )
    yield Gate("4:no_open_promise", "promise" not in facts.soft_holds, "an open promise blocks the hand-off")


def _at_least(name: str, found: int, wanted: int, *, waived: bool = False) -> Gate:
    detail = "no contact point, attested" if waived else f"{found} of {wanted}"
    return Gate(name, waived or found >= wanted, detail)


def _visit_gate(found: Evidence, visits: int, failed: int) -> Gate:
    passed = found.visits >= visits or found.visits_failed >= failed
    return Gate("4:visit", passed, f"{found.visits} of {visits} reported, or {found.visits_failed} of {failed} failed")


def _unlocked_rung(gates: tuple[Gate, ...]) -> int:
    """Return the highest rung all of whose gates, and all gates below, are open."""
    for rung in (2, 3, 4):
        if not all(gate.passed for gate in gates if gate.name.startswith(f"{rung}:")):
            return rung - 1
    return 4


def _lane(facts: Facts, policy: Policy) -> str:
    """Return the work lane: it orders the day and halves gaps, and never opens a gate."""
    if facts.malice:
        return "high_risk"
    if facts.days_past_due > policy.lanes.aged_days:
        return "aged"
    if facts.late_episodes >= policy.lanes.habitual_count:
        return "habitual"
    return "good_faith"


def _is_due(step: Step, facts: Facts, policy: Policy, lane: str) -> bool:
    """Say whether the clock of a step has come round today; evidence and holds are asked later."""
    if step.month_day is not None:
        return step.name in facts.calendar_steps and facts.cycle_unpaid
    if facts.effective_instalments == 0:
        return False
    if step.audience == "guarantors" and facts.evidence.guarantors == 0:
        return False
    if step.offset is not None and facts.working_days_overdue < step.offset:
        return False
    if step.trigger == "visit" and not visit_triggers(facts, policy):
        return False
    if step.once or step.repeat_every is None:
        return not _happened(step, facts)
    last = _last(step.name, facts)
    gap = (step.repeat_every + 1) // 2 if lane == "high_risk" else step.repeat_every
    if last is not None and last.working_days_ago is not None and last.working_days_ago < gap:
        return False
    return step.channel != "visit" or not _visited_lately(step, step.repeat_every, facts, policy)


def _visited_lately(step: Step, gap: int, facts: Facts, policy: Policy) -> bool:
    """Say whether another kind of visit stands in for this one: nobody is visited two days in a row.

    A visit of a higher rung counts for the whole gap, one of a lower rung for half of it.
    """
    for other in policy.steps:
        last = _last(other.name, facts) if other.channel == "visit" and other.name != step.name else None
        if last is not None and last.working_days_ago is not None:
            wait = gap if other.rung > step.rung else gap // 2
            if last.working_days_ago < wait:
                return True
    return False


def visit_triggers(facts: Facts, policy: Policy) -> tuple[str, ...]:
    """Return which of the seed's visit triggers hold: no effect by phone, habit, broken promise, lost contact."""
    rules, tried = policy.visit_triggers, facts.evidence
    found = []
    if tried.call_attempts >= rules.no_effect_attempts and tried.call_days >= rules.no_effect_days:
        found.append("V1_no_effect")
    if facts.late_episodes >= rules.habitual_count:
        found.append("V2_habitual")
    if facts.promise_broken:
        found.append("V3_broken_promise")
    unanswered = tried.call_attempts >= rules.lost_contact_attempts and tried.call_days >= rules.lost_contact_days
    if unanswered and not tried.calls_answered:
        found.append("V4_lost_contact")
    return tuple(found)


def _why_not(step: Step, rung: int, facts: Facts, policy: Policy) -> Iterator[str]:
    """Yield every reason against a due step; an empty answer means it is carried out."""
    for kind in facts.hard_holds:
        yield f"hold_{kind}"
    if facts.soft_holds and (step.month_day is None or step.channel == "call"):
        yield "promise_open"
    if step.rung > rung:
        yield "evidence_missing"
    earlier = next((other for other in policy.steps if other.name == step.after), None)
    if earlier and not _happened(earlier, facts):
        yield f"before_{earlier.name}"
    if step.channel == "visit" and (better := _better_visit(step, rung, facts, policy)):
        yield f"covered_by_{better}"
    if step.channel in STAFFED_CHANNELS and not facts.working_day:
        yield "not_a_working_day"
    if step.channel == "call":
        yield from _call_limits(step, facts, policy)
    if step.month_day is not None and step.channel == "sms" and _arrears_message_due(facts, policy):
        yield "covered_by_arrears_message"


def _better_visit(step: Step, rung: int, facts: Facts, policy: Policy) -> str | None:
    """Return the visit of a higher rung that takes the place of this one: with the letter, once it has gone out."""
    for other in policy.steps:
        if other.channel == "visit" and other.audience == step.audience and step.rung < other.rung <= rung:
            earlier = next((before for before in policy.steps if before.name == other.after), None)
            if earlier is None or _happened(earlier, facts):
                return other.name
    return None


def _call_limits(step: Step, facts: Facts, policy: Policy) -> Iterator[str]:
    """Yield the limits on calls to the borrower: few at first, more by the week, silence after a conversation."""
    if step.audience != "borrower":
        return
    budgets = policy.contact.weekly_calls_by_week
    week = min(facts.days_past_due // 7, len(budgets) - 1)
    if facts.calls_last_7_days >= budgets[week]:
        yield "weekly_call_budget"
    quiet = policy.contact.quiet_after_conversation_days
    if facts.days_since_conversation is not None and facts.days_since_conversation < quiet:
        yield "recent_conversation"


def _arrears_message_due(facts: Facts, policy: Policy) -> bool:
    lane = _lane(facts, policy)
    return any(s.channel == "sms" and s.offset is not None and _is_due(s, facts, policy, lane) for s in policy.steps)


def _happened(step: Step, facts: Facts) -> bool:
    """Say whether a step was carried out in this episode, by this system or, before go-live, by people."""
    last = _last(step.name, facts)
    if last is not None and last.sent:
        return True
    if step.audience != "borrower":
        return False
    found = facts.evidence
    by_hand = {
        "call": found.call_attempts,
        "visit": found.visits + found.visits_failed,
        "letter": found.letter_age_days is not None,
    }
    return bool(by_hand.get(step.channel))


def _last(step: str, facts: Facts) -> StepDone | None:
    return next((done for done in facts.done if done.step == step), None)


def _action(step: Step, facts: Facts) -> Action:
    """Return the step as today's action; the tone follows the contact's ordinal in the episode."""
    last = _last(step.name, facts)
    contacts = sum(done.sent for done in facts.done) + 1
    tone = TONES[min(contacts, len(TONES)) - 1] if step.tone == "by_ordinal" else step.tone
    occasion = "cycle" if step.month_day is not None else "episode"
    return Action(step.name, step.channel, step.audience, tone, step.rung, occasion, (last.planned if last else 0) + 1)


def _reasons(facts: Facts, policy: Policy, entitled: int, unlocked: int) -> tuple[str, ...]:
    found = [f"stage_{facts.stage}", *(f"delayed_{delay}" for delay in facts.delays)]
    found.append("held_back_by_evidence" if unlocked < entitled else "by_arrears")
    found.extend(visit_triggers(facts, policy))
    return tuple(found)
