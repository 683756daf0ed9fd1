"""Staff of a branch find the last days of its accounts without a look at every other's."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the branch of each last day; that of a morning kept before comes with the next one."""
    op.add_column("deadline_day", sa.Column("branch", sa.String(80), nullable=True))
