"""What the feeds delivered: one table a feed, each row with the delivery, row and hash it came from."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from arrears.store.tables.base import AccountId, Sha256, UtcText, metadata, one_of

WHOLE_FEEDS = ("accounts", "instalments", "payments", "parties", "staff", "agencies")
"""Feeds of which each delivery is the whole truth; all others bring news."""

CONTRACT_TYPES = ("loan", "finance_lease", "instalment_sale", "chattel_mortgage")
CHANNELS = (
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
)
OUTCOMES = (
    "contacted",
    "promised",
    "refused",
    "dispute_raised",
    "hardship_claimed",
    "paid_claimed",
    "callback_requested",
    "no_answer",
    "busy",
    "switched_off",
    "wrong_number",
    "invalid_number",
    "third_party_answered",
    "delivered",
    "not_delivered",
    "bounced",
    "letter_sent",
    "letter_served",
    "letter_refused",
    "letter_returned",
    "visit_met",
    "visit_not_met",
    "deceased_reported",
    "no_contact_point",
)
LEVELS = ("high", "low")
"""How willing, and how able, a collector finds a customer to pay."""
REASONS = ("dispute", "cash_flow", "inertia", "business_distress", "malice", "unknown")
PROMISE_STATES = ("open", "kept", "partly_kept", "broken", "withdrawn")
DOCUMENT_KINDS = (
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
)
SERVICE_RESULTS = ("sent", "arrived", "refused", "returned")
DOCUMENT_FORMS = ("original", "copy")
SITE_TYPES = ("public", "site", "home", "locked")
SCHEDULE_CHANGES = ("deferral", "extension", "payment_holiday")
CASE_KINDS = ("remedy", "suit", "preservation", "enforcement", "claim")
CASES_OVER = ("closed", "withdrawn", "dismissed", "rejected")
"""States in which a court case needs nobody any more."""
DEBIT_RESULTS = ("pending", "paid", "failed")
AGENCY_SERVICES = ("recovery", "collection", "remote_lock")
PLACEMENT_REPORTS = ("accepted", "recalled")
ORDER_REPORTS = ("accepted", "located", "recovered", "failed", "stored", "redeemed", "sold", "un_recovered")
CONTROL_KINDS = ("accounts", "rows", "unpaid_due", "book_balance", "no_payment_in_flight")
COMMITTEE_DECISIONS = ("continue", "legal", "placement", "write_off")
OPENING_KINDS = ("message", "call", "letter", "visit", "order_handed_off", "suit_filed")


def _account() -> Column[str]:
    return Column("account_id", AccountId, nullable=False)


def _origin() -> list[Column[str] | Column[int]]:
    """Return the columns that tie a row to its delivery; empty where the row was made by hand at the desk."""
    return [
        Column("delivery_id", Sha256, ForeignKey("delivery.delivery_id")),
        Column("row_no", Integer),
        Column("row_sha256", Sha256),
    ]


delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", Sha256, primary_key=True),
    Column("feed", String(24), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("sha256", Sha256, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("received_at", UtcText, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("delivery_no", Integer, nullable=False),
    Column("run_id", String(64), nullable=False),
    UniqueConstraint("feed", "sha256", "business_date"),
    CheckConstraint("rows = accepted + quarantined", name="conserved"),
    comment="delivery_id = natural_key(feed, sha256, business_date): the same file twice is the same delivery;"
    " delivery_no counts the deliveries of a feed on a date.",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("delivery_id", Sha256, ForeignKey("delivery.delivery_id"), primary_key=True),
    Column("row_no", Integer, primary_key=True),
    Column("column", String(40), primary_key=True),
    Column("reason", String(40), nullable=False),
    Column("account_id", AccountId),
    Index("ix_quarantine_account", "account_id"),
    comment="Where and why, never the value; row_no counts the header as row 1; column is '' for the whole row.",
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("snapshot_id", Sha256, primary_key=True),
    Column("business_date", Date, nullable=False),
    Column("delivery_no", Integer, nullable=False),
    Column("feeds_sha256", Sha256, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("control_totals", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("created_at", UtcText, nullable=False),
    Column("accepted_at", UtcText),
    UniqueConstraint("business_date", "delivery_no"),
    comment="One frozen ledger; control_totals = unpaid due per currency in minor units; facts = what gates compare;"
    " accepted_at is set when its gates passed or were overridden.",
)

account = Table(
    "account",
    metadata,
    Column("account_id", AccountId, primary_key=True),
    Column("subject_ref", String(36), nullable=False, unique=True),
    Column("closed_on", Date),
    Column("customer_id", String(64)),
    Column("contract_type", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("branch", String(80), nullable=False),
    Column("owner", String(64)),
    Column("total_price_minor", BigInteger),
    Column("principal_outstanding_minor", BigInteger),
    Column("asset_kind", String(80)),
    Column("asset_make", String(80)),
    Column("asset_model", String(80)),
    Column("asset_serial", String(80)),
    Column("engine_no", String(80)),
    Column("plate", String(40)),
    Column("asset_value_minor", BigInteger),
    Column("debit_mandate", String(64)),
    Column("asset_colour", String(40)),
    Column("asset_hours", Integer),
    Column("gps_device_no", String(80)),
    Column("key_info", String(200)),
    Column("is_missing", Boolean, nullable=False, server_default=text("false")),
    Column("data_incomplete", Boolean, nullable=False, server_default=text("false")),
    Column("erased_at", UtcText),
    *_origin(),
    one_of("contract_type", *CONTRACT_TYPES),
    Index(
        "ix_account_mandate",
        "account_id",
        postgresql_where=text("debit_mandate IS NOT NULL"),
        sqlite_where=text("debit_mandate IS NOT NULL"),
    ),
    comment="The newest accepted accounts row; branch is '' when the feed has none.",
)

outcome = Table(
    "outcome",
    metadata,
    Column("outcome_key", Sha256, primary_key=True),
    _account(),
    Column("party_id", String(64), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("at", UtcText, nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("reason", String(24)),
    Column("note", Text),
    Column("promised_amount_minor", BigInteger),
    Column("promised_on", Date),
    Column("arrived_at", UtcText),
    Column("evidence_ref", String(120)),
    Column("next_action_on", Date),
    Column("staff_id", String(64)),
    Column("willingness", String(4)),
    Column("ability", String(4)),
    *_origin(),
    Index("ix_outcome_account", "account_id", "at"),
    Index("ix_outcome_party", "party_id", "at"),
    Index("ix_outcome_at", "at", "channel", "outcome", "reason"),
    Index("ix_outcome_staff", "staff_id", "at"),
    Index(
        "ix_outcome_rated",
        "account_id",
        "at",
        sqlite_where=text("willingness = 'low' AND ability = 'low'"),
        postgresql_where=text("willingness = 'low' AND ability = 'low'"),
    ),
    one_of("channel", *CHANNELS),
    one_of("outcome", *OUTCOMES),
    one_of("reason", *REASONS),
    comment="outcome_key = natural_key(account_id, party_id, channel, at, outcome).",
)

promise = Table(
    "promise",
    metadata,
    Column("promise_key", Sha256, primary_key=True),
    _account(),
    Column("made_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("channel", String(16)),
    Column("party_id", String(64)),
    Column("evidence_ref", String(120)),
    Column("state", String(12), nullable=False, server_default=text("'open'")),
    Column("withdrawn_on", Date),
    Column("level", Integer),
    Column("score_percent", Integer),
    Column("accepted", Boolean, nullable=False, server_default=text("true")),
    *_origin(),
    Index("ix_promise_account", "account_id", "due_on"),
    Index("ix_promise_made", "made_on"),
    Index("ix_promise_due", "due_on"),
    one_of("state", *PROMISE_STATES),
    comment="promise_key = natural_key(account_id, made_on, due_on); a new delivery never resets the state.",
)

hold = Table(
    "hold",
    metadata,
    Column("hold_key", Sha256, primary_key=True),
    _account(),
    Column("kind", String(24), nullable=False),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date),
    Column("reason", String(200)),
    Column("approved_by", String(64)),
    Column("evidence_ref", String(120)),
    *_origin(),
    Index("ix_hold_account", "account_id"),
    comment="hold_key = natural_key(account_id, kind, from_on); open until until_on, the last day it holds.",
)

plan = Table(
    "plan",
    metadata,
    Column("plan_key", Sha256, primary_key=True),
    _account(),
    Column("signed_on", Date, nullable=False),
    Column("first_due_on", Date, nullable=False),
    Column("instalments", Integer, nullable=False),
    Column("amount_each_minor", BigInteger, nullable=False),
    Column("waiver_minor", BigInteger),
    Column("guarantor_consent_ref", String(120)),
    Column("approved_by", String(64)),
    Column("second_approved_by", String(64)),
    Column("state", String(12), nullable=False, server_default=text("'new'")),
    Column("state_reason", String(40)),
    Column("ended_on", Date),
    *_origin(),
    Index("ix_plan_account", "account_id"),
    comment="plan_key = natural_key(account_id, signed_on).",
)

staff = Table(
    "staff",
    metadata,
    Column("staff_id", String(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("roles", String(200), nullable=False),
    Column("skills", String(200), nullable=False),
    Column("dialects", String(200), nullable=False),
    Column("branch", String(80), nullable=False),
    Column("mail", String(254)),
    Column("language", String(8)),
    Column("certificate_until", Date),
    Column("capacity", Integer),
    Column("absent_from", Date),
    Column("absent_until", Date),
    Column("deputy", String(64)),
    *_origin(),
    comment="roles, skills and dialects are separated by ';'; deputy is the staff_id of who stands in while absent.",
)

assignment = Table(
    "assignment",
    metadata,
    Column("account_id", AccountId, primary_key=True),
    Column("from_on", Date, primary_key=True),
    Column("staff_id", String(64), nullable=False),
    *_origin(),
    Index("ix_assignment_staff", "staff_id"),
)

agency = Table(
    "agency",
    metadata,
    Column("agency_id", String(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("licence_no", String(80)),
    Column("licence_until", Date),
    Column("insurance_until", Date),
    Column("region", String(200), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("active_until", Date),
    Column("services", String(80)),
    Column("data_agreement_ref", String(120)),
    Column("capacity", Integer),
    *_origin(),
    one_of("channel", "file", "http"),
    comment="services are separated by ';': recovery (also where the list is empty), collection, remote_lock.",
)

document = Table(
    "document",
    metadata,
    Column("document_key", Sha256, primary_key=True),
    _account(),
    Column("party_id", String(64)),
    Column("kind", String(40), nullable=False),
    Column("sha256", Sha256, nullable=False),
    Column("dated_on", Date),
    Column("served_on", Date),
    Column("service_result", String(12)),
    Column("confirmed_by", String(64)),
    Column("second_confirmed_by", String(64)),
    Column("title", String(200)),
    Column("pages", Integer),
    Column("form", String(8)),
    *_origin(),
    Index("ix_document_account", "account_id", "kind"),
    one_of("kind", *DOCUMENT_KINDS),
    one_of("service_result", *SERVICE_RESULTS),
    comment="document_key = natural_key(account_id, party_id or '-', kind, sha256).",
)

location = Table(
    "location",
    metadata,
    Column("location_key", Sha256, primary_key=True),
    _account(),
    Column("at", UtcText, nullable=False),
    Column("lat", String(16), nullable=False),
    Column("lon", String(16), nullable=False),
    Column("source", String(40), nullable=False),
    Column("site_type", String(8)),
    *_origin(),
    Index("ix_location_account", "account_id", "at"),
    one_of("site_type", *SITE_TYPES),
    comment="location_key = natural_key(account_id, at, source); degrees as decimal text.",
)

schedule_change = Table(
    "schedule_change",
    metadata,
    Column("schedule_change_key", Sha256, primary_key=True),
    _account(),
    Column("kind", String(16), nullable=False),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date),
    Column("approved_by", String(64)),
    *_origin(),
    Index("ix_schedule_change_account", "account_id"),
    one_of("kind", *SCHEDULE_CHANGES),
    comment="schedule_change_key = natural_key(account_id, kind, from_on).",
)

charge = Table(
    "charge",
    metadata,
    Column("charge_key", Sha256, primary_key=True),
    _account(),
    Column("charged_on", Date, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    *_origin(),
    Index("ix_charge_account", "account_id"),
    comment="charge_key = natural_key(account_id, charged_on, kind, amount in minor units).",
)

court_case = Table(
    "court_case",
    metadata,
    Column("court_case_key", Sha256, primary_key=True),
    _account(),
    Column("case_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(40), nullable=False),
    Column("at", UtcText, nullable=False),
    Column("remedy", String(40)),
    Column("staff_id", String(64)),
    Column("court", String(120)),
    Column("case_no", String(80)),
    *_origin(),
    Index("ix_court_case_account", "account_id", "at"),
    one_of("kind", *CASE_KINDS),
    comment="One row a state reached; court_case_key = natural_key(account_id, case_id, kind, state, at).",
)

debit = Table(
    "debit",
    metadata,
    Column("debit_id", String(64), primary_key=True),
    _account(),
    Column("requested_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("result", String(8), nullable=False),
    Column("file", String(120)),
    *_origin(),
    Index("ix_debit_account", "account_id"),
    one_of("result", *DEBIT_RESULTS),
    comment="Asked of the bank by us (file names where) or elsewhere; a pending one holds the account.",
)

payment = Table(
    "payment",
    metadata,
    Column("account_id", AccountId, primary_key=True),
    Column("payment_id", String(64), primary_key=True),
    Column("paid_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("kind", String(40)),
    Column("business_date", Date, nullable=False),
    *_origin(),
    Index("ix_payment_date", "business_date"),
    comment="Only payments imported during a day, with that day: news since the frozen ledger, which holds the others.",
)

unbooked_payment = Table(
    "unbooked_payment",
    metadata,
    Column("snapshot_id", Sha256, ForeignKey("snapshot.snapshot_id"), primary_key=True),
    Column("account_id", AccountId, primary_key=True),
    Column("payment_id", String(64), primary_key=True),
    comment="Payments told of on the days before that a frozen ledger does not hold yet: they count beside it.",
)

order_report = Table(
    "order_report",
    metadata,
    Column("order_report_key", Sha256, primary_key=True),
    _account(),
    Column("order_no", String(24), nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", UtcText, nullable=False),
    Column("lat", String(16)),
    Column("lon", String(16)),
    Column("site_type", String(8)),
    Column("cost_minor", BigInteger),
    Column("cost_kind", String(40)),
    Column("evidence_sha256", Sha256),
    Column("reference", String(120)),
    Column("result", String(24)),
    *_origin(),
    Index("ix_order_report_order", "order_no", "at"),
    one_of("state", *ORDER_REPORTS),
    one_of("site_type", *SITE_TYPES),
    comment="order_report_key = natural_key(account_id, order_no, state, at); result: applied, or why it was refused.",
)

placement_report = Table(
    "placement_report",
    metadata,
    Column("placement_report_key", Sha256, primary_key=True),
    _account(),
    Column("placement_id", Sha256, nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", UtcText, nullable=False),
    Column("result", String(24)),
    *_origin(),
    one_of("state", *PLACEMENT_REPORTS),
    comment="placement_report_key = natural_key(account_id, placement_id, state, at); result as in order_report.",
)

visit_request = Table(
    "visit_request",
    metadata,
    Column("visit_request_key", Sha256, primary_key=True),
    _account(),
    Column("asked_on", Date, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("approved_by", String(64)),
    Column("ruling", String(8)),
    Column("ruled_by", String(64)),
    Column("ruled_on", Date),
    *_origin(),
    Index("ix_visit_request_account", "account_id", "asked_on"),
    comment="visit_request_key = natural_key(account_id, asked_on);"
    " counts once a supervisor other than asked_by approved, in the feed or by a ruling (approve, refuse) given here.",
)

committee = Table(
    "committee",
    metadata,
    Column("committee_key", Sha256, primary_key=True),
    _account(),
    Column("decided_on", Date, nullable=False),
    Column("decision", String(12), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("decided_by", String(64), nullable=False),
    Column("second_decided_by", String(64), nullable=False),
    Column("review_on", Date),
    *_origin(),
    Index("ix_committee_account", "account_id", "decided_on"),
    one_of("decision", *COMMITTEE_DECISIONS),
    CheckConstraint("decided_by <> second_decided_by", name="two_people"),
    comment="What the case committee decided about an aged account;"
    " committee_key = natural_key(account_id, decided_on).",
)

recovery = Table(
    "recovery",
    metadata,
    Column("recovery_key", Sha256, primary_key=True),
    _account(),
    Column("received_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    *_origin(),
    Index("ix_recovery_account", "account_id"),
    comment="recovery_key = natural_key(account_id, received_on, kind, amount in minor units); negative = reversal.",
)

control = Table(
    "control",
    metadata,
    Column("control_key", Sha256, primary_key=True),
    Column("business_date", Date, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("currency", String(3)),
    Column("value", BigInteger, nullable=False),
    Column("confirmed_by", String(64)),
    *_origin(),
    Index("ix_control_date", "business_date"),
    one_of("kind", *CONTROL_KINDS),
    comment="control_key = natural_key(business_date, kind, currency or '-'); amounts in minor units, else a count.",
)

opening = Table(
    "opening",
    metadata,
    Column("opening_key", Sha256, primary_key=True),
    _account(),
    Column("kind", String(20), nullable=False),
    Column("at", UtcText, nullable=False),
    Column("party_id", String(64)),
    Column("channel", String(16)),
    Column("outcome", String(24)),
    Column("evidence_ref", String(120)),
    Column("agency_id", String(64)),
    Column("attested_by", String(64), nullable=False),
    Column("second_attested_by", String(64), nullable=False),
    *_origin(),
    Index("ix_opening_account", "account_id", "at"),
    one_of("kind", *OPENING_KINDS),
    CheckConstraint("attested_by <> second_attested_by", name="two_people"),
    comment="Past contacts and running cases at go-live;"
    " opening_key = natural_key(account_id, kind, at, party_id or '-').",
)
