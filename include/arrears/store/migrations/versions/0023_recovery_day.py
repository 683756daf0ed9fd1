"""The recovery each morning stood at, so that a page can draw a month without reading thirty ledgers."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recovery_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("collected_minor", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_recovery_day_run_id")),
        sa.PrimaryKeyConstraint("business_date", "currency", name=op.f("pk_recovery_day")),
        comment="What could be recovered since a day, and what was by the morning of business_date: worked out with the digest from the frozen ledger, kept so that a month can be drawn without reading every ledger again.",
    )
