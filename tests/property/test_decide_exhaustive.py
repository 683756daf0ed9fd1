"""Every combination of decide()'s discrete inputs, by distinct facts.

The evidence is weighed first, whole: each combination of counts around every threshold of the policy. What the choice
of steps may then ask of it is its standing, so the standings are tried with each combination of everything else, and
each stands for all the evidence behind it. A standing listens to what it is asked, and those that would have answered
alike are not tried again. None of this is taken on trust: evidence breaks when it is touched at all, a standing when it
is asked anything else, and a part of the product is tried plainly, standing by standing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import lru_cache
from itertools import islice, product

import pytest

from arrears.ladder.decide import choose, decide
from arrears.ladder.decision import Action, Decision
from arrears.ladder.facts import Evidence, Facts, StepDone, entitled_rung, marks_of
from arrears.ladder.lanes import triggers_of
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
    "debit_retry": {"mandate"},
    "guarantor_demand": {"guarantors_alone"},
}
"""Steps that are for some accounts alone."""
STAFFED_CHANNELS = {"call", "visit", "letter", "credit_notice", "placement", "debit"}
"""People do them: on working days only (policy ``contact.days``)."""

CHANNELS = sorted({step.channel for step in POLICY.steps})
CORES = 2
PRUNED = 131
"""Every so manieth combination of the other facts is tried by default; no number of choices divides by it."""

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
    "holds": (((), ()), (("dispute",), ()), ((), ("promise",)), (("deceased", "plan"), ("promise",)), (("plan",), ()),
              (("bankrupt",), ())),
    "cause": (
        (False, 0, False, False, None, None, False),
        (True, 0, False, False, "remind", "placement", True),
        (False, 3, False, False, "plan", None, True),
        (True, 3, True, False, "press", "legal", False),
        (False, 0, False, True, "secure", "placement", False),
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
        (broken, habit, malice, approved, treatment, word, mandate), (calls, talked, refused) = cause, limits
        yield Facts(
            on=date(2026, 11, 12), working_day=working, calendar_steps=steps, stage=count,
            effective_instalments=count, delays=(), days_past_due=clock[0] if count else 0,
            working_days_overdue=clock[1] if count else 0, cycle_unpaid=unpaid, hard_holds=hard, soft_holds=soft,
            promise_broken=broken, late_episodes=habit, malice=malice, calls_last_7_days=calls,
            days_since_conversation=talked, evidence=UNTOUCHABLE, done=before, holiday=holiday,
            missed_working_days=missed if count else 0, missed_steps=late_steps if unpaid else (),
            working_days_known=min(10, clock[1]) if count else 0, days_since_refusal=refused if count else None,
            treatment=treatment if count else None, visit_approved=approved and count > 0,
            committee=word if count else None, debit_mandate=mandate and count > 0,
            paid_nothing=malice and not count,
        )  # fmt: skip


def faults(decision: Decision, facts: Facts, standing: Standing) -> Iterator[str]:
    """Name what a decision may never do."""
    if decision.rung != min(facts.effective_instalments + 1, standing.unlocked_rung):
        yield "the treatment is not the smaller of both rungs"
    if facts.hard_holds and not all(may_under_hold(action, facts) for action in decision.actions):
        yield "a contact under a hard hold: no reminder of its plan, no letter to who answers for a bankrupt"
    for action in decision.actions:
        if action.rung > decision.rung:
            yield "a rung was skipped"
        if action.audience == "guarantors" and action.rung == 2 and not is_guarantors_turn(standing):
            yield "a guarantor before the borrower"
        if action.step == "visit" and "call" not in standing.by_hand:
            yield "a visit without one documented call"
        yield from faults_of_the_day(action, facts)
    names = [one.step for one in (*decision.actions, *decision.suppressed)]
    if len(set(names)) != len(names):
        yield "one step twice"
    if not all(one.reasons for one in decision.suppressed):
        yield "a step left out without a reason"


def may_under_hold(action: Action, facts: Facts) -> bool:
    """Two things are said under a hard hold: a plan's reminder, and the letter to who answers for a bankrupt."""
    if action.occasion == "promise":
        return facts.hard_holds == ("plan",)
    return facts.hard_holds == ("bankrupt",) and (action.channel, action.audience) == ("letter", "guarantors")


def is_guarantors_turn(standing: Standing) -> bool:
    return "call" in standing.by_hand and standing.has_guarantors


def faults_of_the_day(action: Action, facts: Facts) -> Iterator[str]:
    """Name what is wrong with one contact on this day, whatever the evidence says."""
    if action.occasion == "cured":
        if facts.effective_instalments or facts.paid_nothing or not any(one.sent for one in facts.done):
            yield "somebody was thanked who owes, never paid, or was never asked"
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
    if wanted and not marks_of(facts, POLICY.holds.debtor_only) & wanted:
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

    def note(self, decision: Decision, wrong: Iterable[str], behind: int) -> None:
        self.decisions += 1
        self.combinations += behind
        self.actions += len(decision.actions)
        self.wrong.update(wrong)


# --- a standing listens: those that would have answered alike are behind the same decision ---


class Open(int):
    """A rung as high as the arrears entitle to, or higher: what would tell these apart must not be asked."""

    def __lt__(self, other: int) -> bool:
        assert other <= int(self), f"the choice of steps asked whether an open rung is below {other}"
        return False

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, int), "a rung is a number"
        assert other < int(self), f"the choice of steps asked whether an open rung is {other}"
        return False

    def _refused(self, *_: object) -> bool:
        raise AssertionError("the choice of steps asked of an open rung what it must not know")

    __le__ = __gt__ = __ge__ = __ne__ = _refused
    __hash__ = _refused


ANSWERS: dict[str, Callable[[Standing, int], int]] = {
    "rung": lambda told, entitled: min(told.unlocked_rung, entitled),
    "guarantors": lambda told, _: told.has_guarantors,
    "cause": lambda told, _: told.no_effect or told.lost_contact,
} | {channel: lambda told, _, channel=channel: channel in told.by_hand for channel in CHANNELS}
"""All that may be asked of a standing: of the visit triggers only whether the evidence gives cause for a visit."""


class Listening:
    """A standing that notes what it is asked, and what it answered."""

    earlier_contacts = 0

    def __init__(self, told: Standing, entitled: int, *, caused: bool) -> None:
        self.told, self.entitled, self.caused = told, entitled, caused
        self.by_hand = self
        self.answers: dict[str, int] = {}

    def answer(self, name: str) -> int:
        found = self.answers[name] = ANSWERS[name](self.told, self.entitled)
        return found

    def __contains__(self, channel: str) -> bool:
        return bool(self.answer(channel))

    @property
    def unlocked_rung(self) -> int:
        rung = self.answer("rung")
        return Open(rung) if rung == self.entitled else rung

    @property
    def has_guarantors(self) -> bool:
        return bool(self.answer("guarantors"))

    @property
    def no_effect(self) -> bool:
        return not self.caused and bool(self.answer("cause"))

    lost_contact = no_effect


class Crowd:
    """The distinct standings with the evidence behind each; a set of them is a number, a bit for each."""

    def __init__(self, weighed: Counter[Standing]) -> None:
        self.members = tuple(weighed.items())
        self.behind = lru_cache(maxsize=None)(self._behind)
        self.who_say = lru_cache(maxsize=None)(self._who_say)

    def chosen(self, who: int) -> Iterator[tuple[Standing, int]]:
        """Yield the members of a set with the evidence behind each."""
        return (member for place, member in enumerate(self.members) if who >> place & 1)

    def _behind(self, who: int) -> int:
        return sum(count for _, count in self.chosen(who))

    def _who_say(self, name: str, answer: int, entitled: int) -> int:
        said = (ANSWERS[name](told, entitled) == answer for told, _ in self.members)
        return sum(1 << place for place, agrees in enumerate(said) if agrees)

    def ways(self, facts: Facts) -> Iterator[tuple[Decision, tuple[str, ...], int]]:
        """Decide for one standing after another: each time with what is wrong, and who would have answered alike."""
        entitled, caused = entitled_rung(facts.effective_instalments), bool(triggers_of(facts, UNKNOWN, POLICY))
        left = (1 << len(self.members)) - 1
        while left:
            standing = Listening(self.members[left.bit_length() - 1][0], entitled, caused=caused)
            decision = choose(facts, (), standing, TABLE)
            wrong = tuple(faults(decision, facts, standing))
            alike = left
            for name, answer in standing.answers.items():
                alike &= self.who_say(name, answer, entitled)
            yield decision, wrong, alike
            left &= ~alike


UNKNOWN = Standing(1, has_guarantors=False, no_effect=False, lost_contact=False, by_hand=frozenset())


def crowds() -> dict[bool, Crowd]:
    return {promised: Crowd(some) for promised, some in standings(BRIEFLY).items()}


def test_over_every_combination_no_rung_is_skipped_and_no_hold_is_broken():
    """By default a part of the product, standing by standing: each is treated like the one that stands for it."""
    tried, there = Tried(), crowds()
    for facts in islice(everything_else(), 0, None, PRUNED):
        crowd = there["promise" in facts.soft_holds]
        for told, _, alike in crowd.ways(facts):
            for standing, behind in crowd.chosen(alike):
                decision = choose(facts, (), standing, TABLE)
                assert (decision.rung, decision.lane) == (told.rung, told.lane)
                assert (decision.actions, decision.suppressed) == (told.actions, told.suppressed)
                tried.note(decision, faults(decision, facts, standing), behind)
    assert tried.wrong == Counter()
    assert tried.decisions > 10_000
    assert tried.combinations > 1_000_000
    assert tried.actions > 10_000


def try_share(first: int) -> Tried:
    """Try the whole product of one core's share of the facts."""
    found, there = Tried(), crowds()
    for facts in islice(everything_else(), first, None, CORES):
        crowd = there["promise" in facts.soft_holds]
        for decision, wrong, alike in crowd.ways(facts):
            found.note(decision, wrong, crowd.behind(alike))
    return found


@pytest.mark.long
def test_over_the_whole_product_no_rung_is_skipped_and_no_hold_is_broken():
    weighed, briefly = standings(COUNTS), standings(BRIEFLY)
    assert [set(weighed[promised]) for promised in weighed] == [set(briefly[promised]) for promised in briefly]
    with ProcessPoolExecutor(CORES) as cores:
        shares = list(cores.map(try_share, range(CORES)))
    assert [share.wrong for share in shares] == [Counter()] * CORES
    assert sum(share.decisions for share in shares) > 500_000
    every = sum(briefly["promise" in facts.soft_holds].total() for facts in everything_else())
    assert sum(share.combinations for share in shares) == every > 1_000_000_000


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
