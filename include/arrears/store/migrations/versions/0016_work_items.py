"""What people carry out their work with, and who stands in for whom."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add work items and the absence of staff."""
    op.create_table(
        "work_item",
        sa.Column("contact_id", sa.String(64), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("staff_id", sa.String(64), nullable=True),
        sa.Column("companion_id", sa.String(64), nullable=True),
        sa.Column("due_at", sa.String(20), nullable=False),
        sa.Column("script", sa.Text(), nullable=True),
        sa.Column("brief", sa.Text(), nullable=True),
        sa.Column("checklist", sa.Text(), nullable=True),
        sa.Column("documents", sa.Text(), nullable=True),
        sa.Column("rendered_at", sa.String(20), nullable=True),
        sa.Column("erased_at", sa.String(20), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.contact_id"], name=op.f("fk_work_item_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_work_item")),
    )
    op.create_index(op.f("ix_work_item_business_date"), "work_item", ["business_date"], unique=False)
    op.create_index(op.f("ix_work_item_party_id"), "work_item", ["party_id"], unique=False)
    for name, kind in (("absent_from", sa.Date()), ("absent_until", sa.Date()), ("deputy", sa.String(64))):
        op.add_column("staff", sa.Column(name, kind, nullable=True))
