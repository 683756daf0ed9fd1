"""Legal packets: every one ever built, which one is current, and which approval stood behind what went to court."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from arrears.store.tables.base import AccountId, Sha256, UtcText, metadata, one_of

PACKET_STATES = ("draft", "ready", "withheld", "incomplete")

packet = Table(
    "packet",
    metadata,
    Column("packet_id", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("facts_sha256", Sha256, nullable=False),
    Column("open_remedies", JSON, nullable=False),
    Column("chosen_remedy", String(40)),
    Column("missing", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("clocks", JSON, nullable=False),
    Column("pdf_sha256", Sha256),
    Column("pdf_path", String(200)),
    Column("manifest_sha256", Sha256),
    Column("archive_path", String(200)),
    Column("archive_sha256", Sha256),
    Column("built_on", Date, nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("superseded_on", Date),
    UniqueConstraint("account_id", "version"),
    Index(
        "uq_packet_current",
        "account_id",
        unique=True,
        sqlite_where=text("superseded_on IS NULL"),
        postgresql_where=text("superseded_on IS NULL"),
    ),
    Index(
        "ix_packet_state",
        "state",
        "account_id",
        sqlite_where=text("superseded_on IS NULL"),
        postgresql_where=text("superseded_on IS NULL"),
    ),
    CheckConstraint("version > 0", name="version_counts_from_one"),
    CheckConstraint("state IN ('withheld', 'incomplete') OR pdf_sha256 IS NOT NULL", name="rendered_when_usable"),
    one_of("state", *PACKET_STATES),
    comment="packet_id = natural_key(account_id, version). One current packet per stage-three account, old ones kept.",
)

account_clock = Table(
    "account_clock",
    metadata,
    Column("account_id", AccountId, primary_key=True),
    Column("built_on", Date, primary_key=True),
    Column("clocks", JSON, nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("superseded_on", Date),
    Index(
        "uq_account_clock_current",
        "account_id",
        unique=True,
        sqlite_where=text("superseded_on IS NULL"),
        postgresql_where=text("superseded_on IS NULL"),
    ),
    comment="Limitation and guarantee of accounts with arrears, near a last day and without a packet; a row stands"
    " until its clocks move.",
)

FILED_KINDS = ("suit", "preservation")

court_filing = Table(
    "court_filing",
    metadata,
    Column("filing_key", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("case_id", String(64), nullable=False),
    Column("filed_at", UtcText, nullable=False),
    Column("approval_id", Sha256, ForeignKey("approval.approval_id")),
    Column("run_id", String(64), nullable=False),
    UniqueConstraint("account_id", "kind", "case_id"),
    one_of("kind", *FILED_KINDS),
    comment="filing_key = natural_key(account_id, kind, case_id). What went to court since this store works, and the"
    " approval in force when it was filed; none means that it was filed unapproved.",
)

EMERGENCY_STATES = ("ready", "lacking")

emergency_packet = Table(
    "emergency_packet",
    metadata,
    Column("emergency_id", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("case_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("lacking", JSON, nullable=False),
    Column("facts_sha256", Sha256, nullable=False),
    Column("pdf_path", String(200)),
    Column("pdf_sha256", Sha256),
    Column("manifest_sha256", Sha256),
    Column("built_on", Date, nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("superseded_on", Date),
    UniqueConstraint("account_id", "case_id", "version"),
    Index(
        "uq_emergency_packet_current",
        "account_id",
        unique=True,
        sqlite_where=text("superseded_on IS NULL"),
        postgresql_where=text("superseded_on IS NULL"),
    ),
    one_of("state", *EMERGENCY_STATES),
    CheckConstraint("state = 'lacking' OR pdf_sha256 IS NOT NULL", name="rendered_when_ready"),
    comment="Applications for preservation before the gates are open; emergency_id = natural_key('emergency',"
    " account_id, case_id, version). One current an account.",
)

NOTICE_KINDS = ("redemption", "disposition", "settlement")

legal_notice = Table(
    "legal_notice",
    metadata,
    Column("notice_id", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("order_id", Sha256, nullable=False),
    Column("party_id", String(64), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("dated_on", Date, nullable=False),
    Column("ends_on", Date),
    Column("balance_minor", BigInteger),
    Column("pdf_path", String(200), nullable=False),
    Column("pdf_sha256", Sha256, nullable=False),
    Column("run_id", String(64), nullable=False),
    UniqueConstraint("order_id", "kind", "party_id"),
    Index("ix_legal_notice_account", "account_id"),
    one_of("kind", *NOTICE_KINDS),
    comment="notice_id = natural_key(order_id, kind, party_id); ends_on is the last day to redeem or before the sale;"
    " balance_minor: surplus above zero, deficiency below.",
)
