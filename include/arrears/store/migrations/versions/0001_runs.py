"""Which store this is, its runs, their policy and gates."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "policy_text",
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("policy_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("policy_sha256", name=op.f("pk_policy_text")),
        comment="The canonical policy behind each decision, kept so that any decision can be recomputed.",
    )
    op.create_table(
        "run",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("origin_key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("plan_only", sa.Boolean(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.String(length=20), nullable=False),
        sa.Column("settled_at", sa.String(length=20), nullable=True),
        sa.Column("finished_at", sa.String(length=20), nullable=True),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.String(length=40), nullable=False),
        sa.Column("code_id", sa.String(length=64), nullable=False),
        sa.Column("feeds_folder", sa.String(length=400), nullable=True),
        sa.Column("snapshot_id", sa.String(length=64), nullable=True),
        sa.Column("feeds_sha256", sa.String(length=64), nullable=True),
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('daily', 'dispatch', 'intake', 'repossession', 'assurance', 'import')",
            name=op.f("ck_run_kind_known"),
        ),
        sa.CheckConstraint("status IN ('running', 'completed', 'held', 'failed')", name=op.f("ck_run_status_known")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run")),
        sa.UniqueConstraint("kind", "business_date", "ordinal", name=op.f("uq_run_kind_business_date_ordinal")),
        sa.UniqueConstraint("origin_key", name=op.f("uq_run_origin_key")),
        comment="run_id is <kind>-<business date>-<ordinal>; origin_key names the Airflow run or the shell call.",
    )
    op.create_table(
        "store_identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("store_uuid", sa.String(length=36), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=True),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("paused_at", sa.String(length=20), nullable=True),
        sa.Column("paused_by", sa.String(length=120), nullable=True),
        sa.CheckConstraint("mode IN ('sandbox', 'live')", name=op.f("ck_store_identity_mode_known")),
        sa.CheckConstraint("id = 1", name=op.f("ck_store_identity_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_identity")),
        comment="One row: the first effect stamps the mode, and effects of the other mode are refused ever after.",
    )
    op.create_table(
        "gate",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.String(length=400), nullable=False),
        sa.Column("overridden_by", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_gate_run_id")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_gate")),
    )
