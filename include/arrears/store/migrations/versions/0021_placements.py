"""Accounts in the hands of an outside collection agency, and which agencies collect."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('placed', 'recall_sent')")


def upgrade() -> None:
    """Add placements, and what an agency does under which agreement."""
    op.create_table(
        "placement",
        sa.Column("placement_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("agency_id", sa.String(64), nullable=False),
        sa.Column("contact_id", sa.String(64), nullable=False),
        sa.Column("placed_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("file", sa.String(200), nullable=True),
        sa.Column("recall_reason", sa.String(60), nullable=True),
        sa.Column("recalled_at", sa.String(20), nullable=True),
        sa.Column("recall_file", sa.String(200), nullable=True),
        sa.CheckConstraint("state IN ('placed', 'recall_sent', 'recalled')", name=op.f("ck_placement_state_known")),
        sa.CheckConstraint(
            "state = 'placed' OR recall_reason IS NOT NULL", name=op.f("ck_placement_recall_has_reason")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.contact_id"], name=op.f("fk_placement_contact_id")),
        sa.PrimaryKeyConstraint("placement_id", name=op.f("pk_placement")),
    )
    op.create_index(
        "uq_placement_one_open", "placement", ["account_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.add_column("agency", sa.Column("services", sa.String(80), nullable=True))
    op.add_column("agency", sa.Column("data_agreement_ref", sa.String(120), nullable=True))
