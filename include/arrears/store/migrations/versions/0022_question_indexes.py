"""An auditor asks about one account: its decisions and approvals are found without reading all; views are made anew."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index decisions and approvals by account."""
    op.create_index("ix_decision_account", "decision", ["account_id", "business_date", "revision"])
    op.create_index("ix_approval_account", "approval", ["account_id"])
