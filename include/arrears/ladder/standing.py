"""What the evidence of an episode opens: the gates of rungs 2, 3 and 4, and all that the choice of steps asks of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from arrears.ladder.facts import Evidence
from arrears.ladder.policy import Policy

HIGHEST = 4


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition for a rung, with what was asked and what was found."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the choice of steps may know of the evidence: accounts of one standing are treated alike.

    ``by_hand`` names the channels by which the borrower was tried in this episode, by this system or by people;
    ``earlier_contacts`` counts attested ones before go-live: whoever was warned then gets no first courtesy now.
    """

    unlocked_rung: int
    has_guarantors: bool
    no_effect: bool
    lost_contact: bool
    by_hand: frozenset[str]
    earlier_contacts: int = 0


def gates_of(found: Evidence, policy: Policy, *, promised: bool) -> tuple[Gate, ...]:
    """Return the evidence gates in order (policy ``evidence.unlock_rung_*``); who cannot be reached is not immune."""
    return tuple(_gates(found, policy, promised=promised))


def _gates(found: Evidence, policy: Policy, *, promised: bool) -> Iterator[Gate]:
    rules, absent = policy.evidence, found.no_contact_point
    two, three, four = rules.unlock_rung_2, rules.unlock_rung_3, rules.unlock_rung_4
    contacted = int(_calls(found, rules.failed_calls.attempts, rules.failed_calls.days))
    yield _at_least("2:reminder_delivered", max(found.reminders, contacted), two.reminders, waived=absent)
    yield _at_least("3:call_attempts", found.call_attempts, three.call_attempts, waived=absent)
    yield _at_least("3:call_days", found.call_days, three.call_days, waived=absent)
    yield _at_least("3:guarantors_tried", found.guarantors_tried, found.guarantors if three.guarantor_each else 0)
    yield _at_least("4:attempts", found.attempts, four.attempts, waived=absent)
    yield _at_least("4:channels", found.channels, four.channels)
    yield _at_least("4:span_days", found.span_days, four.span_days)
    yield _visit_gate(found.visits, four.visits, found.visits_failed, rules.failed_visits)
    yield _letter_gate(found.letter_age_days, four.letter_cure_days)
    yield Gate("4:no_open_promise", not promised, "an open promise blocks the hand-off")


@lru_cache(maxsize=4096)
def _at_least(name: str, found: int, wanted: int, *, waived: bool = False) -> Gate:
    detail = "no contact point, attested" if waived else f"{found} of {wanted}"
    return Gate(name, waived or found >= wanted, detail)


@lru_cache(maxsize=4096)
def _visit_gate(met: int, visits: int, not_met: int, failed: int) -> Gate:
    detail = f"{met} of {visits} reported, or {not_met} of {failed} failed"
    return Gate("4:visit", met >= visits or not_met >= failed, detail)


@lru_cache(maxsize=4096)
def _letter_gate(age_days: int | None, cure_days: int) -> Gate:
    age = -1 if age_days is None else age_days
    return Gate("4:letter_cure_days", age >= cure_days, f"{age} of {cure_days} days since it arrived")


def unlocked_by(gates: tuple[Gate, ...]) -> int:
    """Return the highest rung all of whose gates, and all gates below, are open."""
    closed = [int(gate.name[0]) for gate in gates if not gate.passed]
    return min(closed) - 1 if closed else HIGHEST


def standing_of(found: Evidence, gates: tuple[Gate, ...], policy: Policy) -> Standing:
    """Sum the evidence up for the choice of steps (policy ``visit_triggers``).

    A dead number, or an attested lack of any, stands for the calls that nobody can make: contact is lost.
    """
    rules, unanswered = policy.visit_triggers, not found.calls_answered
    nobody_there = found.no_contact_point or found.dead_number
    silent = nobody_there or _calls(found, rules.lost_contact_attempts, rules.lost_contact_days)
    tried = {"call": found.call_attempts or nobody_there, "visit": found.visits + found.visits_failed,
             "letter": found.letter_age_days is not None}  # fmt: skip
    return Standing(
        unlocked_rung=unlocked_by(gates),
        has_guarantors=found.guarantors > 0,
        no_effect=_calls(found, rules.no_effect_attempts, rules.no_effect_days),
        lost_contact=unanswered and silent,
        by_hand=frozenset(channel for channel, times in tried.items() if times),
        earlier_contacts=found.before_go_live,
    )


def _calls(found: Evidence, attempts: int, days: int) -> bool:
    return found.call_attempts >= attempts and found.call_days >= days
