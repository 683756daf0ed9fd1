"""A waiting event carries its index columns: they are derived once, and the sealer moves rows inside the database."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; events that wait in an older store are moved over by ``fill``."""
    op.add_column("audit_pending", sa.Column("subject_ref", sa.String(length=36), nullable=True))
    op.add_column("audit_pending", sa.Column("action_id", sa.String(length=64), nullable=True))
    op.add_column("audit_pending", sa.Column("business_date", sa.Date(), nullable=True))
    fill(op.get_bind())


def fill(connection: sa.Connection) -> None:
    """Write waiting events anew with their columns: a guard refuses to change a row in place."""
    from datetime import date

    import orjson

    pending = sa.Table("audit_pending", sa.MetaData(), autoload_with=connection)
    for row in connection.execute(pending.select().order_by(pending.c.id)).mappings().all():
        event = orjson.loads(row["body"])
        day = event["business_date"]
        named = {"subject_ref": event["subject_ref"], "action_id": event["action_id"]}
        connection.execute(pending.delete().where(pending.c.id == row["id"]))
        filled = {**row, **named, "business_date": date.fromisoformat(day) if day else None}
        connection.execute(pending.insert(), filled)
