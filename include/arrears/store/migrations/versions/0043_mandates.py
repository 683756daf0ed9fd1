"""The accounts with a direct-debit mandate are found by an index of them alone: where there are none, none is read."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

GIVEN = sa.text("debit_mandate IS NOT NULL")


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_account_mandate", "account", ["account_id"], sqlite_where=GIVEN, postgresql_where=GIVEN)
