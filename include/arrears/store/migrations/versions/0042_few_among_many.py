"""Few rows of large tables are found by an index: outcomes of a person, people nobody reaches, guarantees that end."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

SILENT = sa.text("mobile IS NULL AND email IS NULL")
ENDS = sa.text("guarantee_until IS NOT NULL")


def upgrade() -> None:
    """Add the indexes; two of them hold only the rows that are looked for."""
    op.create_index("ix_outcome_staff", "outcome", ["staff_id", "at"])
    op.create_index("ix_party_silent", "party", ["party_id"], sqlite_where=SILENT, postgresql_where=SILENT)
    op.create_index(
        "ix_account_party_until", "account_party", ["guarantee_until"], sqlite_where=ENDS, postgresql_where=ENDS
    )
