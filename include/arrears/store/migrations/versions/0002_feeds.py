"""What the feeds delivered, and the frozen ledgers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.String(length=64), nullable=False),
        sa.Column("feed", sa.String(length=24), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.String(length=20), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("delivery_no", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("rows = accepted + quarantined", name=op.f("ck_delivery_conserved")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("feed", "sha256", "business_date", name=op.f("uq_delivery_feed_sha256_business_date")),
        comment="delivery_id = natural_key(feed, sha256, business_date): the same file twice is the same delivery; delivery_no counts the deliveries of a feed on a date.",
    )
    op.create_table(
        "snapshot",
        sa.Column("snapshot_id", sa.String(length=64), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("delivery_no", sa.Integer(), nullable=False),
        sa.Column("feeds_sha256", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("control_totals", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("accepted_at", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("business_date", "delivery_no", name=op.f("uq_snapshot_business_date_delivery_no")),
        comment="One frozen ledger; control_totals = unpaid due per currency in minor units; facts = what gates compare; accepted_at is set when its gates passed or were overridden.",
    )
    op.create_table(
        "account",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("subject_ref", sa.String(length=36), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("customer_id", sa.String(length=64), nullable=True),
        sa.Column("contract_type", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("branch", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("total_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("principal_outstanding_minor", sa.BigInteger(), nullable=True),
        sa.Column("asset_kind", sa.String(length=80), nullable=True),
        sa.Column("asset_make", sa.String(length=80), nullable=True),
        sa.Column("asset_model", sa.String(length=80), nullable=True),
        sa.Column("asset_serial", sa.String(length=80), nullable=True),
        sa.Column("engine_no", sa.String(length=80), nullable=True),
        sa.Column("plate", sa.String(length=40), nullable=True),
        sa.Column("asset_value_minor", sa.BigInteger(), nullable=True),
        sa.Column("is_missing", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("data_incomplete", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "contract_type IN ('loan', 'finance_lease', 'instalment_sale', 'chattel_mortgage')",
            name=op.f("ck_account_contract_type_known"),
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_account_delivery_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account")),
        sa.UniqueConstraint("subject_ref", name=op.f("uq_account_subject_ref")),
        comment="The newest accepted accounts row; branch is '' when the feed has none.",
    )
    op.create_table(
        "agency",
        sa.Column("agency_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("licence_no", sa.String(length=80), nullable=True),
        sa.Column("licence_until", sa.Date(), nullable=True),
        sa.Column("insurance_until", sa.Date(), nullable=True),
        sa.Column("region", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("active_until", sa.Date(), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint("channel IN ('file', 'http')", name=op.f("ck_agency_channel_known")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_agency_delivery_id")),
        sa.PrimaryKeyConstraint("agency_id", name=op.f("pk_agency")),
    )
    op.create_table(
        "assignment",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_assignment_delivery_id")),
        sa.PrimaryKeyConstraint("account_id", "from_on", name=op.f("pk_assignment")),
    )
    op.create_index("ix_assignment_staff", "assignment", ["staff_id"], unique=False)
    op.create_table(
        "charge",
        sa.Column("charge_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_charge_delivery_id")),
        sa.PrimaryKeyConstraint("charge_key", name=op.f("pk_charge")),
        comment="charge_key = natural_key(account_id, charged_on, kind, amount in minor units).",
    )
    op.create_index("ix_charge_account", "charge", ["account_id"], unique=False)
    op.create_table(
        "control",
        sa.Column("control_key", sa.String(length=64), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('accounts', 'rows', 'unpaid_due', 'no_payment_in_flight')", name=op.f("ck_control_kind_known")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_control_delivery_id")),
        sa.PrimaryKeyConstraint("control_key", name=op.f("pk_control")),
        comment="control_key = natural_key(business_date, kind, currency or '-'); unpaid_due in minor units, else a count.",
    )
    op.create_index("ix_control_date", "control", ["business_date"], unique=False)
    op.create_table(
        "court_case",
        sa.Column("court_case_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("remedy", sa.String(length=40), nullable=True),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("court", sa.String(length=120), nullable=True),
        sa.Column("case_no", sa.String(length=80), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('remedy', 'suit', 'preservation', 'enforcement')", name=op.f("ck_court_case_kind_known")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_court_case_delivery_id")),
        sa.PrimaryKeyConstraint("court_case_key", name=op.f("pk_court_case")),
        comment="One row a state reached; court_case_key = natural_key(account_id, case_id, kind, state, at).",
    )
    op.create_index("ix_court_case_account", "court_case", ["account_id", "at"], unique=False)
    op.create_table(
        "debit",
        sa.Column("debit_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(length=8), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint("result IN ('pending', 'paid', 'failed')", name=op.f("ck_debit_result_known")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_debit_delivery_id")),
        sa.PrimaryKeyConstraint("debit_id", name=op.f("pk_debit")),
    )
    op.create_index("ix_debit_account", "debit", ["account_id"], unique=False)
    op.create_table(
        "document",
        sa.Column("document_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=True),
        sa.Column("served_on", sa.Date(), nullable=True),
        sa.Column("service_result", sa.String(length=12), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("second_confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('contract', 'guarantee_contract', 'delivery_note', 'invoice', 'registration', 'service_address_confirmation', 'demand_letter', 'lawyers_letter', 'proof_of_service', 'visit_report', 'photo', 'statement_signed', 'insurance', 'valuation', 'power_of_attorney', 'identity', 'agreement', 'lender_licence')",
            name=op.f("ck_document_kind_known"),
        ),
        sa.CheckConstraint(
            "service_result IN ('sent', 'arrived', 'refused', 'returned')",
            name=op.f("ck_document_service_result_known"),
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_document_delivery_id")),
        sa.PrimaryKeyConstraint("document_key", name=op.f("pk_document")),
        comment="document_key = natural_key(account_id, party_id or '-', kind, sha256).",
    )
    op.create_index("ix_document_account", "document", ["account_id", "kind"], unique=False)
    op.create_table(
        "hold",
        sa.Column("hold_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_hold_delivery_id")),
        sa.PrimaryKeyConstraint("hold_key", name=op.f("pk_hold")),
        comment="hold_key = natural_key(account_id, kind, from_on); open until until_on, the last day it holds.",
    )
    op.create_index("ix_hold_account", "hold", ["account_id"], unique=False)
    op.create_table(
        "location",
        sa.Column("location_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("lat", sa.String(length=16), nullable=False),
        sa.Column("lon", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("site_type", sa.String(length=8), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "site_type IN ('public', 'site', 'home', 'locked')", name=op.f("ck_location_site_type_known")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_location_delivery_id")),
        sa.PrimaryKeyConstraint("location_key", name=op.f("pk_location")),
        comment="location_key = natural_key(account_id, at, source); degrees as decimal text.",
    )
    op.create_index("ix_location_account", "location", ["account_id", "at"], unique=False)
    op.create_table(
        "opening",
        sa.Column("opening_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("evidence_ref", sa.String(length=120), nullable=True),
        sa.Column("agency_id", sa.String(length=64), nullable=True),
        sa.Column("attested_by", sa.String(length=64), nullable=False),
        sa.Column("second_attested_by", sa.String(length=64), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('message', 'call', 'letter', 'visit', 'order_handed_off', 'suit_filed')",
            name=op.f("ck_opening_kind_known"),
        ),
        sa.CheckConstraint("attested_by <> second_attested_by", name=op.f("ck_opening_two_people")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_opening_delivery_id")),
        sa.PrimaryKeyConstraint("opening_key", name=op.f("pk_opening")),
        comment="Past contacts and running cases at go-live; opening_key = natural_key(account_id, kind, at, party_id or '-').",
    )
    op.create_index("ix_opening_account", "opening", ["account_id", "at"], unique=False)
    op.create_table(
        "outcome",
        sa.Column("outcome_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("promised_amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("arrived_at", sa.String(length=20), nullable=True),
        sa.Column("evidence_ref", sa.String(length=120), nullable=True),
        sa.Column("next_action_on", sa.Date(), nullable=True),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "channel IN ('sms', 'email', 'call', 'visit', 'letter', 'debit', 'senior_contact', 'placement', 'credit_notice', 'asset_search', 'remote_lock')",
            name=op.f("ck_outcome_channel_known"),
        ),
        sa.CheckConstraint(
            "outcome IN ('contacted', 'promised', 'refused', 'dispute_raised', 'hardship_claimed', 'paid_claimed', 'callback_requested', 'no_answer', 'busy', 'switched_off', 'wrong_number', 'invalid_number', 'third_party_answered', 'delivered', 'not_delivered', 'bounced', 'letter_sent', 'letter_served', 'letter_refused', 'letter_returned', 'visit_met', 'visit_not_met', 'deceased_reported', 'no_contact_point')",
            name=op.f("ck_outcome_outcome_known"),
        ),
        sa.CheckConstraint(
            "reason IN ('dispute', 'cash_flow', 'inertia', 'business_distress', 'malice', 'unknown')",
            name=op.f("ck_outcome_reason_known"),
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_outcome_delivery_id")),
        sa.PrimaryKeyConstraint("outcome_key", name=op.f("pk_outcome")),
        comment="outcome_key = natural_key(account_id, party_id, channel, at, outcome).",
    )
    op.create_index("ix_outcome_account", "outcome", ["account_id", "at"], unique=False)
    op.create_index("ix_outcome_party", "outcome", ["party_id", "at"], unique=False)
    op.create_table(
        "payment",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("payment_id", sa.String(length=64), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_payment_delivery_id")),
        sa.PrimaryKeyConstraint("account_id", "payment_id", name=op.f("pk_payment")),
        comment="Only payments imported during a day, with that day: news since the frozen ledger, which holds the others.",
    )
    op.create_index("ix_payment_date", "payment", ["business_date"], unique=False)
    op.create_table(
        "plan",
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("first_due_on", sa.Date(), nullable=False),
        sa.Column("instalments", sa.Integer(), nullable=False),
        sa.Column("amount_each_minor", sa.BigInteger(), nullable=False),
        sa.Column("waiver_minor", sa.BigInteger(), nullable=True),
        sa.Column("guarantor_consent_ref", sa.String(length=120), nullable=True),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_plan_delivery_id")),
        sa.PrimaryKeyConstraint("plan_key", name=op.f("pk_plan")),
        comment="plan_key = natural_key(account_id, signed_on).",
    )
    op.create_index("ix_plan_account", "plan", ["account_id"], unique=False)
    op.create_table(
        "promise",
        sa.Column("promise_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("party_id", sa.String(length=64), nullable=True),
        sa.Column("evidence_ref", sa.String(length=120), nullable=True),
        sa.Column("state", sa.String(length=12), server_default=sa.text("'open'"), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'kept', 'partly_kept', 'broken', 'withdrawn')", name=op.f("ck_promise_state_known")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_promise_delivery_id")),
        sa.PrimaryKeyConstraint("promise_key", name=op.f("pk_promise")),
        comment="promise_key = natural_key(account_id, made_on, due_on); a new delivery never resets the state.",
    )
    op.create_index("ix_promise_account", "promise", ["account_id", "due_on"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("delivery_id", sa.String(length=64), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_quarantine_delivery_id")),
        sa.PrimaryKeyConstraint("delivery_id", "row_no", "column", name=op.f("pk_quarantine")),
        comment="Where and why, never the value; row_no counts the header as row 1; column is '' for the whole row.",
    )
    op.create_index("ix_quarantine_account", "quarantine", ["account_id"], unique=False)
    op.create_table(
        "recovery",
        sa.Column("recovery_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_recovery_delivery_id")),
        sa.PrimaryKeyConstraint("recovery_key", name=op.f("pk_recovery")),
        comment="recovery_key = natural_key(account_id, received_on, kind, amount in minor units); negative = reversal.",
    )
    op.create_index("ix_recovery_account", "recovery", ["account_id"], unique=False)
    op.create_table(
        "schedule_change",
        sa.Column("schedule_change_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('deferral', 'extension', 'payment_holiday')", name=op.f("ck_schedule_change_kind_known")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_schedule_change_delivery_id")),
        sa.PrimaryKeyConstraint("schedule_change_key", name=op.f("pk_schedule_change")),
        comment="schedule_change_key = natural_key(account_id, kind, from_on).",
    )
    op.create_index("ix_schedule_change_account", "schedule_change", ["account_id"], unique=False)
    op.create_table(
        "staff",
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("skills", sa.String(length=200), nullable=False),
        sa.Column("dialects", sa.String(length=200), nullable=False),
        sa.Column("branch", sa.String(length=80), nullable=False),
        sa.Column("mail", sa.String(length=254), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("certificate_until", sa.Date(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_staff_delivery_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff")),
        comment="roles, skills and dialects are separated by ';'.",
    )
