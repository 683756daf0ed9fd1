"""A run says when it decided its date: one that found every decision standing writes no decision of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

DECIDED = """
UPDATE run SET decided_at = coalesce(finished_at, started_at)
WHERE kind = 'daily' AND snapshot_id IS NOT NULL
  AND (status = 'completed' OR EXISTS (SELECT 1 FROM decision WHERE decision.run_id = run.run_id))
"""


def upgrade() -> None:
    """Add the column, and fill it for the runs that decided."""
    op.add_column("run", sa.Column("decided_at", sa.String(20), nullable=True))
    op.execute(DECIDED)
