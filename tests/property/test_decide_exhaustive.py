"""Every combination of decide()'s discrete inputs, by distinct facts.

The evidence is weighed first, whole: each combination of counts around every threshold of the policy. What the choice
of steps may then ask of it is its standing, so each distinct standing is tried with each combination of everything
else, and stands for all the evidence behind it. That nothing but the standing is asked is not taken on trust: the
facts of the second part carry evidence that breaks when it is touched.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, replace
from datetime import date
from itertools import product

import pytest

from arrears.ladder.decide import Action, Decision, choose, decide
from arrears.ladder.facts import Evidence, Facts, StepDone, marks_of
from arrears.ladder.layers import load_policy
from arrears.ladder.standing import Standing
from arrears.ladder.step_table import table_of

POLICY = load_policy()
TABLE = table_of(POLICY)
REFUSAL_RESPECTED = POLICY.contact.quiet_after_refusal_days
FOR_SOME = {
    "demand_letter": {"refused", "press"},
    "asset_search": {"secure", "to_court"},
    "placement": {"to_agency"},
}
"""Steps that are for some accounts alone."""
STAFFED_CHANNELS = {"call", "visit", "letter", "credit_notice", "placement"}
"""People do them: on working days only (policy ``contact.days``)."""

CORES = 2
PRUNED = 131
"""Every so manieth combination is tried by default; no number of choices divides by it."""

COUNTS = {
    "reminders": (0, 1),
    "call_attempts": (0, 2, 3, 6),
    "call_days": (0, 1, 2, 3),
    "calls_answered": (0, 1),
    "attempts": (5, 6),
    "channels": (1, 2),
    "span_days": (14, 15),
    "visits": (0, 1),
    "visits_failed": (0, 1, 2),
    "letter_age_days": (None, 9, 10),
    "no_contact_point": (False, True),
    "dead_number": (False, True),
}
"""Each count just below and at every threshold of the policy; letters in days since they arrived."""

BRIEFLY = COUNTS | {"attempts": (6,), "channels": (2,), "span_days": (15,)}
"""The same without three counts that matter to the fourth rung alone: every standing, an eighth of the work."""

GUARANTORS = ((0, 0), (1, 0), (2, 1), (2, 2))
"""How many there are, and how many were tried."""


def oracle(found: Evidence, *, promised: bool) -> int:
    """Say which rung is open, read from domain.md 5b and the policy's figures and from nothing else."""
    reached = found.no_contact_point
    tried = found.call_attempts >= 3 and found.call_days >= 2
    two = reached or found.reminders >= 1 or tried
    calls = reached or tried
    three = two and calls and found.guarantors_tried >= found.guarantors
    contacts = (reached or found.attempts >= 6) and found.channels >= 2 and found.span_days >= 15
    visited = found.visits >= 1 or found.visits_failed >= 2
    letter = found.letter_age_days is not None and found.letter_age_days >= 10
    four = three and contacts and visited and letter and not promised
    return 4 if four else 3 if three else 2 if two else 1


def standings(every_count: dict[str, tuple]) -> dict[bool, Counter[Standing]]:
    """Weigh every combination of evidence, with and without a promise, and count those behind each standing."""
    found: dict[bool, Counter[Standing]] = {False: Counter(), True: Counter()}
    for promised, (there, tried), counts in product((False, True), GUARANTORS, product(*every_count.values())):
        evidence = Evidence(guarantors=there, guarantors_tried=tried, **dict(zip(COUNTS, counts, strict=True)))
        gates, standing = TABLE.weigh.__wrapped__(evidence, promised)
        assert standing.unlocked_rung == oracle(evidence, promised=promised)
        assert (standing.unlocked_rung == 4) == all(gate.passed for gate in gates)
        found[promised][standing] += 1
    return found


class Untouchable:
    """Evidence that must not be looked at once it is weighed."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the choice of steps looked at the evidence itself: {name}")


UNTOUCHABLE = Untouchable()


def done(**steps: tuple[int, int | None]) -> tuple[StepDone, ...]:
    return tuple(StepDone(name, max(times, 1), times, ago) for name, (times, ago) in steps.items())


SMS_DAY, CALL_DAY = ("courtesy_sms_first",), ("courtesy_sms_second", "due_day_call")
WORD_DAY = ("promise_reminder", "thank_you", "watch_sms")
OTHERS = {
    "instalments": (0, 1, 2, 3),
    "day": ((True, False), (False, True)),
    "missed": ((0, ()), (4, ("courtesy_sms_first",))),
    "calendar": (((), False), (SMS_DAY, True), (CALL_DAY, True), (CALL_DAY, False),
                 (WORD_DAY, True)),
    "holds": (((), ()), (("dispute",), ()), ((), ("promise",)), (("deceased", "plan"), ("promise",))),
    "cause": (
        (False, 0, False, False, None, None),
        (True, 0, False, False, "remind", "placement"),
        (False, 3, False, False, "plan", None),
        (True, 3, True, False, "press", "legal"),
        (False, 0, False, True, "secure", "placement"),
    ),
    "limits": ((0, None, None), (1, 5, 7), (4, 0, None), (0, 3, 0)),
    "clock": ((1, 1), (9, 5), (200, 140)),
    "done": (
        (),
        done(arrears_sms=(0, None), borrower_call=(0, None), visit=(0, None), lawyers_letter=(0, None)),
        done(arrears_sms=(1, 1), borrower_call=(1, 1), guarantor_call=(1, 1), visit=(1, 1)),
        done(arrears_sms=(2, 9), borrower_call=(3, 5), lawyers_letter=(1, 8), visit_with_letter=(1, 3)),
        done(arrears_sms=(9, 99), arrears_email=(5, 99), borrower_call=(9, 99), guarantor_call=(5, 99),
             visit=(2, 99), lawyers_letter=(1, 99), lawyers_letter_guarantors=(1, 99), visit_with_letter=(2, 99)),
    ),
}  # fmt: skip


def everything_else() -> Iterator[Facts]:
    """Yield each distinct value of the other facts once: who owes nothing has no clock, no cause and no refusal."""
    yield from dict.fromkeys(combinations())


def combinations() -> Iterator[Facts]:
    for count, day, late, (steps, unpaid), (hard, soft), cause, limits, clock, before in product(*OTHERS.values()):
        (working, holiday), (missed, late_steps) = day, late
        (broken, habit, malice, approved, treatment, word), (calls, talked, refused) = cause, limits
        yield Facts(
            on=date(2026, 11, 12), working_day=working, calendar_steps=steps, stage=count,
            effective_instalments=count, delays=(), days_past_due=clock[0] if count else 0,
            working_days_overdue=clock[1] if count else 0, cycle_unpaid=unpaid, hard_holds=hard, soft_holds=soft,
            promise_broken=broken, late_episodes=habit, malice=malice, calls_last_7_days=calls,
            days_since_conversation=talked, evidence=UNTOUCHABLE, done=before, holiday=holiday,
            missed_working_days=missed if count else 0, missed_steps=late_steps if unpaid else (),
            working_days_known=min(10, clock[1]) if count else 0, days_since_refusal=refused if count else None,
            treatment=treatment if count else None, visit_approved=approved and count > 0,
            committee=word if count else None,
        )  # fmt: skip


def faults(decision: Decision, facts: Facts, standing: Standing) -> Iterator[str]:
    """Name what a decision may never do."""
    if decision.rung != min(facts.effective_instalments + 1, standing.unlocked_rung):
        yield "the treatment is not the smaller of both rungs"
    if decision.actions and facts.hard_holds:
        yield "a contact under a hard hold"
    called = any(one.step == "borrower_call" and one.sent for one in facts.done) or "call" in standing.by_hand
    for action in decision.actions:
        if action.rung > decision.rung:
            yield "a rung was skipped"
        if action.audience == "guarantors" and action.rung == 2 and not (called and standing.has_guarantors):
            yield "a guarantor before the borrower"
        yield from faults_of_the_day(action, facts)
    names = [one.step for one in (*decision.actions, *decision.suppressed)]
    if len(set(names)) != len(names):
        yield "one step twice"
    if not all(one.reasons for one in decision.suppressed):
        yield "a step left out without a reason"


def faults_of_the_day(action: Action, facts: Facts) -> Iterator[str]:
    """Name what is wrong with one contact on this day, whatever the evidence says."""
    if action.occasion == "cured":
        if facts.effective_instalments or not any(one.sent for one in facts.done):
            yield "somebody was thanked who owes, or was never asked"
    elif not (facts.cycle_unpaid if action.occasion == "cycle" else facts.effective_instalments):
        yield "somebody who owes nothing was asked"
    if facts.soft_holds and (action.occasion == "episode" or action.channel == "call"):
        yield "an open promise was not respected"
    if action.channel in STAFFED_CHANNELS and not facts.working_day:
        yield "work for a person on a day off"
    if action.channel == "call" and action.audience == "borrower" and facts.calls_last_7_days >= 4:
        yield "more calls than the week allows"
    if (
        action.channel == "call"
        and action.audience == "borrower"
        and facts.days_since_refusal in range(REFUSAL_RESPECTED)
    ):
        yield "a call to somebody who has just refused"
    wanted = FOR_SOME.get(action.step)
    if wanted and not marks_of(facts) & wanted:
        yield "a step that is for others"
    if action.step == "watch_sms" and (facts.late_episodes < 3 or facts.malice):
        yield "a reminder of the watch lane for somebody else"


@dataclass
class Tried:
    """What was tried: decisions made, combinations they stand for, and what was wrong with how many."""

    decisions: int = 0
    combinations: int = 0
    actions: int = 0
    wrong: Counter[str] = field(default_factory=Counter)


def try_all(weighed: dict[bool, Counter[Standing]], every: int = 1, first: int = 0) -> Tried:
    """Try each ``every``-th combination, beginning with the ``first``."""
    found, number = Tried(), -1 - first
    for facts in everything_else():
        for standing, behind in weighed["promise" in facts.soft_holds].items():
            number += 1
            if number % every:
                continue
            decision = choose(facts, (), standing, TABLE)
            found.decisions += 1
            found.combinations += behind
            found.actions += len(decision.actions)
            found.wrong.update(faults(decision, facts, standing))
    return found


def test_over_every_combination_no_rung_is_skipped_and_no_hold_is_broken():
    tried = try_all(standings(BRIEFLY), PRUNED)
    assert tried.wrong == Counter()
    assert tried.decisions > 10_000
    assert tried.combinations > 1_000_000
    assert tried.actions > 10_000


@pytest.mark.long
def test_over_the_whole_product_no_rung_is_skipped_and_no_hold_is_broken():
    weighed, briefly = standings(COUNTS), standings(BRIEFLY)
    assert [set(weighed[promised]) for promised in weighed] == [set(briefly[promised]) for promised in briefly]
    with ProcessPoolExecutor(CORES) as cores:
        halves = list(cores.map(try_all, [weighed] * CORES, [CORES] * CORES, range(CORES)))
    assert [half.wrong for half in halves] == [Counter()] * CORES
    assert sum(half.decisions for half in halves) > 4_000_000
    assert sum(half.combinations for half in halves) > 1_000_000_000


def test_the_choice_of_steps_is_given_every_fact_that_can_differ():
    """A field added to the facts without a place in the product would be a combination nobody tried."""
    placed = defaultdict(set)
    names = {one.name for one in fields(Facts)} - {"evidence"}
    for facts in everything_else():
        for name in names:
            placed[name].add(getattr(facts, name))
    assert {name for name in names if len(placed[name]) < 2} == {"on", "delays"}
    counted = {one.name for one in fields(Evidence)}
    assert counted == {*COUNTS, "guarantors", "guarantors_tried", "before_go_live"}  # the last one sets the tone alone


def test_what_is_weighed_apart_is_decided_together():
    facts = next(everything_else())
    whole = replace(facts, evidence=Evidence())
    gates, standing = TABLE.weigh(Evidence(), False)
    assert decide(whole, POLICY) == choose(facts, gates, standing, TABLE)
