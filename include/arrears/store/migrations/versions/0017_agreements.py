"""Plans that are kept or broken, promises with a level and a score, holds with evidence, episodes with their policy."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("plan", sa.Column("second_approved_by", sa.String(64), nullable=True))
    op.add_column("plan", sa.Column("state", sa.String(12), nullable=False, server_default=sa.text("'new'")))
    op.add_column("plan", sa.Column("state_reason", sa.String(40), nullable=True))
    op.add_column("plan", sa.Column("ended_on", sa.Date(), nullable=True))
    op.add_column("promise", sa.Column("withdrawn_on", sa.Date(), nullable=True))
    op.add_column("promise", sa.Column("level", sa.Integer(), nullable=True))
    op.add_column("promise", sa.Column("score_percent", sa.Integer(), nullable=True))
    op.add_column("promise", sa.Column("accepted", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    op.add_column("hold", sa.Column("evidence_ref", sa.String(120), nullable=True))
    op.add_column("episode", sa.Column("policy_sha256", sa.String(64), nullable=True))
    op.add_column("episode", sa.Column("arrears_minor", sa.BigInteger(), nullable=True))
    op.add_column("episode", sa.Column("quiet_until", sa.Date(), nullable=True))
