"""The sections of a policy about the ladder: steps, evidence, promises, plans, holds and lanes."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from arrears.ladder.policy_terms import (
    AtLeast,
    AtLeastPercent,
    AtMost,
    AtMostPercent,
    Channel,
    Count,
    EvidenceKind,
    Fixed,
    Free,
    Lane,
    Late,
    LetterDocument,
    Minor,
    Percent,
    Strict,
    Tone,
    When,
    Whole,
)
from arrears.ladder.tighter import Stricter, Tighter


class Staging(Strict):
    """What may only delay the entitled rung, never change the stage."""

    grace_days: AtLeast
    holiday_shift: Annotated[bool, Tighter.HIGHER] = False
    tolerance_minor: Annotated[Minor, Tighter.HIGHER]
    tolerance_percent: AtLeastPercent
    cure_days: AtMost


class Step(Strict):
    """One step of the ladder: when it falls due, by which channel, to whom, in which tone."""

    name: Annotated[str, Fixed]
    rung: Annotated[Whole, Field(ge=1, le=4), Tighter.HIGHER]
    channel: Annotated[Channel, Fixed]
    audience: Annotated[Literal["borrower", "guarantors"], Fixed]
    tone: Annotated[Tone, Stricter(("legal", "serious", "by_ordinal", "firm", "courteous"))]
    late: Annotated[Late, Stricter(("send_late_once", "collapse_to_latest", "skip_and_record"))]
    month_day: Annotated[Annotated[Whole, Field(ge=1, le=28)] | None, Fixed] = None
    working_days: Annotated[Literal["any", "previous", "next"], Fixed] = "any"
    offset: Annotated[Count | None, Tighter.HIGHER] = None
    before_due: Annotated[Annotated[Whole, Field(ge=0, le=27)] | None, Fixed] = None
    before_promise: Annotated[Annotated[Whole, Field(ge=0, le=27)] | None, Fixed] = None
    after_cure: Annotated[Annotated[Whole, Field(ge=0, le=27)] | None, Fixed] = None
    trigger: Annotated[Literal["visit"] | None, Fixed] = None
    repeat_every: Annotated[Annotated[Whole, Field(ge=1)] | None, Tighter.HIGHER] = None
    once: Annotated[bool, Tighter.HIGHER] = False
    after: Annotated[str | None, Fixed] = None
    after_working_days: AtLeast = 0
    instalments: AtLeast = 0
    known_days: AtLeast = 0
    unreminded_days: Annotated[Count | None, Tighter.HIGHER] = None
    lane: Annotated[Lane | None, Fixed] = None
    when: Annotated[list[When], Fixed] = []
    unless: Annotated[list[str], Tighter.MORE] = []
    document: Annotated[LetterDocument | None, Fixed] = None
    or_by: Annotated[list[Literal["sms", "email"]], Tighter.FEWER] = []

    @model_validator(mode="after")
    def _a_letter_is_some_document(self) -> "Step":
        if (self.channel == "letter") is not (self.document is not None):
            raise ValueError("document: a step by letter names what is printed, and no other step does")
        return self

    @model_validator(mode="after")
    def _a_message_may_go_by_another(self) -> "Step":
        if self.or_by and (self.channel not in ("sms", "email") or self.channel in self.or_by):
            raise ValueError("or_by: names the other of sms and email for a step that is a message")
        return self

    @model_validator(mode="after")
    def _one_clock(self) -> "Step":
        clocks = (self.month_day, self.offset, self.before_due, self.before_promise, self.after_cure, self.trigger)
        if sum(value is not None for value in clocks) != 1:
            raise ValueError(
                "give exactly one of month_day, offset, before_due, before_promise, after_cure and trigger"
            )
        if self.after_working_days and self.after is None:
            raise ValueError("after_working_days counts from the step named in after: give both")
        return self

    @model_validator(mode="after")
    def _promise_and_thanks_are_messages(self) -> "Step":
        is_message = self.audience == "borrower" and self.channel in ("sms", "email")
        if self.about in ("promise", "cured") and not is_message:
            raise ValueError("a word about a promise or of thanks is a message (sms, email) to the borrower")
        return self

    @model_validator(mode="after")
    def _the_borrower_comes_first(self) -> "Step":
        alone = "guarantors_alone" in self.when
        if self.after is None and not alone and (self.audience == "guarantors" or self.channel == "visit"):
            raise ValueError(
                "after: a step for guarantors, and a visit, name the step to the borrower that comes first"
            )
        if self.channel == "visit" and self.rung == 1:
            raise ValueError("rung: a visit is an action of rung 2, with a lawyer's letter of rung 3")
        return self

    @model_validator(mode="after")
    def _guarantors_alone_get_a_letter(self) -> "Step":
        asked = (self.channel, self.audience, self.when)
        if "guarantors_alone" in self.when and asked != ("letter", "guarantors", ["guarantors_alone"]):
            raise ValueError("when guarantors_alone: a letter to the guarantors, and for nobody else")
        return self

    @property
    def about(self) -> Literal["cycle", "promise", "cured", "episode"]:
        """Return what the step speaks of: the next payment, a promise, arrears that are paid, arrears."""
        if self.month_day is not None or self.before_due is not None:
            return "cycle"
        if self.before_promise is not None:
            return "promise"
        return "episode" if self.after_cure is None else "cured"


class FailedCalls(Strict):
    """How many unanswered calls on how many days count as contact."""

    attempts: AtLeast
    days: AtLeast


class UnlockTwo(Strict):
    """Evidence that opens rung 2."""

    reminders: AtLeast


class UnlockThree(Strict):
    """Evidence that opens rung 3."""

    call_attempts: AtLeast
    call_days: AtLeast
    guarantor_each: AtLeast


class UnlockFour(Strict):
    """Evidence that opens rung 4."""

    attempts: AtLeast
    channels: AtLeast
    span_days: AtLeast
    visits: AtLeast
    letter_cure_days: AtLeast


class Evidence(Strict):
    """Which records count towards the next rung; what is not listed never does."""

    counts: Annotated[list[EvidenceKind], Tighter.FEWER]
    failed_calls: FailedCalls
    failed_visits: AtLeast
    unlock_rung_2: UnlockTwo
    unlock_rung_3: UnlockThree
    unlock_rung_4: UnlockFour


class VisitTriggers(Strict):
    """The seed's reasons for a visit: no effect by phone, habit, broken promise, lost contact."""

    no_effect_attempts: AtLeast
    no_effect_days: AtLeast
    habitual_months: AtMost
    habitual_count: AtLeast
    lost_contact_attempts: AtLeast
    lost_contact_days: AtLeast


class Promises(Strict):
    """When a promise to pay is accepted, and when it is kept."""

    max_days: AtLeast
    within_month: Annotated[bool, Tighter.LOWER] = False
    max_per_episode: AtLeast
    grace_working_days: AtLeast
    kept_percent: AtMostPercent
    partial_percent: AtMostPercent
    reliable_percent: AtMostPercent = 40
    score_months: AtMost = 24


class PartPayment(Strict):
    """How much of the arrears must come at once, and how many quiet working days that earns."""

    pause_percent: AtMostPercent = 50
    pause_working_days: AtLeast = 5


class Plans(Strict):
    """Limits of a repayment plan and of what may be waived by one person; amounts in minor units."""

    max_instalments: AtMost = 12
    first_due_within_days: AtMost = 62
    waiver_limit_minor: Annotated[Minor, Tighter.LOWER] = 100_000


class Holds(Strict):
    """Hard holds stop every contact; soft ones pause calls and block hand-off.

    ``debtor_only`` are hard ones of the debtor's person: the guarantors may be asked in writing. A death holds for at
    least ``deceased_days``, whatever end was named. A dispute that has its answer pauses treatment for
    ``after_dispute_working_days`` more.
    """

    hard: Annotated[list[str], Tighter.MORE]
    soft: Annotated[list[str], Tighter.MORE]
    debtor_only: Annotated[list[str], Tighter.FEWER] = []
    deceased_days: AtLeast = 30
    in_flight_working_days: AtLeast = 2
    after_dispute_working_days: AtLeast = 3
    answer_working_days: Annotated[dict[str, Count], Tighter.LOWER] = {"dispute": 10, "hardship": 5, "complaint": 10}


class Lanes(Strict):
    """When an account is aged or its holder habitually late, and when the case committee sees the aged ones.

    By conversation ``reason_by_contact`` of an episode the reason for the arrears is known. A supervisor looks at
    arrears ``review_working_days`` after their due date. ``committee_weekday`` counts from Monday,
    0; what the committee decided is on its list again after ``committee_review_days``.
    """

    aged_days: Annotated[Count, Free]
    habitual_count: AtLeast
    aged_packets: Annotated[Count, Free] = 2
    reason_by_contact: AtMost = 2
    review_working_days: AtMost = 15
    committee_weekday: Annotated[Whole, Field(ge=0, le=6), Free] = 3
    committee_review_days: AtMost = 90


class Expected(Strict):
    """How much of the arrears usually comes back, in percent by bucket M0 to M7, and what moves it up or down.

    ``bands`` are the least percentages of a high and of a middle expectation.
    """

    by_bucket: Annotated[list[Annotated[Whole, Field(ge=0, le=100)]], Field(min_length=8, max_length=8), Free] = [
        100, 90, 75, 55, 40, 30, 20, 10]  # fmt: skip
    secured: Annotated[Percent, Free] = 15
    guaranteed: Annotated[Percent, Free] = 10
    broken_promise: Annotated[Percent, Free] = 15
    bands: Annotated[tuple[Percent, Percent], Free] = (70, 40)
