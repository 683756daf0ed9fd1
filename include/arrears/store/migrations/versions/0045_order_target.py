"""An order keeps what it names, so that nothing else leaves under its approval."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the hash; an order from before has none, and is asked anew if it has not left."""
    op.add_column("repossession_order", sa.Column("target_sha256", sa.String(64), nullable=True))
