"""What users did in Airflow, what came too late, what that made wrong; finance may tie the book balance."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KINDS = "kind IN ('accounts', 'rows', 'unpaid_due', 'book_balance', 'no_payment_in_flight')"


def upgrade() -> None:
    """Make the tables and allow the new kind of control figure."""
    op.create_table(
        "user_action",
        sa.Column("event_log_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("happened_at", sa.String(length=20), nullable=False),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("event_log_id", "happened_at", name=op.f("pk_user_action")),
    )
    op.create_index("ix_user_action_happened", "user_action", ["happened_at"])
    op.create_table(
        "collection",
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("looked_at", sa.String(length=20), nullable=False),
        sa.Column("read_until", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.CheckConstraint("state IN ('collected', 'not_collected')", name=op.f("ck_collection_state_known")),
        sa.CheckConstraint(
            "state <> 'collected' OR read_until IS NOT NULL", name=op.f("ck_collection_collected_until")
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_collection")),
    )
    op.create_table(
        "late_payment",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("payment_id", sa.String(length=64), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("snapshot_id", sa.String(length=64), nullable=False),
        sa.Column("known_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshot.snapshot_id"], name=op.f("fk_late_payment_snapshot_id")),
        sa.PrimaryKeyConstraint("account_id", "payment_id", name=op.f("pk_late_payment")),
    )
    op.create_table(
        "overtaken",
        sa.Column("overtaken_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("action_id", sa.String(length=64), nullable=False),
        sa.Column("fact", sa.String(length=60), nullable=False),
        sa.Column("fact_date", sa.Date(), nullable=False),
        sa.Column("known_at", sa.String(length=20), nullable=False),
        sa.Column("remedy", sa.String(length=200), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("overtaken_key", name=op.f("pk_overtaken")),
    )
    op.create_index("ix_overtaken_account", "overtaken", ["account_id"])
    with op.batch_alter_table("control") as control:
        control.drop_constraint(op.f("ck_control_kind_known"), type_="check")
        control.create_check_constraint(op.f("ck_control_kind_known"), KINDS)
