"""Contacts of a day in the order in which they are claimed: a claim reads its batch, not the whole day."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the index of a day by the order of claims."""
    op.drop_index("ix_contact_day", table_name="contact")
    columns = ["business_date", "state", "slot_opens_at", "contact_id"]
    op.create_index("ix_contact_day", "contact", columns, unique=False)
