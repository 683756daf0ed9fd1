"""Which store this is, its runs, and what their gates said."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from arrears.store.tables.base import Sha256, UtcText, metadata, one_of

RUN_KINDS = ("daily", "dispatch", "intake", "repossession", "assurance", "import")
RUN_STATES = ("running", "completed", "held", "failed")

store_identity = Table(
    "store_identity",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("store_uuid", String(36), nullable=False),
    Column("mode", String(8)),
    Column("created_at", UtcText, nullable=False),
    Column("paused_at", UtcText),
    Column("paused_by", String(120)),
    CheckConstraint("id = 1", name="single_row"),
    one_of("mode", "sandbox", "live"),
    comment="One row: the first effect stamps the mode, and effects of the other mode are refused ever after.",
)

run = Table(
    "run",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("origin_key", Sha256, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("rehearsal", Boolean, nullable=False),
    Column("plan_only", Boolean, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("started_at", UtcText, nullable=False),
    Column("settled_at", UtcText),
    Column("finished_at", UtcText),
    Column("policy_sha256", Sha256, nullable=False),
    Column("code_version", String(40), nullable=False),
    Column("code_id", String(64), nullable=False),
    Column("feeds_folder", String(400)),
    Column("snapshot_id", Sha256),
    Column("feeds_sha256", Sha256),
    Column("attempt", Text, nullable=False),
    Column("summary", Text),
    Column("decided_at", UtcText),
    Column("untied", Text),
    UniqueConstraint("kind", "business_date", "ordinal"),
    one_of("kind", *RUN_KINDS),
    one_of("status", *RUN_STATES),
    comment="run_id is <kind>-<business date>-<ordinal>; origin_key names the Airflow run or the shell call.",
)

policy_text = Table(
    "policy_text",
    metadata,
    Column("policy_sha256", Sha256, primary_key=True),
    Column("policy_id", String(40), nullable=False),
    Column("version", String(20), nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("body", Text, nullable=False),
    comment="The canonical policy behind each decision, kept so that any decision can be recomputed.",
)

gate = Table(
    "gate",
    metadata,
    Column("run_id", String(64), ForeignKey("run.run_id"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("passed", Boolean, nullable=False),
    Column("detail", String(400), nullable=False),
    Column("overridden_by", String(120)),
)
