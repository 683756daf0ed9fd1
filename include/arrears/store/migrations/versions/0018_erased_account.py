"""When the people of an account were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the moment to accounts."""
    op.add_column("account", sa.Column("erased_at", sa.String(20), nullable=True))
