"""What decide() is told about one account on one day: small, discrete, without a name or an amount."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from arrears.core.keys import digest

COMMITTEE_MARKS = {"legal": "to_court", "placement": "to_agency"}
"""Decisions of the case committee that steps wait for, as policy ``steps.when`` names them."""

ALONE = "guarantors_alone"
"""Whom a step is for while the debtor may not be asked and the guarantors may, as policy ``steps.when`` names it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Documented contact within the current episode, counted by the policy's evidence table."""

    reminders: int = 0
    call_attempts: int = 0
    call_days: int = 0
    calls_answered: int = 0
    guarantors: int = 0
    guarantors_tried: int = 0
    attempts: int = 0
    channels: int = 0
    span_days: int = 0
    visits: int = 0
    visits_failed: int = 0
    letter_age_days: int | None = None
    no_contact_point: bool = False
    dead_number: bool = False
    before_go_live: int = 0


@dataclass(frozen=True, slots=True)
class StepDone:
    """One step of the ladder in this episode before today: how often planned, how often carried out, when last."""

    step: str
    planned: int
    sent: int
    working_days_ago: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """One account on one business date; equal facts give equal decisions, so bulk runs decide once per value.

    ``missed_working_days`` counts those since the last released run on which nobody worked; ``missed_steps`` are the
    steps of this cycle that fell on one of these days. ``working_days_known`` counts those since the arrears were first
    seen here. ``days_since_refusal`` is counted up to the days that a refusal is respected; ``treatment`` is what the
    collector's rating of willingness and ability asks for, ``committee`` what the case committee decided that a step
    waits for. ``debit_mandate``: the bank may be asked to debit what is overdue. ``paid_nothing``: the arrears ended
    without any money, by a moved due date or a correction.
    """

    on: date
    working_day: bool
    calendar_steps: tuple[str, ...]
    stage: int
    effective_instalments: int
    delays: tuple[str, ...]
    days_past_due: int
    working_days_overdue: int
    cycle_unpaid: bool
    hard_holds: tuple[str, ...]
    soft_holds: tuple[str, ...]
    promise_broken: bool
    late_episodes: int
    malice: bool
    calls_last_7_days: int
    days_since_conversation: int | None
    evidence: Evidence
    done: tuple[StepDone, ...]
    holiday: bool = False
    missed_working_days: int = 0
    missed_steps: tuple[str, ...] = ()
    working_days_known: int = 0
    days_since_refusal: int | None = None
    treatment: str | None = None
    visit_approved: bool = False
    committee: str | None = None
    debit_mandate: bool = False
    paid_nothing: bool = False

    def body(self) -> dict[str, Any]:
        """Return the facts as JSON data, dates as text: what is frozen beside the decision."""
        data = _values(self)
        return data | {
            "on": self.on.isoformat(),
            "evidence": _values(self.evidence),
            "done": [*map(_values, self.done)],
        }

    def sha256(self) -> str:
        """Return the hash of the frozen facts."""
        return digest(self.body())

    @classmethod
    def from_body(cls, data: dict[str, Any]) -> "Facts":
        """Rebuild facts from their frozen body, for a replay."""
        known = dict(data)
        known["on"] = date.fromisoformat(known["on"])
        known["evidence"] = Evidence(**known["evidence"])
        known["done"] = tuple(StepDone(**step) for step in known["done"])
        for name in ("calendar_steps", "delays", "hard_holds", "soft_holds", "missed_steps"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


def _values(found: Facts | Evidence | StepDone) -> dict[str, Any]:
    """Return the fields by name; nothing in them can change, so nothing is copied."""
    return {one.name: getattr(found, one.name) for one in fields(found)}


def entitled_rung(effective_instalments: int) -> int:
    """Return the rung that arrears entitle to: one more for each instalment overdue, four at most."""
    return min(effective_instalments, 3) + 1


def stops_debtors_alone(hard_holds: Collection[str], debtor_only: Collection[str]) -> bool:
    """Say whether an account is held by nothing but what happened to its debtor (policy ``holds.debtor_only``)."""
    return bool(hard_holds) and all(kind in debtor_only for kind in hard_holds)


def marks_of(facts: Facts, debtor_only: Collection[str] = ()) -> frozenset[str]:
    """Return whom steps with ``when`` are for: by refusal, treatment, committee, mandate, or guarantors left alone."""
    refused = ("refused",) if facts.days_since_refusal is not None else ()
    rated = () if facts.treatment is None else (facts.treatment,)
    decided = () if facts.committee is None else (COMMITTEE_MARKS[facts.committee],)
    agreed = ("mandate",) if facts.debit_mandate else ()
    alone = (ALONE,) if stops_debtors_alone(facts.hard_holds, debtor_only) else ()
    return frozenset((*refused, *rated, *decided, *agreed, *alone))
