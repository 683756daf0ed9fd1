"""Every feed and its columns, as the command contract names them: nothing outside this list is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from arrears.core.errors import BadArguments
from arrears.store.tables import feeds as known
from arrears.store.tables import people

Kind = Literal["id", "text", "date", "moment", "amount", "count", "value", "currency", "degrees", "sha256", "list"]

LEDGER = ("accounts", "instalments", "payments")
FORMATS = ("csv", "xlsx", "parquet", "sql")
PREFERRED = ("sms", "email", "call", "visit", "letter")


@dataclass(frozen=True)
class Field:
    """One column: what its cells hold, whether the header must have it, and whether a cell may be empty.

    ``describes``: without a readable cell the row still says that the account is there and what it owes. ``lines``: the
    text may have several lines; in a name or a number a line break is somebody's attempt to write more than that.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    empty: bool = True
    values: tuple[str, ...] = ()
    limit: int = 200
    past: bool = False
    lowest: int | None = None
    describes: bool = False
    lines: bool = False

    @property
    def stored(self) -> str:
        """Return the column's name in the store: amounts are ``<name>_minor``; a control's value may be a count."""
        return f"{self.name}_minor" if self.kind == "amount" and self.name != "value" else self.name


@dataclass(frozen=True)
class Feed:
    """One feed: ``key`` names a row; ``state``: a delivery is the whole truth (accounts), not news (outcomes)."""

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    state: bool = False

    def field(self, name: str) -> Field:
        """Return one column of this feed."""
        return next(field for field in self.fields if field.name == name)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of all columns."""
        return tuple(field.name for field in self.fields)

    @property
    def required(self) -> tuple[str, ...]:
        """Return the columns a header must have."""
        return tuple(field.name for field in self.fields if field.required)

    @property
    def of_accounts(self) -> bool:
        """Say whether a row belongs to an account."""
        return "account_id" in self.columns


def _id(name: str, *, must: bool = False) -> Field:
    return Field(name, "id", must, not must, limit=64)


def _must(name: str, kind: Kind, *, limit: int = 200, past: bool = False, lowest: int | None = None) -> Field:
    return Field(name, kind, required=True, empty=False, limit=limit, past=past, lowest=lowest)


def _enum(name: str, values: tuple[str, ...], *, must: bool = False) -> Field:
    return Field(name, "value", must, not must, values=values)


def _text(name: str, limit: int, *, must: bool = False) -> Field:
    return Field(name, "text", must, not must, limit=limit)


def _about(name: str, limit: int) -> Field:
    return Field(name, limit=limit, describes=True)


def _lines(name: str, limit: int, *, must: bool = False) -> Field:
    return Field(name, "text", must, not must, limit=limit, lines=True)


ACCOUNT = _id("account_id", must=True)
OUTCOME_VALUES, CHANNELS = known.OUTCOMES, known.CHANNELS
HOLD_KINDS = (
    "dispute",
    "hardship",
    "deceased",
    "bankrupt",
    "moratorium",
    "cease",
    "complaint",
    "litigation",
    "data_incomplete",
    "vulnerability",
    "legal_representative",
    "plan",
    "payment_in_flight",
    "asset_loss",
    "estate",
    "promise",
)

_FEEDS = (
    Feed(
        "accounts",
        (
            ACCOUNT,
            Field("closed_on", "date", required=True),
            _id("customer_id"),
            _enum("contract_type", known.CONTRACT_TYPES),
            Field("currency", "currency"),
            _about("branch", 80),
            _id("owner"),
            Field("total_price", "amount", lowest=0),
            Field("principal_outstanding", "amount", lowest=0),
            _about("asset_kind", 80),
            _about("asset_make", 80),
            _about("asset_model", 80),
            _about("asset_serial", 80),
            _about("engine_no", 80),
            _about("plate", 40),
            Field("asset_value", "amount", lowest=0),
            _id("debit_mandate"),
            _about("asset_colour", 40),
            Field("asset_hours", "count"),
            _about("gps_device_no", 80),
            _about("key_info", 200),
        ),
        ("account_id",),
        state=True,
    ),
    Feed(
        "instalments",
        (
            ACCOUNT,
            _must("instalment_no", "count"),
            _must("due_date", "date"),
            _must("amount_due", "amount", lowest=0),
            Field("amount_paid", "amount", empty=False, lowest=0),
            Field("principal_due", "amount", lowest=0),
            Field("interest_due", "amount", lowest=0),
            Field("penalty_due", "amount", lowest=0),
        ),
        ("account_id", "instalment_no"),
        state=True,
    ),
    Feed(
        "payments",
        (
            _id("payment_id", must=True),
            ACCOUNT,
            _must("paid_on", "date"),
            _must("amount", "amount"),
            _text("kind", 40),
        ),
        ("payment_id",),
        state=True,
    ),
    Feed(
        "parties",
        (
            ACCOUNT,
            _id("party_id", must=True),
            _enum("role", people.ROLES, must=True),
            _text("name", 200),
            _enum("language", ("zh", "en")),
            _text("mobile", 40),
            _text("email", 254),
            _lines("address", 400),
            _lines("service_address", 400),
            _text("id_no", 40),
            _text("time_zone", 64),
            _enum("preferred_channel", PREFERRED),
            _text("preferred_time", 40),
            _text("dialect", 40),
            Field("opt_outs", "list", values=CHANNELS),
            Field("consents", "list", values=CHANNELS),
            _enum("guarantee_kind", ("joint", "general")),
            Field("guarantee_until", "date"),
        ),
        ("account_id", "party_id", "role"),
        state=True,
    ),
    Feed(
        "outcomes",
        (
            ACCOUNT,
            _id("party_id", must=True),
            _enum("channel", CHANNELS, must=True),
            _must("at", "moment", past=True),
            _enum("outcome", OUTCOME_VALUES, must=True),
            _enum("reason", known.REASONS),
            _lines("note", 2000),
            Field("promised_amount", "amount", lowest=1),
            Field("promised_on", "date"),
            Field("arrived_at", "moment", past=True),
            _text("evidence_ref", 120),
            Field("next_action_on", "date"),
            _id("staff_id"),
            _enum("willingness", known.LEVELS),
            _enum("ability", known.LEVELS),
        ),
        ("account_id", "party_id", "channel", "at", "outcome"),
    ),
    Feed(
        "promises",
        (
            ACCOUNT,
            _must("made_on", "date", past=True),
            _must("due_on", "date"),
            _must("amount", "amount", lowest=1),
            _enum("channel", CHANNELS),
            _id("party_id"),
            _text("evidence_ref", 120),
            Field("withdrawn_on", "date"),
        ),
        ("account_id", "made_on", "due_on"),
    ),
    Feed(
        "holds",
        (
            ACCOUNT,
            _enum("kind", HOLD_KINDS, must=True),
            _must("from_on", "date"),
            Field("until_on", "date"),
            _lines("reason", 200),
            _id("approved_by"),
            _text("evidence_ref", 120),
        ),
        ("account_id", "kind", "from_on"),
    ),
    Feed(
        "plans",
        (
            ACCOUNT,
            _must("signed_on", "date", past=True),
            _must("first_due_on", "date"),
            _must("instalments", "count", lowest=1),
            _must("amount_each", "amount", lowest=1),
            Field("waiver", "amount", lowest=0),
            _text("guarantor_consent_ref", 120),
            _id("approved_by"),
            _id("second_approved_by"),
        ),
        ("account_id", "signed_on"),
    ),
    Feed(
        "staff",
        (
            _id("staff_id", must=True),
            _text("name", 120, must=True),
            Field("roles", "list", True, False),
            Field("skills", "list"),
            Field("dialects", "list"),
            _text("branch", 80),
            _text("mail", 254),
            _enum("language", ("zh", "en")),
            Field("certificate_until", "date"),
            Field("capacity", "count"),
            Field("absent_from", "date"),
            Field("absent_until", "date"),
            _id("deputy"),
        ),
        ("staff_id",),
        state=True,
    ),
    Feed("assignments", (ACCOUNT, _id("staff_id", must=True), _must("from_on", "date")), ("account_id", "from_on")),
    Feed(
        "agencies",
        (
            _id("agency_id", must=True),
            _text("name", 120, must=True),
            _text("licence_no", 80),
            Field("licence_until", "date"),
            Field("insurance_until", "date"),
            _text("region", 200),
            _enum("channel", ("file", "http")),
            Field("active_until", "date"),
            Field("services", "list", values=known.AGENCY_SERVICES),
            _text("data_agreement_ref", 120),
            Field("capacity", "count"),
        ),
        ("agency_id",),
        state=True,
    ),
    Feed(
        "documents",
        (
            ACCOUNT,
            _id("party_id"),
            _enum("kind", known.DOCUMENT_KINDS, must=True),
            _must("sha256", "sha256"),
            Field("dated_on", "date"),
            Field("served_on", "date", past=True),
            _enum("service_result", known.SERVICE_RESULTS),
            _id("confirmed_by"),
            _id("second_confirmed_by"),
            _text("title", 200),
            Field("pages", "count"),
            _enum("form", known.DOCUMENT_FORMS),
        ),
        ("account_id", "party_id", "kind", "sha256"),
    ),
    Feed(
        "locations",
        (
            ACCOUNT,
            _must("at", "moment", past=True),
            _must("lat", "degrees", limit=90),
            _must("lon", "degrees", limit=180),
            _text("source", 40, must=True),
            _enum("site_type", known.SITE_TYPES),
        ),
        ("account_id", "at", "source"),
    ),
    Feed(
        "schedule_changes",
        (
            ACCOUNT,
            _enum("kind", known.SCHEDULE_CHANGES, must=True),
            _must("from_on", "date"),
            Field("until_on", "date"),
            _id("approved_by"),
        ),
        ("account_id", "kind", "from_on"),
    ),
    Feed(
        "charges",
        (
            ACCOUNT,
            _must("charged_on", "date"),
            _text("kind", 40, must=True),
            _must("amount", "amount"),
        ),
        ("account_id", "charged_on", "kind", "amount_minor"),
    ),
    Feed(
        "cases",
        (
            ACCOUNT,
            _id("case_id", must=True),
            _enum("kind", known.CASE_KINDS, must=True),
            _text("state", 40, must=True),
            _must("at", "moment", past=True),
            _text("remedy", 40),
            _id("staff_id"),
            _text("court", 120),
            _text("case_no", 80),
        ),
        ("account_id", "case_id", "kind", "state", "at"),
    ),
    Feed(
        "visit_requests",
        (
            ACCOUNT,
            _must("asked_on", "date", past=True),
            _lines("reason", 200, must=True),
            _id("asked_by", must=True),
            _id("approved_by"),
        ),
        ("account_id", "asked_on"),
    ),
    Feed(
        "committee",
        (
            ACCOUNT,
            _must("decided_on", "date", past=True),
            _enum("decision", known.COMMITTEE_DECISIONS, must=True),
            _lines("reason", 200, must=True),
            _id("decided_by", must=True),
            _id("second_decided_by", must=True),
            Field("review_on", "date"),
        ),
        ("account_id", "decided_on"),
    ),
    Feed(
        "debits",
        (
            ACCOUNT,
            _id("debit_id", must=True),
            _must("requested_on", "date"),
            _must("amount", "amount", lowest=1),
            _enum("result", known.DEBIT_RESULTS, must=True),
        ),
        ("debit_id",),
    ),
    Feed(
        "recoveries",
        (
            ACCOUNT,
            _must("received_on", "date"),
            _must("amount", "amount"),
            _text("kind", 40, must=True),
        ),
        ("account_id", "received_on", "kind", "amount_minor"),
    ),
    Feed(
        "order_reports",
        (
            ACCOUNT,
            _text("order_no", 24, must=True),
            _enum("state", known.ORDER_REPORTS, must=True),
            _must("at", "moment", past=True),
            Field("lat", "degrees", limit=90),
            Field("lon", "degrees", limit=180),
            _enum("site_type", known.SITE_TYPES),
            Field("cost", "amount", lowest=0),
            _text("cost_kind", 40),
            Field("evidence_sha256", "sha256"),
            _text("reference", 120),
        ),
        ("account_id", "order_no", "state", "at"),
    ),
    Feed(
        "placement_reports",
        (
            ACCOUNT,
            Field("placement_id", "sha256", required=True, empty=False),
            _enum("state", known.PLACEMENT_REPORTS, must=True),
            _must("at", "moment", past=True),
        ),
        ("account_id", "placement_id", "state", "at"),
    ),
    Feed(
        "controls",
        (
            _must("business_date", "date"),
            _enum("kind", known.CONTROL_KINDS, must=True),
            Field("currency", "currency"),
            _must("value", "amount", lowest=0),
            _id("confirmed_by"),
        ),
        ("business_date", "kind", "currency"),
    ),
    Feed(
        "opening",
        (
            ACCOUNT,
            _enum("kind", known.OPENING_KINDS, must=True),
            _must("at", "moment", past=True),
            _id("party_id"),
            _enum("channel", CHANNELS),
            _enum("outcome", OUTCOME_VALUES),
            _text("evidence_ref", 120),
            _id("agency_id"),
            _id("attested_by", must=True),
            _id("second_attested_by", must=True),
        ),
        ("account_id", "kind", "at", "party_id"),
    ),
)

FEEDS: dict[str, Feed] = {feed.name: feed for feed in _FEEDS}
"""In the order of import: accounts first, then what refers to them."""


def feed_named(name: str) -> Feed:
    """Return a feed by name.

    Raises:
        BadArguments: there is no such feed.
    """
    if name not in FEEDS:
        raise BadArguments(f"feed {name!r}: use one of {', '.join(FEEDS)}")
    return FEEDS[name]


def amounts(feed: Feed) -> Iterator[Field]:
    """Return the money columns of a feed."""
    return (field for field in feed.fields if field.kind == "amount")
