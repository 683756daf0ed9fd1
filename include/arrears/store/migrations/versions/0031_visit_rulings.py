"""What a supervisor ruled about a visit that somebody asked for, where it was not delivered with the request."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add who ruled what, and when."""
    op.add_column("visit_request", sa.Column("ruling", sa.String(8), nullable=True))
    op.add_column("visit_request", sa.Column("ruled_by", sa.String(64), nullable=True))
    op.add_column("visit_request", sa.Column("ruled_on", sa.Date(), nullable=True))
