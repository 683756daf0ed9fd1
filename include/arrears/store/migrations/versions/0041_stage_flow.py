"""How accounts moved from stage to stage, kept each morning so that the desk can draw it."""

import sqlalchemy as sa
from alembic import op

from arrears.store.migrations.rights import let_application_write

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the next morning fills it."""
    op.create_table(
        "flow_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("was", sa.SmallInteger(), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_flow_day_run_id")),
        sa.PrimaryKeyConstraint("business_date", "was", "stage", name=op.f("pk_flow_day")),
    )
    let_application_write("flow_day")
