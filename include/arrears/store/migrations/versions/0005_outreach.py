"""Items, contacts, attempts and budgets."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TRIGGERS = [
    (
        "sqlite",
        "CREATE TRIGGER contact_end_state BEFORE UPDATE ON contact WHEN OLD.state IN ('sent', 'rejected') AND NEW.state <> OLD.state BEGIN SELECT RAISE(ABORT, 'contacts and attempts are kept; sent and rejected are final'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER contact_kept BEFORE DELETE ON contact BEGIN SELECT RAISE(ABORT, 'contacts and attempts are kept; sent and rejected are final'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER contact_attempt_kept BEFORE DELETE ON contact_attempt BEGIN SELECT RAISE(ABORT, 'contacts and attempts are kept; sent and rejected are final'); END",
    ),
    (
        "postgresql",
        "CREATE OR REPLACE FUNCTION contact_refuse() RETURNS trigger LANGUAGE plpgsql AS $$\n        BEGIN RAISE EXCEPTION 'contacts and attempts are kept; sent and rejected are final'; END $$",
    ),
    (
        "postgresql",
        "CREATE TRIGGER contact_end_state BEFORE UPDATE ON contact\n        FOR EACH ROW WHEN (OLD.state IN ('sent', 'rejected') AND NEW.state <> OLD.state) EXECUTE FUNCTION contact_refuse()",
    ),
    (
        "postgresql",
        "CREATE TRIGGER contact_kept BEFORE DELETE ON contact FOR EACH ROW EXECUTE FUNCTION contact_refuse()",
    ),
    (
        "postgresql",
        "CREATE TRIGGER contact_attempt_kept BEFORE DELETE ON contact_attempt FOR EACH ROW EXECUTE FUNCTION contact_refuse()",
    ),
]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "person_budget",
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_person_budget_used_not_negative")),
        sa.PrimaryKeyConstraint("party_id", "channel", "local_date", name=op.f("pk_person_budget")),
        comment="Attempts of a person on a local day, taken with the intent; channel 'all' counts every channel.",
    )
    op.create_table(
        "contact",
        sa.Column("contact_id", sa.String(length=64), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("tone", sa.String(length=16), nullable=False),
        sa.Column("template", sa.String(length=80), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("batch_no", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("slot_opens_at", sa.String(length=20), nullable=False),
        sa.Column("slot_closes_at", sa.String(length=20), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_run_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("not_before", sa.String(length=20), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.String(length=20), nullable=True),
        sa.Column("claimed_by", sa.String(length=300), nullable=True),
        sa.Column("payload_sha256", sa.String(length=64), nullable=True),
        sa.Column("intent_at", sa.String(length=20), nullable=True),
        sa.Column("sent_at", sa.String(length=20), nullable=True),
        sa.Column("provider_code", sa.String(length=40), nullable=True),
        sa.Column("provider_id", sa.String(length=120), nullable=True),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.CheckConstraint("audience IN ('borrower', 'guarantors')", name=op.f("ck_contact_audience_known")),
        sa.CheckConstraint(
            "channel IN ('sms', 'email', 'call', 'visit', 'letter', 'debit', 'senior_contact', 'placement', 'credit_notice', 'asset_search', 'remote_lock')",
            name=op.f("ck_contact_channel_known"),
        ),
        sa.CheckConstraint(
            "state <> 'sent' OR (provider_code IS NOT NULL AND sent_at IS NOT NULL)",
            name=op.f("ck_contact_sent_has_reply"),
        ),
        sa.CheckConstraint("state <> 'withheld' OR reason IS NOT NULL", name=op.f("ck_contact_withheld_has_reason")),
        sa.CheckConstraint(
            "state IN ('planned', 'claimed', 'sending', 'sent', 'rejected', 'withheld', 'in_doubt', 'withdrawn', 'expired')",
            name=op.f("ck_contact_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('claimed', 'sending') OR (lease_until IS NOT NULL AND claimed_by IS NOT NULL)",
            name=op.f("ck_contact_claim_has_lease"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'in_doubt', 'sent') OR (intent_at IS NOT NULL AND payload_sha256 IS NOT NULL)",
            name=op.f("ck_contact_intent_before_effect"),
        ),
        sa.CheckConstraint("tone IN ('courteous', 'firm', 'serious', 'legal')", name=op.f("ck_contact_tone_known")),
        sa.CheckConstraint("stage BETWEEN 0 AND 3", name=op.f("ck_contact_stage_known")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_contact_run_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact")),
        sa.UniqueConstraint(
            "party_id", "channel", "business_date", name=op.f("uq_contact_party_id_channel_business_date")
        ),
        comment="One message, call, visit or letter to one person on one day, sent at most once; run_id planned it, state_run_id changed it last.",
    )
    op.create_index("ix_contact_day", "contact", ["business_date", "state"], unique=False)
    op.create_index(
        "ix_contact_due", "contact", ["state", "business_date", "channel", "stage", "batch_no"], unique=False
    )
    op.create_index("ix_contact_run", "contact", ["run_id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_suppression_run_id")),
        sa.PrimaryKeyConstraint(
            "business_date", "account_id", "step", "channel", "party_id", "reason", name=op.f("pk_suppression")
        ),
        comment="What was never planned, and why; party_id '*' means the whole audience.",
    )
    op.create_table(
        "contact_attempt",
        sa.Column("contact_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=300), nullable=False),
        sa.Column("payload_sha256", sa.String(length=64), nullable=False),
        sa.Column("intent_at", sa.String(length=20), nullable=False),
        sa.Column("finished_at", sa.String(length=20), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("provider_code", sa.String(length=40), nullable=True),
        sa.Column("provider_id", sa.String(length=120), nullable=True),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('not_sent', 'sent', 'rejected', 'in_doubt')", name=op.f("ck_contact_attempt_outcome_known")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.contact_id"], name=op.f("fk_contact_attempt_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "n", name=op.f("pk_contact_attempt")),
        comment="Written before the effect: an attempt without an outcome may have gone out.",
    )
    op.create_index(
        "uq_contact_attempt_open",
        "contact_attempt",
        ["contact_id"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "item",
        sa.Column("item_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("occasion", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.String(length=64), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("tone", sa.String(length=16), nullable=False),
        sa.Column("rung", sa.SmallInteger(), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("overdue_instalments", sa.Integer(), nullable=False),
        sa.Column("dropped_reason", sa.String(length=60), nullable=True),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_item_amount_not_negative")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.contact_id"], name=op.f("fk_item_contact_id")),
        sa.PrimaryKeyConstraint("item_key", name=op.f("pk_item")),
        sa.UniqueConstraint(
            "account_id",
            "occasion",
            "step",
            "channel",
            "party_id",
            "ordinal",
            name=op.f("uq_item_account_id_occasion_step_channel_party_id_ordinal"),
        ),
        comment="Why a contact exists: one step of one account towards one person, once per occasion and ordinal.",
    )
    op.create_index("ix_item_account", "item", ["account_id", "business_date"], unique=False)
    op.create_index(op.f("ix_item_contact_id"), "item", ["contact_id"], unique=False)
    for dialect, statement in TRIGGERS:
        if op.get_bind().dialect.name == dialect:
            op.execute(statement)
