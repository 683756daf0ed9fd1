"""What a crew must know of a machine, how many orders an agency takes, and whether a paper is the original."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("account", sa.Column("asset_colour", sa.String(40), nullable=True))
    op.add_column("account", sa.Column("asset_hours", sa.Integer(), nullable=True))
    op.add_column("account", sa.Column("gps_device_no", sa.String(80), nullable=True))
    op.add_column("account", sa.Column("key_info", sa.String(200), nullable=True))
    op.add_column("agency", sa.Column("capacity", sa.Integer(), nullable=True))
    op.add_column("document", sa.Column("form", sa.String(8), nullable=True))
