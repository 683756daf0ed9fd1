"""Human decisions and repossession orders."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "approval",
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("facts_sha256", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=False),
        sa.Column("requested_at", sa.String(length=20), nullable=False),
        sa.Column("approved_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("closed_at", sa.String(length=20), nullable=True),
        sa.Column("closed_reason", sa.String(length=80), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('remedy', 'packet', 'order', 'waiver', 'gate_override', 'release', 'in_doubt', 'attestation')",
            name=op.f("ck_approval_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'refused', 'void', 'expired', 'used')", name=op.f("ck_approval_state_known")
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'used') OR expires_on IS NOT NULL", name=op.f("ck_approval_approved_expires")
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approval")),
        sa.UniqueConstraint(
            "kind",
            "subject_key",
            "facts_sha256",
            "ordinal",
            name=op.f("uq_approval_kind_subject_key_facts_sha256_ordinal"),
        ),
        comment="A question put to people, bound to the facts they saw; expires_on counts from the last vote needed.",
    )
    op.create_index("ix_approval_state", "approval", ["state", "kind"], unique=False)
    op.create_index(
        "uq_approval_one_live",
        "approval",
        ["kind", "subject_key"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'approved')"),
        postgresql_where=sa.text("state IN ('open', 'approved')"),
    )
    op.create_table(
        "repossession_order",
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("order_no", sa.String(length=24), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("episode_due", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("packet_id", sa.String(length=64), nullable=True),
        sa.Column("facts_sha256", sa.String(length=64), nullable=True),
        sa.Column("agency_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=True),
        sa.Column("offered_at", sa.String(length=20), nullable=True),
        sa.Column("acknowledged_at", sa.String(length=20), nullable=True),
        sa.Column("receipt", sa.String(length=200), nullable=True),
        sa.Column("recall_reason", sa.String(length=80), nullable=True),
        sa.Column("recalled_at", sa.String(length=20), nullable=True),
        sa.Column("recall_acknowledged_at", sa.String(length=20), nullable=True),
        sa.Column("closed_reason", sa.String(length=80), nullable=True),
        sa.Column("blocked_by", sa.String(length=400), nullable=True),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "imported OR state NOT IN ('offered', 'acknowledged', 'accepted', 'located', 'recovered', 'recall_sent', 'recalled') OR (offered_at IS NOT NULL AND document_sha256 IS NOT NULL)",
            name=op.f("ck_repossession_order_sent_has_intent"),
        ),
        sa.CheckConstraint("kind IN ('locate', 'recover')", name=op.f("ck_repossession_order_kind_known")),
        sa.CheckConstraint(
            "state <> 'recalled' OR recall_acknowledged_at IS NOT NULL",
            name=op.f("ck_repossession_order_recalled_is_acknowledged"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'awaiting_approval', 'approved', 'offered', 'acknowledged', 'accepted', 'located', 'recall_sent', 'recovered', 'failed', 'recalled', 'expired', 'void')",
            name=op.f("ck_repossession_order_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('recall_sent', 'recalled') OR recall_reason IS NOT NULL",
            name=op.f("ck_repossession_order_recall_has_reason"),
        ),
        sa.CheckConstraint(
            "imported OR packet_id IS NOT NULL", name=op.f("ck_repossession_order_own_order_has_packet")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_repossession_order")),
        sa.UniqueConstraint(
            "account_id",
            "episode_due",
            "kind",
            "ordinal",
            name=op.f("uq_repossession_order_account_id_episode_due_kind_ordinal"),
        ),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_repossession_order_idempotency_key")),
        sa.UniqueConstraint("order_no", name=op.f("uq_repossession_order_order_no")),
        comment="The intent to hand over is written here, in the transaction of the last check, before anything leaves.",
    )
    op.create_index("ix_repossession_order_state", "repossession_order", ["state"], unique=False)
    op.create_index(
        "uq_repossession_order_one_open",
        "repossession_order",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('proposed', 'awaiting_approval', 'approved', 'offered', 'acknowledged', 'accepted', 'located', 'recall_sent')"
        ),
        postgresql_where=sa.text(
            "state IN ('proposed', 'awaiting_approval', 'approved', 'offered', 'acknowledged', 'accepted', 'located', 'recall_sent')"
        ),
    )
    op.create_table(
        "approval_vote",
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("identity", sa.String(length=10), nullable=False),
        sa.CheckConstraint("decision IN ('approve', 'refuse')", name=op.f("ck_approval_vote_decision_known")),
        sa.CheckConstraint(
            "identity IN ('rehearsal', 'shell', 'airflow')", name=op.f("ck_approval_vote_identity_known")
        ),
        sa.CheckConstraint("note <> ''", name=op.f("ck_approval_vote_note_given")),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.approval_id"], name=op.f("fk_approval_vote_approval_id")),
        sa.PrimaryKeyConstraint("approval_id", "role", name=op.f("pk_approval_vote")),
        sa.UniqueConstraint("approval_id", "staff_id", name=op.f("uq_approval_vote_approval_id_staff_id")),
        comment="One vote a role and one role a person: the same person can never be both pairs of eyes.",
    )
