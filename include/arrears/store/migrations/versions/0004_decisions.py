"""Episodes, evidence and decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "episode",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("first_unpaid_due", sa.Date(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("clean_since", sa.Date(), nullable=True),
        sa.Column("cured_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "first_unpaid_due", name=op.f("pk_episode")),
        comment="From the first overdue instalment until the cure days have passed clean; the key is fixed when it opens.",
    )
    op.create_table(
        "evidence",
        sa.Column("evidence_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("happened_at", sa.String(length=20), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("source_key", sa.String(length=64), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "source IN ('contact', 'outcome', 'document', 'opening')", name=op.f("ck_evidence_source_known")
        ),
        sa.PrimaryKeyConstraint("evidence_key", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_account", "evidence", ["account_id", "local_date"], unique=False)
    op.create_index("ix_evidence_source", "evidence", ["source_key"], unique=False)
    op.create_table(
        "fact_set",
        sa.Column("facts_sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("facts_sha256", name=op.f("pk_fact_set")),
        comment="Distinct facts, canonical JSON: what decide() saw.",
    )
    op.create_table(
        "verdict",
        sa.Column("verdict_sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("verdict_sha256", name=op.f("pk_verdict")),
        comment="Distinct results of decide(), canonical JSON: actions, suppressed with reasons, gates.",
    )
    op.create_table(
        "decision",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("entitled_rung", sa.SmallInteger(), nullable=False),
        sa.Column("unlocked_rung", sa.SmallInteger(), nullable=False),
        sa.Column("rung", sa.SmallInteger(), nullable=False),
        sa.Column("lane", sa.String(length=20), nullable=False),
        sa.Column("overdue_instalments", sa.Integer(), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("oldest_unpaid_due", sa.Date(), nullable=True),
        sa.Column("episode_due", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("branch", sa.String(length=80), nullable=False),
        sa.Column("ledger_row_sha256", sa.String(length=64), nullable=False),
        sa.Column("facts_sha256", sa.String(length=64), nullable=False),
        sa.Column("verdict_sha256", sa.String(length=64), nullable=False),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["facts_sha256"], ["fact_set.facts_sha256"], name=op.f("fk_decision_facts_sha256")),
        sa.ForeignKeyConstraint(
            ["policy_sha256"], ["policy_text.policy_sha256"], name=op.f("fk_decision_policy_sha256")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_decision_run_id")),
        sa.ForeignKeyConstraint(
            ["verdict_sha256"], ["verdict.verdict_sha256"], name=op.f("fk_decision_verdict_sha256")
        ),
        sa.PrimaryKeyConstraint("business_date", "account_id", "revision", name=op.f("pk_decision")),
        comment="A revision is added only when a later delivery of the same day changed the facts; the newest is in force.",
    )
    op.create_index("ix_decision_run", "decision", ["run_id"], unique=False)
