"""Orders to lock a machine, and what a collection agency answers to a placement and its recall."""

import sqlalchemy as sa
from alembic import op

from arrears.store.migrations.rebuild import rebuild

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BEFORE, AFTER = "'locate', 'recover'", "'locate', 'recover', 'lock'"
KIND = "ck_repossession_order_kind_known"


def upgrade() -> None:
    """Admit the new kind of order, and add the reports."""
    if op.get_bind().dialect.name == "sqlite":
        rebuild({"repossession_order": [(BEFORE, AFTER)]})
    else:
        op.drop_constraint(op.f(KIND), "repossession_order", type_="check")
        op.create_check_constraint(op.f(KIND), "repossession_order", f"kind IN ({AFTER})")
    op.add_column("placement", sa.Column("accepted_at", sa.String(20), nullable=True))
    op.add_column("placement", sa.Column("recall_acknowledged_at", sa.String(20), nullable=True))
    _reports()


def _reports() -> None:
    op.create_table(
        "placement_report",
        sa.Column("placement_report_key", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("placement_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("result", sa.String(24), nullable=True),
        sa.Column("delivery_id", sa.String(64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(64), nullable=True),
        sa.CheckConstraint("state IN ('accepted', 'recalled')", name=op.f("ck_placement_report_state_known")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_placement_report_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("placement_report_key", name=op.f("pk_placement_report")),
    )
