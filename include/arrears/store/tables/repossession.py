"""Human decisions with their votes, and repossession orders: at most one open order an account."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from arrears.store.tables.base import AccountId, Sha256, UtcText, metadata, one_of

APPROVAL_KINDS = ("remedy", "packet", "order", "waiver", "gate_override", "release", "in_doubt", "attestation",
                  "preservation")  # fmt: skip
APPROVAL_STATES = ("open", "approved", "refused", "void", "expired", "used")
DECISIONS = ("approve", "refuse", "send_back")
IDENTITIES = ("rehearsal", "shell", "airflow")

ORDER_KINDS = ("locate", "recover", "lock")
"""What an order asks for: look for the machine, take it, or keep it from starting where it stands."""

ORDER_UNSENT = ("proposed", "awaiting_approval", "approved")
"""States in which an order has not left."""

ORDER_OPEN = (
    *ORDER_UNSENT,
    "offered",
    "acknowledged",
    "accepted",
    "located",
    "recall_sent",
)
"""States in which an order still binds somebody, or waits for its recall to be confirmed; an order to locate is over
when the machine is found."""

MACHINE = ("stored", "redeemed", "sold", "un_recovered")
"""What became of a machine after its recovery."""
ORDER_STATES = (*ORDER_OPEN, "recovered", "failed", "recalled", "expired", "void")

approval = Table(
    "approval",
    metadata,
    Column("approval_id", Sha256, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("subject_key", String(64), nullable=False),
    Column("account_id", AccountId),
    Column("facts_sha256", Sha256, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("requested_on", Date, nullable=False),
    Column("requested_at", UtcText, nullable=False),
    Column("approved_on", Date),
    Column("expires_on", Date),
    Column("state", String(10), nullable=False),
    Column("closed_at", UtcText),
    Column("closed_reason", String(80)),
    Column("roles", String(120), nullable=False, server_default=text("''")),
    Column("run_id", String(64), nullable=False),
    UniqueConstraint("kind", "subject_key", "facts_sha256", "ordinal"),
    Index("ix_approval_state", "state", "kind"),
    Index("ix_approval_account", "account_id"),
    Index(
        "uq_approval_one_live",
        "kind",
        "subject_key",
        unique=True,
        sqlite_where=text("state IN ('open', 'approved')"),
        postgresql_where=text("state IN ('open', 'approved')"),
    ),
    one_of("kind", *APPROVAL_KINDS),
    one_of("state", *APPROVAL_STATES),
    CheckConstraint("state NOT IN ('approved', 'used') OR expires_on IS NOT NULL", name="approved_expires"),
    comment="A question put to people, bound to the facts they saw; expires_on counts from the last vote needed.",
)

approval_vote = Table(
    "approval_vote",
    metadata,
    Column("approval_id", Sha256, ForeignKey("approval.approval_id"), primary_key=True),
    Column("role", String(20), primary_key=True),
    Column("staff_id", String(64), nullable=False),
    Column("decision", String(10), nullable=False),
    Column("note", Text, nullable=False),
    Column("at", UtcText, nullable=False),
    Column("identity", String(10), nullable=False),
    UniqueConstraint("approval_id", "staff_id"),
    one_of("decision", *DECISIONS),
    one_of("identity", *IDENTITIES),
    CheckConstraint("note <> ''", name="note_given"),
    comment="One vote a role and one role a person: the same person can never be both pairs of eyes.",
)

batch_question = Table(
    "batch_question",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("role", String(20), primary_key=True),
    Column("approval_id", Sha256, ForeignKey("approval.approval_id"), primary_key=True),
    Column("asked_at", UtcText, nullable=False),
    Column("ended_at", UtcText),
    Index("ix_batch_question_standing", "role", "ended_at"),
    comment="What a batch put before a role in Airflow; ended_at: it was answered there, or ran out.",
)

_IS_OPEN = (
    "state IN (" + ", ".join(f"'{state}'" for state in ORDER_OPEN) + ") AND NOT (kind = 'locate' AND state = 'located')"
)

repossession_order = Table(
    "repossession_order",
    metadata,
    Column("order_id", Sha256, primary_key=True),
    Column("order_no", String(24), nullable=False, unique=True),
    Column("account_id", AccountId, nullable=False),
    Column("episode_due", Date, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("packet_id", Sha256),
    Column("facts_sha256", Sha256),
    Column("agency_id", String(64)),
    Column("state", String(20), nullable=False),
    Column("proposed_on", Date, nullable=False),
    Column("expires_on", Date),
    Column("idempotency_key", Sha256, nullable=False, unique=True),
    Column("document_sha256", Sha256),
    Column("offered_at", UtcText),
    Column("acknowledged_at", UtcText),
    Column("receipt", String(200)),
    Column("recall_reason", String(80)),
    Column("recalled_at", UtcText),
    Column("recall_acknowledged_at", UtcText),
    Column("closed_reason", String(80)),
    Column("blocked_by", String(400)),
    Column("imported", Boolean, nullable=False),
    Column("recovered_at", UtcText),
    Column("machine", String(12)),
    Column("run_id", String(64), nullable=False),
    Column("target_sha256", Sha256),
    UniqueConstraint("account_id", "episode_due", "kind", "ordinal"),
    Index(
        "uq_repossession_order_one_open",
        "account_id",
        unique=True,
        sqlite_where=text(_IS_OPEN),
        postgresql_where=text(_IS_OPEN),
    ),
    Index("ix_repossession_order_state", "state"),
    one_of("kind", *ORDER_KINDS),
    one_of("state", *ORDER_STATES),
    CheckConstraint(
        "imported OR state NOT IN ('offered', 'acknowledged', 'accepted', 'located', 'recovered', 'recall_sent',"
        " 'recalled') OR (offered_at IS NOT NULL AND document_sha256 IS NOT NULL)",
        name="sent_has_intent",
    ),
    CheckConstraint("state NOT IN ('recall_sent', 'recalled') OR recall_reason IS NOT NULL", name="recall_has_reason"),
    CheckConstraint("state <> 'recalled' OR recall_acknowledged_at IS NOT NULL", name="recalled_is_acknowledged"),
    CheckConstraint("imported OR packet_id IS NOT NULL", name="own_order_has_packet"),
    comment="The intent to hand over is written here, in the transaction of the last check, before anything leaves;"
    " machine: what became of it after the recovery; target_sha256: the machine and people it names.",
)
