"""What a day planned on a channel and whether it may leave; messages granted in a minute."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "channel_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("courtesy", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("rest", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("detail", sa.String(400), nullable=False),
        sa.Column("release_key", sa.String(64), nullable=False),
        sa.Column("released_by", sa.String(120), nullable=True),
        sa.Column("changed_at", sa.String(20), nullable=False),
        sa.CheckConstraint("state IN ('open', 'canary', 'held', 'released')", name=op.f("ck_channel_day_state_known")),
        sa.CheckConstraint(
            "state <> 'released' OR released_by IS NOT NULL", name=op.f("ck_channel_day_released_by_somebody")
        ),
        sa.PrimaryKeyConstraint("business_date", "channel", name=op.f("pk_channel_day")),
        sa.UniqueConstraint("release_key", name=op.f("uq_channel_day_release_key")),
    )
    op.create_table(
        "channel_rate",
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("minute", sa.String(16), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "minute", name=op.f("pk_channel_rate")),
    )
