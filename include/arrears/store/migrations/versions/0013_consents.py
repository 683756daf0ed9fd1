"""The channels to which a person has agreed, where the policy asks for consent."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the list to people."""
    op.add_column("party", sa.Column("consents", sa.String(200), nullable=True))
