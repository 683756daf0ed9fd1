"""Who must agree is kept with the question; what agencies report; what follows a recovery; a packet's archive."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ROLES = {
    "remedy": "legal",
    "packet": "legal;risk",
    "order": "legal;risk",
    "waiver": "finance;manager",
    "gate_override": "finance;manager",
    "release": "manager",
    "in_doubt": "supervisor",
    "attestation": "supervisor;legal",
}
IS_OPEN = (
    "state IN ('proposed', 'awaiting_approval', 'approved', 'offered', 'acknowledged', 'accepted', 'located', "
    "'recall_sent') AND NOT (kind = 'locate' AND state = 'located')"
)


def upgrade() -> None:
    """Add the columns and tables; an order to locate that has found its machine is no longer the open one."""
    op.add_column("approval", sa.Column("roles", sa.String(120), nullable=False, server_default=sa.text("''")))
    approval = sa.table("approval", sa.column("kind", sa.String()), sa.column("roles", sa.String()))
    for kind, roles in ROLES.items():
        op.execute(sa.update(approval).where(approval.c.kind == kind).values(roles=roles))
    op.add_column("packet", sa.Column("archive_path", sa.String(200), nullable=True))
    op.add_column("packet", sa.Column("archive_sha256", sa.String(64), nullable=True))
    op.add_column("repossession_order", sa.Column("recovered_at", sa.String(20), nullable=True))
    op.add_column("repossession_order", sa.Column("machine", sa.String(12), nullable=True))
    op.drop_index("uq_repossession_order_one_open", "repossession_order")
    op.create_index(
        "uq_repossession_order_one_open",
        "repossession_order",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text(IS_OPEN),
        postgresql_where=sa.text(IS_OPEN),
    )
    _reports()
    _notices()


def _reports() -> None:
    op.create_table(
        "order_report",
        sa.Column("order_report_key", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("order_no", sa.String(24), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("lat", sa.String(16), nullable=True),
        sa.Column("lon", sa.String(16), nullable=True),
        sa.Column("site_type", sa.String(8), nullable=True),
        sa.Column("cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("cost_kind", sa.String(40), nullable=True),
        sa.Column("evidence_sha256", sa.String(64), nullable=True),
        sa.Column("reference", sa.String(120), nullable=True),
        sa.Column("result", sa.String(24), nullable=True),
        sa.Column("delivery_id", sa.String(64), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("row_sha256", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "state IN ('accepted', 'located', 'recovered', 'failed', 'stored', 'redeemed', 'sold', 'un_recovered')",
            name=op.f("ck_order_report_state_known"),
        ),
        sa.CheckConstraint(
            "site_type IN ('public', 'site', 'home', 'locked')", name=op.f("ck_order_report_site_type_known")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_order_report_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("order_report_key", name=op.f("pk_order_report")),
    )
    op.create_index("ix_order_report_order", "order_report", ["order_no", "at"])


def _notices() -> None:
    op.create_table(
        "legal_notice",
        sa.Column("notice_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("balance_minor", sa.BigInteger(), nullable=True),
        sa.Column("pdf_path", sa.String(200), nullable=False),
        sa.Column("pdf_sha256", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('redemption', 'disposition', 'settlement')", name=op.f("ck_legal_notice_kind_known")
        ),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_legal_notice")),
        sa.UniqueConstraint("order_id", "kind", "party_id", name=op.f("uq_legal_notice_order_id_kind_party_id")),
    )
    op.create_index("ix_legal_notice_account", "legal_notice", ["account_id"])
