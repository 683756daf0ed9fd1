"""Payments told of on the days before that a frozen ledger does not hold yet."""

import sqlalchemy as sa
from alembic import op

from arrears.store.migrations.rights import let_application_write

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the next ledger fills it."""
    op.create_table(
        "unbooked_payment",
        sa.Column("snapshot_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("payment_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshot.snapshot_id"], name=op.f("fk_unbooked_payment_snapshot_id")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "account_id", "payment_id", name=op.f("pk_unbooked_payment")),
    )
    let_application_write("unbooked_payment")
