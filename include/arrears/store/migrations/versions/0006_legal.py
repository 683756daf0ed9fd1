"""Legal packets."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "packet",
        sa.Column("packet_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("facts_sha256", sa.String(length=64), nullable=False),
        sa.Column("open_remedies", sa.JSON(), nullable=False),
        sa.Column("chosen_remedy", sa.String(length=40), nullable=True),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("clocks", sa.JSON(), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=True),
        sa.Column("pdf_path", sa.String(length=200), nullable=True),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=True),
        sa.Column("built_on", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("superseded_on", sa.Date(), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'ready', 'withheld', 'incomplete')", name=op.f("ck_packet_state_known")),
        sa.CheckConstraint(
            "state IN ('withheld', 'incomplete') OR pdf_sha256 IS NOT NULL", name=op.f("ck_packet_rendered_when_usable")
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_packet_version_counts_from_one")),
        sa.PrimaryKeyConstraint("packet_id", name=op.f("pk_packet")),
        sa.UniqueConstraint("account_id", "version", name=op.f("uq_packet_account_id_version")),
        comment="packet_id = natural_key(account_id, version). One current packet per stage-three account, old ones kept.",
    )
    op.create_index(
        "uq_packet_current",
        "packet",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("superseded_on IS NULL"),
        postgresql_where=sa.text("superseded_on IS NULL"),
    )
