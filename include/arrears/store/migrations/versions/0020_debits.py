"""Direct debits of our own: the mandate of an account, and the file a request went out in."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns."""
    op.add_column("account", sa.Column("debit_mandate", sa.String(64), nullable=True))
    op.add_column("debit", sa.Column("file", sa.String(120), nullable=True))
