"""The clocks of accounts that have no packet to carry them."""

import sqlalchemy as sa
from alembic import op

from arrears.store.migrations.rights import let_application_write

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the next morning fills it."""
    op.create_table(
        "account_clock",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("built_on", sa.Date(), nullable=False),
        sa.Column("clocks", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("superseded_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "built_on", name=op.f("pk_account_clock")),
    )
    standing = sa.text("superseded_on IS NULL")
    op.create_index(
        "uq_account_clock_current", "account_clock", ["account_id"], unique=True, sqlite_where=standing,
        postgresql_where=standing,
    )  # fmt: skip
    let_application_write("account_clock")
