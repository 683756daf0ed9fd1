"""What each range of accounts came to is kept for the day decided last, so that the same run again reads no rows.

A store that has its roles needs no second ``arrears roles`` for this: the application may write the table at once.
"""

import sqlalchemy as sa
from alembic import op

from arrears.store.migrations.rights import let_application_write

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "decided_range",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rows_sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("business_date", "number", name=op.f("pk_decided_range")),
    )
    let_application_write("decided_range")
