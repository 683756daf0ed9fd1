"""Which digest went to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "digest_sent",
        sa.Column("digest_key", sa.String(length=64), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("delivery_no", sa.Integer(), nullable=False),
        sa.Column("recipient_sha256", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("branch", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("html_sha256", sa.String(length=64), nullable=False),
        sa.Column("artefact", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("planned_at", sa.String(length=20), nullable=False),
        sa.Column("sending_at", sa.String(length=20), nullable=True),
        sa.Column("settled_at", sa.String(length=20), nullable=True),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.CheckConstraint("kind IN ('morning', 'held', 'failed')", name=op.f("ck_digest_sent_kind_known")),
        sa.CheckConstraint(
            "state IN ('planned', 'sending', 'sent', 'rejected', 'in_doubt')", name=op.f("ck_digest_sent_state_known")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_digest_sent_run_id")),
        sa.PrimaryKeyConstraint("digest_key", name=op.f("pk_digest_sent")),
        comment="Intent before effect: planned, then sending is committed before the gateway is called; in_doubt is never tried again by itself. A planned or rejected mail may be rebuilt. The address itself stays in the policy.",
    )
    op.create_index("ix_digest_sent_date", "digest_sent", ["business_date", "state"], unique=False)
