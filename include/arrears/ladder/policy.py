"""The policy: every parameter of the rulebook, read from YAML, checked on load, stamped on every decision."""

import json
from collections.abc import Mapping
from datetime import date, time
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from arrears.core.calendar import BusinessCalendar
from arrears.core.errors import BadArguments
from arrears.core.keys import sha256

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
Language = Literal["zh", "en"]
ContractType = Literal["loan", "finance_lease", "instalment_sale", "chattel_mortgage"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calendar(_Strict):
    """Whose public holidays count; ``subdivision`` is required where a country's regions differ."""

    country: str
    subdivision: str | None = None


class Creditor(_Strict):
    """Who is owed the money, as every notice must say."""

    name: str
    name_en: str
    complaint_line: str
    payment_account: str
    mail_from: str


class Window(_Strict):
    """Local wall-clock time between which people may be contacted; the end is outside."""

    opens: time
    closes: time


class Contact(_Strict):
    """Caps, gaps and hours of contact, counted per person over all their contracts."""

    window: Window
    audience_roles: dict[Literal["borrower", "guarantors"], list[str]]
    min_gap_days: Count
    daily_cap_per_person: Count
    caps: dict[Channel, tuple[Count, Count, Count]]
    weekly_calls_by_week: list[Count]
    quiet_after_conversation_days: Count
    consent_required: list[Channel] = []


class Notices(_Strict):
    """What a notice offers and may say; a consequence is named only if the lender really takes it."""

    help_line: str
    pay_link: str | None = None
    minimum_part_minor: Minor
    opt_out_channels: list[Literal["sms", "email"]]
    consequences: list[Literal["late_charges", "credit_report", "legal_action"]]
    banned_words: dict[Language, list[str]]


class Staging(_Strict):
    """What may only delay the entitled rung, never change the stage."""

    grace_days: Count
    tolerance_minor: Minor
    tolerance_percent: Percent
    cure_days: Count


class Step(_Strict):
    """One step of the ladder: when it falls due, by which channel, to whom, in which tone."""

    name: str
    rung: Annotated[int, Field(ge=1, le=4)]
    channel: Channel
    audience: Literal["borrower", "guarantors"]
    tone: Tone
    late: Literal["send_late_once", "collapse_to_latest", "skip_and_record"]
    month_day: Annotated[int, Field(ge=1, le=28)] | None = None
    working_days: Literal["any", "previous", "next"] = "any"
    offset: Count | None = None
    trigger: Literal["visit"] | None = None
    repeat_every: Annotated[int, Field(ge=1)] | None = None
    once: bool = False
    after: str | None = None

    @model_validator(mode="after")
    def _one_clock(self) -> "Step":
        if sum(value is not None for value in (self.month_day, self.offset, self.trigger)) != 1:
            raise ValueError("give exactly one of month_day, offset and trigger")
        return self


class FailedCalls(_Strict):
    """How many unanswered calls on how many days count as contact."""

    attempts: Count
    days: Count


class UnlockTwo(_Strict):
    """Evidence that opens rung 2."""

    reminders: Count


class UnlockThree(_Strict):
    """Evidence that opens rung 3."""

    call_attempts: Count
    call_days: Count
    guarantor_each: Count


class UnlockFour(_Strict):
    """Evidence that opens rung 4."""

    attempts: Count
    channels: Count
    span_days: Count
    visits: Count
    letter_cure_days: Count


class Evidence(_Strict):
    """Which records count towards the next rung; what is not listed never does."""

    counts: list[str]
    failed_calls: FailedCalls
    failed_visits: Count
    unlock_rung_2: UnlockTwo
    unlock_rung_3: UnlockThree
    unlock_rung_4: UnlockFour


class VisitTriggers(_Strict):
    """The seed's reasons for a visit: no effect by phone, habit, broken promise, lost contact."""

    no_effect_attempts: Count
    no_effect_days: Count
    habitual_months: Count
    habitual_count: Count
    lost_contact_attempts: Count
    lost_contact_days: Count


class Promises(_Strict):
    """When a promise to pay is accepted, and when it is kept."""

    max_days: Count
    max_per_episode: Count
    grace_working_days: Count
    kept_percent: Percent
    partial_percent: Percent


class Holds(_Strict):
    """Hard holds stop every contact; soft ones pause calls and block hand-off."""

    hard: list[str]
    soft: list[str]


class Lanes(_Strict):
    """When an account is aged or its holder habitually late."""

    aged_days: Count
    habitual_count: Count


class LedgerGates(_Strict):
    """Bands that hold the run before anybody is contacted or called cured."""

    band_percent: tuple[Percent, Percent]
    quarantined_percent: Percent
    absent_percent: Percent
    total_change_percent: Percent
    stage_three_factor: Count
    small_portfolio_accounts: Count


class LeaseTest(_Strict):
    """SPC finance lease interpretation art. 5."""

    instalments: Count
    percent_of_total: Percent


class SaleTest(_Strict):
    """Civil Code art. 634."""

    percent_of_total: Percent


class LoanTest(_Strict):
    """The contract's acceleration clause; the statute names no figure."""

    instalments: Count


class Alerts(_Strict):
    """Days before a right lapses on which somebody is told."""

    guarantee: list[Count]
    limitation: list[Count]


class Legal(_Strict):
    """The tests a remedy must pass, and the clocks that run against the lender."""

    demand_cure_days: Count
    guarantee_period_months: Count
    limitation_years: Count
    alert_days: Alerts
    paid_ratio_block_percent: Percent
    lease_test: LeaseTest
    sale_test: SaleTest
    loan_test: LoanTest
    allowed_remedies: list[str]
    recent_payment_guard_days: Count


class Repossession(_Strict):
    """Limits of an order and of the approvals behind it."""

    approval_valid_working_days: Count
    order_expiry_days: Count
    location_max_age_hours: Count
    recall_acknowledge_hours: Count
    fee_cap_minor: Minor
    recovery_cost_minor: Minor
    basis: list[str]
    do_not: list[str]


class Recipient(_Strict):
    """Who gets which digest in which language."""

    role: Literal["manager", "collector", "legal", "auditor"]
    mail: str
    language: Language
    branch: str | None = None


class Digest(_Strict):
    """The morning mail."""

    recipients: list[Recipient]
    month_target_percent: Percent
    worklist_delivery: Literal["desk", "folder", "encrypted_mail"]


class Retention(_Strict):
    """How long raw files and records are kept."""

    raw_days: Count
    years_after_close: Count


class GoLive(_Strict):
    """The first working days of a live store only plan."""

    plan_only_working_days: Count


class Policy(_Strict):
    """One version of the rulebook's parameters."""

    policy_id: str
    version: str
    effective_from: date
    language: Language
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    time_zone: str
    contract_type: ContractType
    calendar: Calendar
    creditor: Creditor
    contact: Contact
    notices: Notices
    staging: Staging
    steps: list[Step]
    evidence: Evidence
    visit_triggers: VisitTriggers
    promises: Promises
    holds: Holds
    lanes: Lanes
    ledger: LedgerGates
    legal: Legal
    repossession: Repossession
    digest: Digest
    retention: Retention
    go_live: GoLive

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
        return BusinessCalendar(self.calendar.country, self.calendar.subdivision)


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file, or the built-in ``cn`` profile.

    Raises:
        BadArguments: the file is missing, is not YAML, or a value is not allowed; names file, key and reason.
    """
    return _load(str(path) if path else None)


@lru_cache(maxsize=8)
def _load(path: str | None) -> Policy:
    name = Path(path).name if path else "cn.yaml"
    try:
        text = (
            Path(path).read_text(encoding="utf-8")
            if path
            else files("arrears.ladder").joinpath("profiles/cn.yaml").read_text("utf-8")
        )
        return Policy.model_validate(yaml.safe_load(text))
    except OSError:
        raise BadArguments(f"policy {path}: no such file") from None
    except UnicodeDecodeError:
        raise BadArguments(f"policy {name}: not UTF-8") from None
    except yaml.YAMLError as error:
        raise BadArguments(f"policy {name}: not YAML ({str(error).splitlines()[0]})") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadArguments(f"policy {name}, {key}: {first['msg']}, got {str(first['input'])[:60]!r}") from None
