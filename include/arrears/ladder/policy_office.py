"""The sections of a policy about the house: ledger gates, readers, retention, surges and what the night looks at."""

from typing import Annotated, Literal

from pydantic import Field

from arrears.ladder.policy_terms import AtLeast, AtMost, AtMostPercent, Free, Language, Percent, Strict, Whole
from arrears.ladder.tighter import Tighter


class LedgerGates(Strict):
    """Bands that hold the run before anybody is contacted or called cured."""

    band_percent: Annotated[tuple[Percent, Percent], Tighter.INSIDE]
    quarantined_percent: AtMostPercent
    absent_percent: AtMostPercent
    total_change_percent: AtMostPercent
    stage_three_factor: AtMost
    small_portfolio_accounts: AtMost
    unknown_account_days: AtLeast = 5
    """So long news about an account that no ledger has brought waits for it."""
    gone_items: Annotated[Literal["unknown", "paid"], Free] = "unknown"
    """What became of an item that left an open-items file: paid, where the lender's system removes none otherwise."""


class Recipient(Strict):
    """Who gets which digest in which language."""

    role: Literal["manager", "collector", "legal", "auditor"]
    mail: str
    language: Language
    branch: str | None = None
    weekday: Annotated[Whole, Field(ge=1, le=7)] | None = None
    """The day of the week, 1 for Monday, of a reader who wants the morning mail once a week; an alarm comes at once."""


class Digest(Strict):
    """The morning mail."""

    recipients: Annotated[list[Recipient], Free]
    month_target_percent: Annotated[Percent, Free]
    worklist_delivery: Annotated[Literal["desk", "folder", "encrypted_mail"], Free]


class Retention(Strict):
    """How long raw files and records are kept, and which holds are proceedings that keep them longer."""

    raw_days: AtMost
    years_after_close: AtLeast
    proceedings: Annotated[list[str], Tighter.MORE] = ["litigation", "dispute", "complaint", "bankrupt", "moratorium"]


class GoLive(Strict):
    """The first working days of a live store only plan."""

    plan_only_working_days: AtLeast


class Surge(Strict):
    """When a day's messages wait for a person, and how a large day goes out in steps.

    Below ``floor`` contacts of a kind nothing is out of proportion; from ``canary_from`` on the first hundredth goes
    ahead, and ``canary_wait_minutes`` later the rest, unless more than ``canary_failed_percent`` of it failed.
    """

    factor_percent: Annotated[Whole, Field(ge=101, le=1000), Tighter.LOWER] = 300
    floor: AtMost = 50
    fresh_days: AtMost = 10
    canary_from: AtMost = 1000
    canary_wait_minutes: AtLeast = 30
    canary_failed_percent: AtMostPercent = 10


class Assurance(Strict):
    """What the night looks at again."""

    replayed_accounts: AtLeast = 200
