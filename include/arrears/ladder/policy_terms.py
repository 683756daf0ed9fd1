"""The words and limits that every section of a policy is written in, and which way each may be tightened."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from arrears.ladder.tighter import Tighter


def _no_switch(value: Any) -> Any:
    """Refuse yes and no in the place of a figure: Python would count them as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not allowed: write a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_no_switch)]
Percent = Annotated[Whole, Field(ge=0, le=1000)]
Count = Annotated[Whole, Field(ge=0, le=100_000)]
Minor = Annotated[Whole, Field(ge=0)]
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
LetterDocument = Literal["demand_letter", "lawyers_letter", "validation_notice", "notice_of_sums_in_arrears"]
ContractType = Literal["loan", "finance_lease", "instalment_sale", "chattel_mortgage"]
Lane = Literal["good_faith", "habitual", "high_risk", "aged"]
When = Literal["refused", "remind", "plan", "press", "secure", "to_court", "to_agency", "mandate",
               "guarantors_alone"]  # fmt: skip
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
    "emergency_preservation",
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
    "dissipation_evidence",
    "validation_notice",
    "notice_of_sums_in_arrears",
]
AtMost = Annotated[Count, Tighter.LOWER]
AtLeast = Annotated[Count, Tighter.HIGHER]
AtMostPercent = Annotated[Percent, Tighter.LOWER]
AtLeastPercent = Annotated[Percent, Tighter.HIGHER]
Free = Tighter.FREE
Fixed = Tighter.FIXED
Late = Literal["send_late_once", "collapse_to_latest", "skip_and_record"]
EvidenceKind = Literal[
    "message_delivered", "call_attempt", "call_answered", "letter_served", "letter_refused", "letter_returned",
    "demand_served", "visit_reported", "visit_failed", "no_contact_point",
]  # fmt: skip


class Strict(BaseModel):
    """A section: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
