"""The sections of a policy about people: who is owed, who is contacted when and how often, and what a notice says."""

from datetime import date, time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from arrears.ladder.policy_terms import (
    AtLeast,
    AtMost,
    Channel,
    Count,
    Days,
    Fixed,
    Free,
    Language,
    Minor,
    Role,
    Strict,
    ThirdParties,
    TimeZones,
    Whole,
)
from arrears.ladder.tighter import Stricter, Tighter


class Calendar(Strict):
    """Whose public holidays count; ``subdivision`` is required where a country's regions differ.

    ``overrides`` says of single dates whether they are worked; a file names them by ``override_file``, a CSV beside it.
    A day of the coming ``confirmed_days`` that nobody has announced as worked or free is a warning.
    """

    country: Annotated[str, Fixed]
    subdivision: Annotated[str | None, Free] = None
    overrides: Annotated[dict[date, bool], Free] = {}
    confirmed_days: AtLeast = 60


class Creditor(Strict):
    """Who is owed the money, as every notice must say."""

    name: Annotated[str, Free]
    name_en: Annotated[str, Free]
    complaint_line: Annotated[str, Free]
    payment_account: Annotated[str, Free]
    mail_from: Annotated[str, Free]
    address: Annotated[str, Free] = ""
    legal_representative: Annotated[str, Free] = ""
    registration_no: Annotated[str, Free] = ""


class Window(Strict):
    """Local wall-clock time between which people may be contacted; the end is outside."""

    opens: Annotated[time, Tighter.HIGHER]
    closes: Annotated[time, Tighter.LOWER]

    @model_validator(mode="after")
    def _opens_first(self) -> "Window":
        if self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self


class Contact(Strict):
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
    rates_per_minute: Annotated[dict[Channel, Annotated[Whole, Field(ge=1)]], Free] = {}

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


class Statement(Strict):
    """A sentence that the law of a place wants in every notice, in the languages notices are written in."""

    name: str
    zh: str
    en: str


class Notices(Strict):
    """What a notice offers and may say; a consequence is named only if the lender really takes it."""

    help_line: Annotated[str, Free]
    pay_link: Annotated[str | None, Free] = None
    minimum_part_minor: Annotated[Minor, Tighter.LOWER]
    opt_out_channels: Annotated[list[Literal["sms", "email"]], Tighter.MORE]
    consequences: Annotated[list[Literal["late_charges", "credit_report", "legal_action"]], Tighter.FEWER]
    banned_words: Annotated[dict[Language, list[str]], Tighter.MORE]
    statements: Annotated[list[Statement], Tighter.MORE] = []
    credit_objection_days: AtLeast = 5
