"""What went to court and the approval behind it; a vote that sends back; what a batch asked; emergency approvals."""

import sqlalchemy as sa
from alembic import op

from arrears.store.migrations.rebuild import rebuild
from arrears.store.migrations.rights import let_application_write

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

KINDS = "'remedy', 'packet', 'order', 'waiver', 'gate_override', 'release', 'in_doubt', 'attestation'"
MORE_KINDS = f"{KINDS}, 'preservation'"
DECISIONS = "decision IN ('approve', 'refuse')"
MORE_DECISIONS = "decision IN ('approve', 'refuse', 'send_back')"
WIDER = {
    "approval": ((KINDS, MORE_KINDS),),
    "approval_vote": ((DECISIONS, MORE_DECISIONS), ("decision VARCHAR(8)", "decision VARCHAR(10)")),
}


def upgrade() -> None:
    """Admit the new kind and the new decision, and add the filings and the questions of batches."""
    if op.get_bind().dialect.name == "sqlite":
        rebuild(WIDER)
    else:
        op.drop_constraint(op.f("ck_approval_kind_known"), "approval", type_="check")
        op.create_check_constraint(op.f("ck_approval_kind_known"), "approval", f"kind IN ({MORE_KINDS})")
        op.drop_constraint(op.f("ck_approval_vote_decision_known"), "approval_vote", type_="check")
        op.alter_column("approval_vote", "decision", type_=sa.String(10))
        op.create_check_constraint(op.f("ck_approval_vote_decision_known"), "approval_vote", MORE_DECISIONS)
    op.create_table(
        "court_filing",
        sa.Column("filing_key", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("filed_at", sa.String(20), nullable=False),
        sa.Column("approval_id", sa.String(64), nullable=True),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.CheckConstraint("kind IN ('suit', 'preservation')", name=op.f("ck_court_filing_kind_known")),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.approval_id"], name=op.f("fk_court_filing_approval_id_approval")
        ),
        sa.PrimaryKeyConstraint("filing_key", name=op.f("pk_court_filing")),
        sa.UniqueConstraint("account_id", "kind", "case_id", name=op.f("uq_court_filing_account_id_kind_case_id")),
    )
    op.create_table(
        "batch_question",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("approval_id", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.String(20), nullable=False),
        sa.Column("ended_at", sa.String(20), nullable=True),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.approval_id"], name=op.f("fk_batch_question_approval_id_approval")
        ),
        sa.PrimaryKeyConstraint("run_id", "role", "approval_id", name=op.f("pk_batch_question")),
    )
    op.create_index("ix_batch_question_standing", "batch_question", ["role", "ended_at"])
    let_application_write("court_filing", "batch_question")
