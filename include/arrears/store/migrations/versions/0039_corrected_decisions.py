"""Whether a decision was corrected is answered by an index of the corrections alone, not by a look at every row."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

CORRECTED = sa.text("revision > 1")


def upgrade() -> None:
    """Add the index; it holds no row of a day that was delivered once."""
    op.create_index(
        "ix_decision_corrected",
        "decision",
        ["business_date", "account_id", "revision"],
        sqlite_where=CORRECTED,
        postgresql_where=CORRECTED,
    )
