"""A run says which of its sums do not tie: nothing leaves by its decisions until they do."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of runs before it nothing is known."""
    op.add_column("run", sa.Column("untied", sa.Text, nullable=True))
