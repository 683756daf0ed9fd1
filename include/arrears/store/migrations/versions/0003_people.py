"""People, and the random names of their accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "subject",
        sa.Column("subject_ref", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("subject_ref", name=op.f("pk_subject")),
        sa.UniqueConstraint("account_id", name=op.f("uq_subject_account_id")),
        comment="Events and snapshots know only subject_ref; erasing this row cuts the tie.",
    )
    op.create_table(
        "account_party",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.Column("guarantee_kind", sa.String(length=8), nullable=True),
        sa.Column("guarantee_until", sa.Date(), nullable=True),
        sa.Column("synthesised", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "guarantee_kind IN ('joint', 'general')", name=op.f("ck_account_party_guarantee_kind_known")
        ),
        sa.CheckConstraint(
            "role IN ('borrower', 'co_borrower', 'guarantor', 'spouse', 'legal_representative', 'dealer_buyback')",
            name=op.f("ck_account_party_role_known"),
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_account_party_delivery_id")),
        sa.PrimaryKeyConstraint("account_id", "party_id", "role", name=op.f("pk_account_party")),
    )
    op.create_index("ix_account_party_party", "account_party", ["party_id"], unique=False)
    op.create_table(
        "party",
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("mobile", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("service_address", sa.Text(), nullable=True),
        sa.Column("id_no", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("preferred_channel", sa.String(length=16), nullable=True),
        sa.Column("preferred_time", sa.String(length=40), nullable=True),
        sa.Column("dialect", sa.String(length=40), nullable=True),
        sa.Column("opt_outs", sa.String(length=200), nullable=True),
        sa.Column("erased_at", sa.String(length=20), nullable=True),
        sa.Column("delivery_id", sa.String(length=64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.CheckConstraint("language IN ('zh', 'en')", name=op.f("ck_party_language_known")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_party_delivery_id")),
        sa.PrimaryKeyConstraint("party_id", name=op.f("pk_party")),
        comment="The person across accounts. No row hash: a hash of personal data is personal data.",
    )
