"""Items, the contacts that carry them, every attempt to send, the budget of a person and what was left undone."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from arrears.store.tables.base import AccountId, Sha256, UtcText, metadata, one_of

CHANNELS = (
    "sms",
    "email",
    "call",
    "visit",
    "letter",
    "debit",
    "senior_contact",
    "placement",
    "credit_notice",
    "asset_search",
    "remote_lock",
)
STATES = ("planned", "claimed", "sending", "sent", "rejected", "withheld", "in_doubt", "withdrawn", "expired")
OPEN_STATES = ("planned", "claimed", "sending")
PLACEMENT_STATES = ("placed", "recall_sent", "recalled")
OPEN_PLACEMENTS = ("placed", "recall_sent")
OUTCOMES = ("not_sent", "sent", "rejected", "in_doubt")

contact = Table(
    "contact",
    metadata,
    Column("contact_id", Sha256, primary_key=True),
    Column("business_date", Date, nullable=False),
    Column("party_id", String(64), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("audience", String(16), nullable=False),
    Column("tone", String(16), nullable=False),
    Column("template", String(80), nullable=False),
    Column("staff_id", String(64)),
    Column("stage", SmallInteger, nullable=False),
    Column("batch_no", Integer, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("slot_opens_at", UtcText, nullable=False),
    Column("slot_closes_at", UtcText, nullable=False),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_run_id", String(64), nullable=False),
    Column("reason", String(60)),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("not_before", UtcText),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcText),
    Column("claimed_by", String(300)),
    Column("payload_sha256", Sha256),
    Column("intent_at", UtcText),
    Column("sent_at", UtcText),
    Column("provider_code", String(40)),
    Column("provider_id", String(120)),
    Column("message_id", String(200)),
    UniqueConstraint("party_id", "channel", "business_date"),
    one_of("channel", *CHANNELS),
    one_of("audience", "borrower", "guarantors"),
    one_of("tone", "courteous", "firm", "serious", "legal"),
    one_of("state", *STATES),
    CheckConstraint("stage BETWEEN 0 AND 3", name="stage_known"),
    CheckConstraint(
        "state NOT IN ('sending', 'in_doubt', 'sent') OR (intent_at IS NOT NULL AND payload_sha256 IS NOT NULL)",
        name="intent_before_effect",
    ),
    CheckConstraint("state <> 'sent' OR (provider_code IS NOT NULL AND sent_at IS NOT NULL)", name="sent_has_reply"),
    CheckConstraint(
        "state NOT IN ('claimed', 'sending') OR (lease_until IS NOT NULL AND claimed_by IS NOT NULL)",
        name="claim_has_lease",
    ),
    CheckConstraint("state <> 'withheld' OR reason IS NOT NULL", name="withheld_has_reason"),
    Index("ix_contact_due", "state", "business_date", "channel", "stage", "batch_no"),
    Index(
        "ix_contact_day",
        "business_date",
        "state",
        "slot_opens_at",
        "contact_id",
        postgresql_include=["channel", "staff_id"],
    ),
    Index("ix_contact_run", "run_id"),
    comment="One message, call, visit or letter to one person on one day, sent at most once; run_id planned it, "
    "state_run_id changed it last.",
)

item = Table(
    "item",
    metadata,
    Column("item_key", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("occasion", String(40), nullable=False),
    Column("step", String(60), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("party_id", String(64), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("contact_id", Sha256, ForeignKey("contact.contact_id"), nullable=False, index=True),
    Column("business_date", Date, nullable=False),
    Column("audience", String(16), nullable=False),
    Column("tone", String(16), nullable=False),
    Column("rung", SmallInteger, nullable=False),
    Column("stage", SmallInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("due_on", Date),
    Column("overdue_instalments", Integer, nullable=False),
    Column("dropped_reason", String(60)),
    UniqueConstraint("account_id", "occasion", "step", "channel", "party_id", "ordinal"),
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    Index("ix_item_account", "account_id", "business_date"),
    comment="Why a contact exists: one step of one account towards one person, once per occasion and ordinal.",
)

contact_attempt = Table(
    "contact_attempt",
    metadata,
    Column("contact_id", Sha256, ForeignKey("contact.contact_id"), primary_key=True),
    Column("n", SmallInteger, primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("claimed_by", String(300), nullable=False),
    Column("payload_sha256", Sha256, nullable=False),
    Column("intent_at", UtcText, nullable=False),
    Column("finished_at", UtcText),
    Column("outcome", String(16)),
    Column("provider_code", String(40)),
    Column("provider_id", String(120)),
    Column("message_id", String(200)),
    one_of("outcome", *OUTCOMES),
    Index(
        "uq_contact_attempt_open",
        "contact_id",
        unique=True,
        sqlite_where=text("outcome IS NULL"),
        postgresql_where=text("outcome IS NULL"),
    ),
    comment="Written before the effect: an attempt without an outcome may have gone out.",
)

person_budget = Table(
    "person_budget",
    metadata,
    Column("party_id", String(64), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("used", Integer, nullable=False),
    CheckConstraint("used >= 0", name="used_not_negative"),
    comment="Attempts of a person on a local day, taken with the intent; channel 'all' counts every channel.",
)

suppression = Table(
    "suppression",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("account_id", AccountId, primary_key=True),
    Column("step", String(60), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("party_id", String(64), primary_key=True),
    Column("reason", String(60), primary_key=True),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    comment="What was never planned, and why; party_id '*' means the whole audience.",
)

work_item = Table(
    "work_item",
    metadata,
    Column("contact_id", Sha256, ForeignKey("contact.contact_id"), primary_key=True),
    Column("business_date", Date, nullable=False, index=True),
    Column("party_id", String(64), nullable=False, index=True),
    Column("staff_id", String(64)),
    Column("companion_id", String(64)),
    Column("due_at", UtcText, nullable=False),
    Column("script", Text),
    Column("brief", Text),
    Column("checklist", Text),
    Column("documents", Text),
    Column("rendered_at", UtcText),
    Column("erased_at", UtcText),
    comment="What people carry out a call, visit or letter with: script, brief and checklist hold personal data and "
    "are erasable; the contact itself stays. documents lists its letters: account, number, path and hash.",
)

placement = Table(
    "placement",
    metadata,
    Column("placement_id", Sha256, primary_key=True),
    Column("account_id", AccountId, nullable=False),
    Column("party_id", String(64), nullable=False),
    Column("agency_id", String(64), nullable=False),
    Column("contact_id", Sha256, ForeignKey("contact.contact_id"), nullable=False),
    Column("placed_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", String(12), nullable=False),
    Column("file", String(200)),
    Column("recall_reason", String(60)),
    Column("recalled_at", UtcText),
    Column("recall_file", String(200)),
    Column("accepted_at", UtcText),
    Column("recall_acknowledged_at", UtcText),
    one_of("state", *PLACEMENT_STATES),
    CheckConstraint("state = 'placed' OR recall_reason IS NOT NULL", name="recall_has_reason"),
    Index(
        "uq_placement_one_open",
        "account_id",
        unique=True,
        sqlite_where=text("state IN ('placed', 'recall_sent')"),
        postgresql_where=text("state IN ('placed', 'recall_sent')"),
    ),
    comment="An account in the hands of an outside agency that collects; nobody else contacts its people meanwhile.",
)

channel_day = Table(
    "channel_day",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("courtesy", Integer, nullable=False),
    Column("fresh", Integer, nullable=False),
    Column("rest", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("detail", String(400), nullable=False),
    Column("release_key", Sha256, nullable=False, unique=True),
    Column("released_by", String(120)),
    Column("changed_at", UtcText, nullable=False),
    one_of("state", "open", "canary", "held", "released"),
    CheckConstraint("state <> 'released' OR released_by IS NOT NULL", name="released_by_somebody"),
    comment="How many messages a day planned on a channel, by why they exist, and whether they may leave: canary lets "
    "only the first hundredth go, held waits for a named person.",
)

channel_rate = Table(
    "channel_rate",
    metadata,
    Column("channel", String(16), primary_key=True),
    Column("minute", String(16), primary_key=True),
    Column("used", Integer, nullable=False),
    comment="Messages granted in a minute of the machine's clock, where the policy limits a channel's rate.",
)

_FINAL = "OLD.state IN ('sent', 'rejected') AND NEW.state <> OLD.state"
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'contacts and attempts are kept; sent and rejected are final'); END"
_CALL = "FOR EACH ROW EXECUTE FUNCTION contact_refuse()"
TRIGGERS: list[tuple[str, str]] = [
    ("sqlite", f"CREATE TRIGGER contact_end_state BEFORE UPDATE ON contact WHEN {_FINAL} {_REFUSE}"),
    ("sqlite", f"CREATE TRIGGER contact_kept BEFORE DELETE ON contact {_REFUSE}"),
    ("sqlite", f"CREATE TRIGGER contact_attempt_kept BEFORE DELETE ON contact_attempt {_REFUSE}"),
    (
        "postgresql",
        """CREATE OR REPLACE FUNCTION contact_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'contacts and attempts are kept; sent and rejected are final'; END $$""",
    ),
    (
        "postgresql",
        f"""CREATE TRIGGER contact_end_state BEFORE UPDATE ON contact
        FOR EACH ROW WHEN ({_FINAL}) EXECUTE FUNCTION contact_refuse()""",
    ),
    ("postgresql", f"CREATE TRIGGER contact_kept BEFORE DELETE ON contact {_CALL}"),
    ("postgresql", f"CREATE TRIGGER contact_attempt_kept BEFORE DELETE ON contact_attempt {_CALL}"),
]
