"""The policy: every parameter of the rulebook, read from YAML, checked on load, stamped on every decision.

Beside each parameter stands which way is tighter: a layer below may only move it that way.
"""

import json
from collections.abc import Mapping
from datetime import date, time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from arrears.core.calendar import BusinessCalendar
from arrears.core.keys import sha256
from arrears.ladder.clocks import Clocks
from arrears.ladder.tighter import Stricter, Tighter

Percent = Annotated[int, Field(ge=0, le=1000)]
Count = Annotated[int, Field(ge=0, le=100_000)]
Minor = Annotated[int, Field(ge=0)]
Channel = Literal[
    "sms",
    "email",
    "call",
    "visit",
    "letter",
    "debit",
    "senior_contact",
    "placement",
    "credit_notice",
    "asset_search",
    "remote_lock",
]
Tone = Literal["courteous", "firm", "serious", "legal", "by_ordinal"]
LetterDocument = Literal["demand_letter", "lawyers_letter", "validation_notice", "notice_of_sums_in_arrears"]
Language = Literal["zh", "en"]
ContractType = Literal["loan", "finance_lease", "instalment_sale", "chattel_mortgage"]
Lane = Literal["good_faith", "habitual", "high_risk", "aged"]
When = Literal["refused", "remind", "plan", "press", "secure"]
Days = Literal["any", "mon_sat", "mon_sat_no_holidays", "working"]
TimeZones = Literal["policy", "party", "all_possible"]
ThirdParties = Literal["lost_contact_once", "location_once", "never"]
Role = Literal["borrower", "co_borrower", "guarantor", "spouse", "legal_representative", "dealer_buyback"]

Needed = Literal[
    "every_remedy",
    "each_guarantor",
    "accelerate",
    "terminate_and_recover",
    "realise_security",
    "sue_and_preserve",
    "agency",
]
DocumentKind = Literal[
    "contract",
    "guarantee_contract",
    "delivery_note",
    "invoice",
    "registration",
    "service_address_confirmation",
    "demand_letter",
    "lawyers_letter",
    "proof_of_service",
    "visit_report",
    "photo",
    "statement_signed",
    "insurance",
    "valuation",
    "power_of_attorney",
    "identity",
    "agreement",
    "lender_licence",
]

AtMost = Annotated[Count, Tighter.LOWER]
AtLeast = Annotated[Count, Tighter.HIGHER]
AtMostPercent = Annotated[Percent, Tighter.LOWER]
AtLeastPercent = Annotated[Percent, Tighter.HIGHER]
Free = Tighter.FREE
Fixed = Tighter.FIXED


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calendar(_Strict):
    """Whose public holidays count; ``subdivision`` is required where a country's regions differ.

    ``overrides`` says of single dates whether they are worked; a file names them by ``override_file``, a CSV beside it.
    """

    country: Annotated[str, Fixed]
    subdivision: Annotated[str | None, Free] = None
    overrides: Annotated[dict[date, bool], Free] = {}


class Creditor(_Strict):
    """Who is owed the money, as every notice must say."""

    name: Annotated[str, Free]
    name_en: Annotated[str, Free]
    complaint_line: Annotated[str, Free]
    payment_account: Annotated[str, Free]
    mail_from: Annotated[str, Free]
    address: Annotated[str, Free] = ""
    legal_representative: Annotated[str, Free] = ""
    registration_no: Annotated[str, Free] = ""


class Window(_Strict):
    """Local wall-clock time between which people may be contacted; the end is outside."""

    opens: Annotated[time, Tighter.HIGHER]
    closes: Annotated[time, Tighter.LOWER]

    @model_validator(mode="after")
    def _opens_first(self) -> "Window":
        if self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self


class Contact(_Strict):
    """Caps, gaps and hours of contact, counted per person over all their contracts.

    ``legal_window`` is what the law allows, ``window`` what is used; channels without an entry in ``days`` go any day.
    """

    window: Window
    legal_window: Window = Window(opens=time(8), closes=time(22))
    days: Annotated[dict[Channel, Days], Stricter(("any", "mon_sat", "mon_sat_no_holidays", "working"))] = {
        "call": "working", "visit": "working", "letter": "working"}  # fmt: skip
    time_zones: Annotated[TimeZones, Stricter(("policy", "party", "all_possible"))] = "party"
    audience_roles: Annotated[dict[Literal["borrower", "guarantors"], list[Role]], Tighter.FEWER]
    who_may_be_told: Annotated[list[Role], Tighter.FEWER] = ["borrower", "co_borrower", "guarantor", "dealer_buyback"]
    third_parties: Annotated[ThirdParties, Stricter(("lost_contact_once", "location_once", "never"))] = "never"
    consent_required: Annotated[list[Channel], Tighter.MORE] = []
    visit_people: AtLeast = 2
    visit_notice_days: AtLeast = 0
    min_gap_days: AtLeast
    daily_cap_per_person: AtMost
    caps: Annotated[dict[Channel, tuple[Count, Count, Count]], Tighter.LOWER]
    weekly_calls_by_week: Annotated[list[Count], Field(min_length=1), Tighter.LOWER]
    quiet_after_conversation_days: AtLeast
    quiet_after_refusal_days: AtLeast = 3
    rates_per_minute: Annotated[dict[Channel, Annotated[int, Field(ge=1)]], Free] = {}

    @model_validator(mode="after")
    def _within_the_law(self) -> "Contact":
        law = self.legal_window
        if self.window.opens < law.opens or self.window.closes > law.closes:
            raise ValueError(f"window lies outside legal_window {law.opens:%H:%M}-{law.closes:%H:%M}")
        told = {role for roles in self.audience_roles.values() for role in roles}
        if told - set(self.who_may_be_told):
            raise ValueError(f"audience_roles names {min(told - set(self.who_may_be_told))}, who may not be told")
        falling = [name for name, (day, week, month) in self.caps.items() if not day <= week <= month]
        if falling:
            raise ValueError(f"caps.{falling[0]}: give 1 day, 7 days, 30 days, each no less than the one before")
        return self


class Statement(_Strict):
    """A sentence that the law of a place wants in every notice, in the languages notices are written in."""

    name: str
    zh: str
    en: str


class Notices(_Strict):
    """What a notice offers and may say; a consequence is named only if the lender really takes it."""

    help_line: Annotated[str, Free]
    pay_link: Annotated[str | None, Free] = None
    minimum_part_minor: Annotated[Minor, Tighter.LOWER]
    opt_out_channels: Annotated[list[Literal["sms", "email"]], Tighter.MORE]
    consequences: Annotated[list[Literal["late_charges", "credit_report", "legal_action"]], Tighter.FEWER]
    banned_words: Annotated[dict[Language, list[str]], Tighter.MORE]
    statements: Annotated[list[Statement], Tighter.MORE] = []
    credit_objection_days: AtLeast = 5


class Staging(_Strict):
    """What may only delay the entitled rung, never change the stage."""

    grace_days: AtLeast
    tolerance_minor: Annotated[Minor, Tighter.HIGHER]
    tolerance_percent: AtLeastPercent
    cure_days: AtMost


Late = Literal["send_late_once", "collapse_to_latest", "skip_and_record"]


class Step(_Strict):
    """One step of the ladder: when it falls due, by which channel, to whom, in which tone."""

    name: Annotated[str, Fixed]
    rung: Annotated[int, Field(ge=1, le=4), Tighter.HIGHER]
    channel: Annotated[Channel, Fixed]
    audience: Annotated[Literal["borrower", "guarantors"], Fixed]
    tone: Annotated[Tone, Stricter(("legal", "serious", "by_ordinal", "firm", "courteous"))]
    late: Annotated[Late, Stricter(("send_late_once", "collapse_to_latest", "skip_and_record"))]
    month_day: Annotated[Annotated[int, Field(ge=1, le=28)] | None, Fixed] = None
    working_days: Annotated[Literal["any", "previous", "next"], Fixed] = "any"
    offset: Annotated[Count | None, Tighter.HIGHER] = None
    before_due: Annotated[Annotated[int, Field(ge=0, le=27)] | None, Fixed] = None
    trigger: Annotated[Literal["visit"] | None, Fixed] = None
    repeat_every: Annotated[Annotated[int, Field(ge=1)] | None, Tighter.HIGHER] = None
    once: Annotated[bool, Tighter.HIGHER] = False
    after: Annotated[str | None, Fixed] = None
    after_working_days: AtLeast = 0
    instalments: AtLeast = 0
    unreminded_days: Annotated[Count | None, Tighter.HIGHER] = None
    lane: Annotated[Lane | None, Fixed] = None
    when: Annotated[list[When], Fixed] = []
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
        clocks = (self.month_day, self.offset, self.before_due, self.trigger)
        if sum(value is not None for value in clocks) != 1:
            raise ValueError("give exactly one of month_day, offset, before_due and trigger")
        if self.after_working_days and self.after is None:
            raise ValueError("after_working_days counts from the step named in after: give both")
        return self

    @property
    def in_cycle(self) -> bool:
        """Say whether the step belongs to the payment that falls due next, not to arrears."""
        return self.month_day is not None or self.before_due is not None


EvidenceKind = Literal[
    "message_delivered", "call_attempt", "call_answered", "letter_served", "letter_refused", "letter_returned",
    "visit_reported", "visit_failed", "no_contact_point",
]  # fmt: skip


class FailedCalls(_Strict):
    """How many unanswered calls on how many days count as contact."""

    attempts: AtLeast
    days: AtLeast


class UnlockTwo(_Strict):
    """Evidence that opens rung 2."""

    reminders: AtLeast


class UnlockThree(_Strict):
    """Evidence that opens rung 3."""

    call_attempts: AtLeast
    call_days: AtLeast
    guarantor_each: AtLeast


class UnlockFour(_Strict):
    """Evidence that opens rung 4."""

    attempts: AtLeast
    channels: AtLeast
    span_days: AtLeast
    visits: AtLeast
    letter_cure_days: AtLeast


class Evidence(_Strict):
    """Which records count towards the next rung; what is not listed never does."""

    counts: Annotated[list[EvidenceKind], Tighter.FEWER]
    failed_calls: FailedCalls
    failed_visits: AtLeast
    unlock_rung_2: UnlockTwo
    unlock_rung_3: UnlockThree
    unlock_rung_4: UnlockFour


class VisitTriggers(_Strict):
    """The seed's reasons for a visit: no effect by phone, habit, broken promise, lost contact."""

    no_effect_attempts: AtLeast
    no_effect_days: AtLeast
    habitual_months: AtMost
    habitual_count: AtLeast
    lost_contact_attempts: AtLeast
    lost_contact_days: AtLeast


class Promises(_Strict):
    """When a promise to pay is accepted, and when it is kept."""

    max_days: AtLeast
    max_per_episode: AtLeast
    grace_working_days: AtLeast
    kept_percent: AtMostPercent
    partial_percent: AtMostPercent
    reliable_percent: AtMostPercent = 40
    score_months: AtMost = 24


class PartPayment(_Strict):
    """How much of the arrears must come at once, and how many quiet working days that earns."""

    pause_percent: AtMostPercent = 50
    pause_working_days: AtLeast = 5


class Plans(_Strict):
    """Limits of a repayment plan and of what may be waived by one person; amounts in minor units."""

    max_instalments: AtMost = 12
    first_due_within_days: AtMost = 62
    waiver_limit_minor: Annotated[Minor, Tighter.LOWER] = 100_000


class Holds(_Strict):
    """Hard holds stop every contact; soft ones pause calls and block hand-off."""

    hard: Annotated[list[str], Tighter.MORE]
    soft: Annotated[list[str], Tighter.MORE]
    in_flight_working_days: AtLeast = 2
    answer_working_days: Annotated[dict[str, Count], Tighter.LOWER] = {"dispute": 10, "hardship": 5, "complaint": 10}


class Lanes(_Strict):
    """When an account is aged or its holder habitually late, and when the case committee sees the aged ones.

    ``committee_weekday`` counts from Monday, 0; what it decided is on its list again after ``committee_review_days``.
    """

    aged_days: Annotated[Count, Free]
    habitual_count: AtLeast
    aged_packets: Annotated[Count, Free] = 2
    committee_weekday: Annotated[int, Field(ge=0, le=6), Free] = 3
    committee_review_days: AtMost = 90


class Expected(_Strict):
    """How much of the arrears usually comes back, in percent by bucket M0 to M7, and what moves it up or down.

    ``bands`` are the least percentages of a high and of a middle expectation.
    """

    by_bucket: Annotated[list[Annotated[int, Field(ge=0, le=100)]], Field(min_length=8, max_length=8), Free] = [
        100, 90, 75, 55, 40, 30, 20, 10]  # fmt: skip
    secured: Annotated[Percent, Free] = 15
    guaranteed: Annotated[Percent, Free] = 10
    broken_promise: Annotated[Percent, Free] = 15
    bands: Annotated[tuple[Percent, Percent], Free] = (70, 40)


class LedgerGates(_Strict):
    """Bands that hold the run before anybody is contacted or called cured."""

    band_percent: Annotated[tuple[Percent, Percent], Tighter.INSIDE]
    quarantined_percent: AtMostPercent
    absent_percent: AtMostPercent
    total_change_percent: AtMostPercent
    stage_three_factor: AtMost
    small_portfolio_accounts: AtMost


class LeaseTest(_Strict):
    """SPC finance lease interpretation art. 5."""

    instalments: AtLeast
    percent_of_total: AtLeastPercent


class SaleTest(_Strict):
    """Civil Code art. 634."""

    percent_of_total: AtLeastPercent


class LoanTest(_Strict):
    """The contract's acceleration clause; the statute names no figure."""

    instalments: AtLeast


class Alerts(_Strict):
    """Days before a right lapses on which somebody is told."""

    guarantee: Annotated[list[Count], Tighter.MORE]
    limitation: Annotated[list[Count], Tighter.MORE]
    preservation: Annotated[list[Count], Tighter.MORE]
    enforcement: Annotated[list[Count], Tighter.MORE]
    order: Annotated[list[Count], Tighter.MORE]
    licence: Annotated[list[Count], Tighter.MORE]
    disposition: Annotated[list[Count], Tighter.MORE]


class Legal(_Strict):
    """The tests a remedy must pass, and the clocks that run against the lender."""

    demand_cure_days: AtLeast
    guarantee_period_months: AtMost
    limitation_years: AtMost
    preservation_sue_days: AtMost
    enforcement_years: AtMost
    alert_days: Alerts
    paid_ratio_block_percent: AtMostPercent
    lease_test: LeaseTest
    sale_test: SaleTest
    loan_test: LoanTest
    allowed_remedies: Annotated[list[str], Tighter.FEWER]
    recent_payment_guard_days: AtLeast
    required_documents: Annotated[dict[Needed, list[DocumentKind]], Tighter.MORE]
    confirmed_by_two: Annotated[list[DocumentKind], Tighter.MORE]


class RemoteLock(_Strict):
    """Keeping a machine from starting: ``allowed`` is the jurisdiction's word, ``enabled`` the lender's.

    Only a machine seen at rest off the road is ever locked, and a recalled lock is opened within hours.
    """

    allowed: Annotated[bool, Tighter.LOWER] = False
    enabled: Annotated[bool, Free] = False
    location_max_age_hours: AtMost = 4
    at_rest_minutes: AtLeast = 60
    unlock_within_hours: AtMost = 4

    @model_validator(mode="after")
    def _only_where_allowed(self) -> "RemoteLock":
        if self.enabled and not self.allowed:
            raise ValueError("enabled: the profile of this jurisdiction does not allow locking a machine (allowed)")
        return self


class Repossession(_Strict):
    """Limits of an order and of the approvals behind it."""

    approval_valid_working_days: AtMost
    order_expiry_days: AtMost
    location_max_age_hours: AtMost
    geofence_metres: AtMost
    recall_acknowledge_hours: AtMost
    fee_cap_minor: Annotated[Minor, Tighter.LOWER]
    recovery_cost_minor: Annotated[Minor, Tighter.HIGHER]
    recovery_chance_percent: Annotated[int, Field(ge=1, le=100), Tighter.LOWER]
    basis: Annotated[list[str], Tighter.FEWER]
    do_not: Annotated[list[str], Tighter.MORE]
    remote_lock: RemoteLock = RemoteLock()
    redemption_days: AtLeast
    disposition_notice_days: AtLeast
    approval_roles: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Tighter.MORE]


class Recipient(_Strict):
    """Who gets which digest in which language."""

    role: Literal["manager", "collector", "legal", "auditor"]
    mail: str
    language: Language
    branch: str | None = None
    weekday: Annotated[int, Field(ge=1, le=7)] | None = None
    """The day of the week, 1 for Monday, of a reader who wants the morning mail once a week; an alarm comes at once."""


class Digest(_Strict):
    """The morning mail."""

    recipients: Annotated[list[Recipient], Free]
    month_target_percent: Annotated[Percent, Free]
    worklist_delivery: Annotated[Literal["desk", "folder", "encrypted_mail"], Free]


class Retention(_Strict):
    """How long raw files and records are kept, and which holds are proceedings that keep them longer."""

    raw_days: AtMost
    years_after_close: AtLeast
    proceedings: Annotated[list[str], Tighter.MORE] = ["litigation", "dispute", "complaint", "bankrupt", "moratorium"]


class GoLive(_Strict):
    """The first working days of a live store only plan."""

    plan_only_working_days: AtLeast


class Surge(_Strict):
    """When a day's messages wait for a person, and how a large day goes out in steps.

    Below ``floor`` contacts of a kind nothing is out of proportion; from ``canary_from`` on the first hundredth goes
    ahead, and ``canary_wait_minutes`` later the rest, unless more than ``canary_failed_percent`` of it failed.
    """

    factor_percent: Annotated[int, Field(ge=101, le=1000), Tighter.LOWER] = 300
    floor: AtMost = 50
    fresh_days: AtMost = 10
    canary_from: AtMost = 1000
    canary_wait_minutes: AtLeast = 30
    canary_failed_percent: AtMostPercent = 10


class Assurance(_Strict):
    """What the night looks at again."""

    replayed_accounts: AtLeast = 200


class Move(_Strict):
    """A written mapping that lets open episodes leave an older version: ``was`` is its id and version, ``cn 1.0``.

    ``steps`` names what each renamed step is called now, so that what was done under the old name still counts.
    """

    was: str
    steps: dict[str, str] = {}


class Policy(_Strict):
    """One version of the rulebook's parameters; ``layers`` names the id and version of each file it was made of."""

    policy_id: Annotated[str, Field(min_length=1, max_length=40), Free]
    version: Annotated[str, Field(min_length=1, max_length=20), Free]
    effective_from: Annotated[date, Free]
    layers: Annotated[list[str], Free] = []
    language: Annotated[Language, Free]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$"), Free]
    time_zone: Annotated[str, Free]
    contract_type: Annotated[ContractType, Free]
    calendar: Calendar
    creditor: Creditor
    contact: Contact
    notices: Notices
    staging: Staging
    steps: list[Step]
    evidence: Evidence
    visit_triggers: VisitTriggers
    promises: Promises
    plans: Plans = Plans()
    part_payment: PartPayment = PartPayment()
    holds: Holds
    lanes: Lanes
    expected: Expected = Expected()
    ledger: LedgerGates
    legal: Legal
    repossession: Repossession
    digest: Digest
    retention: Retention
    go_live: GoLive
    clocks: Clocks = Clocks()
    surge: Surge = Surge()
    assurance: Assurance = Assurance()
    moves: Annotated[list[Move], Free] = []
    products: Annotated[dict[ContractType, dict[str, Any]], Free] = {}
    accounts: Annotated[dict[str, dict[str, Any]], Free] = {}

    @model_validator(mode="after")
    def _calendar_is_known(self) -> "Policy":
        try:
            self.business_calendar().is_working_day(self.effective_from)
        except (RuntimeError, KeyError):
            raise ValueError(f"calendar: no holidays of {self.calendar.country} {self.calendar.subdivision}") from None
        if self.calendar.country == "GB" and self.calendar.subdivision is None:
            raise ValueError("calendar.subdivision: give ENG, SCT, NIR or WLS; bank holidays differ")
        return self

    @model_validator(mode="after")
    def _steps_stand_on_each_other(self) -> "Policy":
        names = [step.name for step in self.steps]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"steps: {twice[0]} stands there twice")
        lost = [step for step in self.steps if step.after is not None and step.after not in names]
        if lost:
            raise ValueError(f"steps.{lost[0].name}.after: there is no step {lost[0].after}")
        locks = [step for step in self.steps if step.channel == "remote_lock"]
        if locks:
            raise ValueError(f"steps.{locks[0].name}: a lock is an order of two people: see repossession.remote_lock")
        if self.evidence.unlock_rung_4.letter_cure_days < self.legal.demand_cure_days:
            raise ValueError("evidence.unlock_rung_4.letter_cure_days: no less than legal.demand_cure_days")
        return self

    def canonical(self) -> str:
        """Return the one text form that is hashed and kept."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @cached_property
    def sha256(self) -> str:
        """Return the hash stamped on every decision."""
        return sha256(self.canonical().encode())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a changed copy, which has a hash of its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("sha256", None)
        return copied

    def business_calendar(self) -> BusinessCalendar:
        """Return the working-day calendar of this policy."""
        return BusinessCalendar(self.calendar.country, self.calendar.subdivision, self.calendar.overrides)


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file with the layers it stands on, a built-in profile by its name, or the profile ``cn``.

    Raises:
        BadArguments: a file is missing, is not YAML, a value is not allowed, or a layer loosens one above it; names
            file, key, value and what is allowed.
    """
    from arrears.ladder.layers import read_policy

    return read_policy(str(path) if path else "cn")
