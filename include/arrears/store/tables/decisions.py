"""Episodes, evidence and one decision row per account and day, with what was chosen and what was not."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from arrears.store.tables.base import AccountId, Sha256, UtcText, metadata, one_of

CORRECTED = text("revision > 1")

episode = Table(
    "episode",
    metadata,
    Column("account_id", AccountId, primary_key=True),
    Column("first_unpaid_due", Date, primary_key=True),
    Column("opened_on", Date, nullable=False),
    Column("clean_since", Date),
    Column("cured_on", Date),
    Column("policy_sha256", Sha256),
    Column("arrears_minor", BigInteger),
    Column("quiet_until", Date),
    comment="From the first overdue instalment until the cure days have passed clean; the key is fixed when it opens.",
)

evidence = Table(
    "evidence",
    metadata,
    Column("evidence_key", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("party_id", String(64), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("happened_at", UtcText, nullable=False),
    Column("local_date", Date, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("source_key", Sha256, nullable=False),
    Column("document_sha256", Sha256),
    Column("confirmed_by", String(64)),
    Index("ix_evidence_account", "account_id", "local_date"),
    Index("ix_evidence_source", "source_key"),
    one_of("source", "contact", "outcome", "document", "opening"),
)

fact_set = Table(
    "fact_set",
    metadata,
    Column("facts_sha256", Sha256, primary_key=True),
    Column("body", Text, nullable=False),
    comment="Distinct facts, canonical JSON: what decide() saw.",
)

verdict = Table(
    "verdict",
    metadata,
    Column("verdict_sha256", Sha256, primary_key=True),
    Column("body", Text, nullable=False),
    comment="Distinct results of decide(), canonical JSON: actions, suppressed with reasons, gates.",
)

decision = Table(
    "decision",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("account_id", AccountId, primary_key=True),
    Column("revision", SmallInteger, primary_key=True),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    Column("stage", SmallInteger, nullable=False),
    Column("entitled_rung", SmallInteger, nullable=False),
    Column("unlocked_rung", SmallInteger, nullable=False),
    Column("rung", SmallInteger, nullable=False),
    Column("lane", String(20), nullable=False),
    Column("overdue_instalments", Integer, nullable=False),
    Column("overdue_minor", BigInteger, nullable=False),
    Column("days_past_due", Integer, nullable=False),
    Column("oldest_unpaid_due", Date),
    Column("episode_due", Date),
    Column("currency", String(3), nullable=False),
    Column("branch", String(80), nullable=False),
    Column("ledger_row_sha256", Sha256, nullable=False),
    Column("facts_sha256", Sha256, ForeignKey("fact_set.facts_sha256"), nullable=False),
    Column("verdict_sha256", Sha256, ForeignKey("verdict.verdict_sha256"), nullable=False),
    Column("policy_sha256", Sha256, ForeignKey("policy_text.policy_sha256"), nullable=False),
    Column("row_sha256", Sha256, nullable=False),
    Index("ix_decision_run", "run_id"),
    Index("ix_decision_account", "account_id", "business_date", "revision"),
    Index(
        "ix_decision_corrected",
        "business_date",
        "account_id",
        "revision",
        sqlite_where=CORRECTED,
        postgresql_where=CORRECTED,
    ),
    comment="A revision is added only when a later delivery of the same day changed the facts; the newest is in force.",
)

decided_range = Table(
    "decided_range",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("rows_sha256", Sha256, nullable=False),
    comment="What the decision rows of each range of accounts say, of the day decided last: the same again is seen "
    "without reading them. A memory of the work, not evidence.",
)
