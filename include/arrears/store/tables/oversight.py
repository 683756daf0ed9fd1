"""What the nightly check brings together: what users did in Airflow, what came too late, and what that made wrong."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, String, Table

from arrears.store.tables.base import AccountId, Sha256, UtcText, metadata, one_of

COLLECTED_STATES = ("collected", "not_collected")

user_action = Table(
    "user_action",
    metadata,
    Column("event_log_id", BigInteger, primary_key=True, autoincrement=False),
    Column("happened_at", UtcText, primary_key=True),
    Column("event", String(100), nullable=False),
    Column("run_id", String(64), nullable=False),
    Index("ix_user_action_happened", "happened_at"),
    comment="Which entries of Airflow's event log were copied into the audit log, so that each is copied once; both "
    "parts are the key, for Airflow counts anew after its database was made anew.",
)

collection = Table(
    "collection",
    metadata,
    Column("source", String(20), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("looked_at", UtcText, nullable=False),
    Column("read_until", UtcText),
    Column("detail", String(200), nullable=False),
    one_of("state", *COLLECTED_STATES),
    CheckConstraint("state <> 'collected' OR read_until IS NOT NULL", name="collected_until"),
    comment="How far an outside log was read, and why not when it was not; nothing is silently missing.",
)

late_payment = Table(
    "late_payment",
    metadata,
    Column("account_id", AccountId, primary_key=True),
    Column("payment_id", String(64), primary_key=True),
    Column("paid_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("snapshot_id", Sha256, ForeignKey("snapshot.snapshot_id"), nullable=False),
    Column("known_at", UtcText, nullable=False),
    comment="Payments that a frozen ledger brought after the account was contacted on or after the day of payment; "
    "business_date is the date of that ledger.",
)

overtaken = Table(
    "overtaken",
    metadata,
    Column("overtaken_key", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("action_id", Sha256, nullable=False),
    Column("fact", String(60), nullable=False),
    Column("fact_date", Date, nullable=False),
    Column("known_at", UtcText, nullable=False),
    Column("remedy", String(200), nullable=False),
    Column("found_on", Date, nullable=False),
    Index("ix_overtaken_account", "account_id"),
    comment="Actions that a later fact made wrong, as the nightly check found and told them.",
)
