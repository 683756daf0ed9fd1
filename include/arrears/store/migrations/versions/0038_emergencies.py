"""Preservation in an emergency, the evidence for it, and two notices that a document may prove."""

import sqlalchemy as sa
from alembic import op

from arrears.store.migrations.rebuild import rebuild, wider
from arrears.store.migrations.rights import let_application_write

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

LAST = "'agreement', 'lender_licence'"
MORE = f"{LAST}, 'dissipation_evidence', 'validation_notice', 'notice_of_sums_in_arrears'"
WIDER = [(LAST, MORE)]
KIND = "ck_document_kind_known"


def upgrade() -> None:
    """Admit the new kinds of document, and add the applications."""
    if op.get_bind().dialect.name == "sqlite":
        rebuild({"document": WIDER})
    else:
        known = sa.text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conname = :name AND conrelid = 'document'::regclass"
        )
        before = op.get_bind().execute(known.bindparams(name=KIND)).scalar_one()
        kinds = ", ".join(f"'{kind}'" for kind in before.split("'")[1::2])
        op.drop_constraint(op.f(KIND), "document", type_="check")
        op.create_check_constraint(op.f(KIND), "document", f"kind IN ({wider('document', kinds, WIDER)})")
    op.create_table(
        "emergency_packet",
        sa.Column("emergency_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("lacking", sa.JSON(), nullable=False),
        sa.Column("facts_sha256", sa.String(64), nullable=False),
        sa.Column("pdf_path", sa.String(200), nullable=True),
        sa.Column("pdf_sha256", sa.String(64), nullable=True),
        sa.Column("manifest_sha256", sa.String(64), nullable=True),
        sa.Column("built_on", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("superseded_on", sa.Date(), nullable=True),
        sa.CheckConstraint("state IN ('ready', 'lacking')", name=op.f("ck_emergency_packet_state_known")),
        sa.CheckConstraint(
            "state = 'lacking' OR pdf_sha256 IS NOT NULL", name=op.f("ck_emergency_packet_rendered_when_ready")
        ),
        sa.PrimaryKeyConstraint("emergency_id", name=op.f("pk_emergency_packet")),
        sa.UniqueConstraint(
            "account_id", "case_id", "version", name=op.f("uq_emergency_packet_account_id_case_id_version")
        ),
    )
    standing = sa.text("superseded_on IS NULL")
    op.create_index(
        "uq_emergency_packet_current", "emergency_packet", ["account_id"], unique=True, sqlite_where=standing,
        postgresql_where=standing,
    )  # fmt: skip
    let_application_write("emergency_packet")
