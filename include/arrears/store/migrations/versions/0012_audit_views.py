"""The views of the auditor's questions, and the index by which they find events of one kind.

The views themselves are made anew after every migration by ``arrears.store.views``; an older store has none, and this
number makes it ask for them.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index events by kind and day."""
    op.create_index("ix_audit_event_index_type", "audit_event_index", ["type", "business_date"])
