"""PostgreSQL counts the contacts of a day by channel and staff from the day's index alone; SQLite has no such columns."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index of a day's contacts again, with what is counted in it."""
    op.drop_index("ix_contact_day", table_name="contact")
    columns = ["business_date", "state", "slot_opens_at", "contact_id"]
    op.create_index("ix_contact_day", "contact", columns, postgresql_include=["channel", "staff_id"])
