"""What the page of the month shows is kept: results of each day by treatment, and the record of staff of a month."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the index of the few customers rated neither willing nor able."""
    op.create_table(
        "outcome_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("rung", sa.SmallInteger(), nullable=False),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("reason", sa.String(24), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("business_date", "channel", "rung", "outcome", "reason", name=op.f("pk_outcome_day")),
    )
    op.create_table(
        "score_month",
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("staff_id", sa.String(64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("reasoned", sa.Integer(), nullable=False),
        sa.Column("promises", sa.JSON(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.Column("complaints", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("first_day", "staff_id", name=op.f("pk_score_month")),
    )
    rated = sa.text("willingness = 'low' AND ability = 'low'")
    op.create_index("ix_outcome_rated", "outcome", ["account_id", "at"], sqlite_where=rated, postgresql_where=rated)
