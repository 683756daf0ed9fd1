"""How willing and able a customer is found, visits asked for with a reason, and what the case committee decided."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the rating to outcomes, and both tables."""
    op.add_column("outcome", sa.Column("willingness", sa.String(4), nullable=True))
    op.add_column("outcome", sa.Column("ability", sa.String(4), nullable=True))
    op.create_table(
        "visit_request",
        sa.Column("visit_request_key", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("approved_by", sa.String(64), nullable=True),
        *_origin("visit_request"),
        sa.PrimaryKeyConstraint("visit_request_key", name=op.f("pk_visit_request")),
    )
    op.create_index("ix_visit_request_account", "visit_request", ["account_id", "asked_on"])
    op.create_table(
        "committee",
        sa.Column("committee_key", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("decision", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("second_decided_by", sa.String(64), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        *_origin("committee"),
        sa.CheckConstraint(
            "decision IN ('continue', 'legal', 'placement', 'write_off')", name=op.f("ck_committee_decision_known")
        ),
        sa.CheckConstraint("decided_by <> second_decided_by", name=op.f("ck_committee_two_people")),
        sa.PrimaryKeyConstraint("committee_key", name=op.f("pk_committee")),
    )
    op.create_index("ix_committee_account", "committee", ["account_id", "decided_on"])


def _origin(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("delivery_id", sa.String(64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.delivery_id"], name=op.f(f"fk_{table}_delivery_id_delivery")
        ),
    ]
