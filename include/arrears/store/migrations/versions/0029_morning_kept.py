"""What a morning found is kept, so that a page of the desk looks up a few rows where it read every account."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables, and the indexes of what pages list and count."""
    op.create_table(
        "exception_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("oldest_on", sa.Date(), nullable=True),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_exception_day_run_id")),
        sa.PrimaryKeyConstraint("business_date", "kind", name=op.f("pk_exception_day")),
    )
    op.create_table(
        "deadline_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_deadline_day_run_id")),
        sa.PrimaryKeyConstraint("business_date", "ordinal", name=op.f("pk_deadline_day")),
    )
    op.create_table(
        "load_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("stopped", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("business_date", name=op.f("pk_load_day")),
    )
    current = sa.text("superseded_on IS NULL")
    op.create_index(
        "ix_packet_state", "packet", ["state", "account_id"], sqlite_where=current, postgresql_where=current
    )
    op.create_index("ix_promise_made", "promise", ["made_on"])
    op.create_index("ix_promise_due", "promise", ["due_on"])
    op.create_index("ix_outcome_at", "outcome", ["at", "channel", "outcome", "reason"])
