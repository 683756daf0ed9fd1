"""Which digest went to whom, once per business date, delivery and recipient; and what each morning found."""

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKey, Index, Integer, SmallInteger, String, Table

from arrears.store.tables.base import Sha256, UtcText, metadata, one_of

DIGEST_KINDS = ("morning", "held", "failed")
DIGEST_STATES = ("planned", "sending", "sent", "rejected", "in_doubt")

digest_sent = Table(
    "digest_sent",
    metadata,
    Column("digest_key", Sha256, primary_key=True),
    Column("business_date", Date, nullable=False),
    Column("delivery_no", Integer, nullable=False),
    Column("recipient_sha256", Sha256, nullable=False),
    Column("role", String(16), nullable=False),
    Column("language", String(2), nullable=False),
    Column("branch", String(80), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    Column("html_sha256", Sha256, nullable=False),
    Column("artefact", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Column("planned_at", UtcText, nullable=False),
    Column("sending_at", UtcText),
    Column("settled_at", UtcText),
    Column("message_id", String(200)),
    Column("detail", String(200)),
    Index("ix_digest_sent_date", "business_date", "state"),
    one_of("kind", *DIGEST_KINDS),
    one_of("state", *DIGEST_STATES),
    comment="Intent before effect: planned, then sending is committed before the gateway is called; in_doubt is never "
    "tried again by itself. A planned or rejected mail may be rebuilt. The address itself stays in the policy.",
)

recovery_day = Table(
    "recovery_day",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("since", Date, nullable=False),
    Column("base_minor", BigInteger, nullable=False),
    Column("collected_minor", BigInteger, nullable=False),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    comment="What could be recovered since a day, and what was by the morning of business_date: worked out with the "
    "digest from the frozen ledger, kept so that a month can be drawn without reading every ledger again.",
)

exception_day = Table(
    "exception_day",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("oldest_on", Date),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    comment="What waited for a person by the morning of business_date, of the kinds that are found by reading every "
    "account; a kind of which there is nothing has a row too.",
)

deadline_day = Table(
    "deadline_day",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    Column("branch", String(80)),
    comment="The last days the newest morning found near or passed, the soonest first; older mornings are not kept.",
)

flow_day = Table(
    "flow_day",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("was", SmallInteger, primary_key=True),
    Column("stage", SmallInteger, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("since", Date, nullable=False),
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    comment="How many accounts stood on one stage on the day since, the last decided before, and on which they stand "
    "by the morning of business_date; those in arrears on neither day are not counted.",
)

load_day = Table(
    "load_day",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("messages", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("stopped", Integer, nullable=False),
    comment="The contacts of a past day: sent by the machine, worked by people, stopped. Each morning counts the week "
    "before it again.",
)

outcome_day = Table(
    "outcome_day",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("rung", SmallInteger, primary_key=True),
    Column("outcome", String(24), primary_key=True),
    Column("reason", String(24), primary_key=True),
    Column("count", Integer, nullable=False),
    comment="What came of the contacts of a past day, by how its account was treated that day: rung 0 is an account "
    "that was not decided on. Each morning counts the week before it again.",
)

score_month = Table(
    "score_month",
    metadata,
    Column("first_day", Date, primary_key=True),
    Column("staff_id", String(64), primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("reached", Integer, nullable=False),
    Column("reasoned", Integer, nullable=False),
    Column("promises", JSON, nullable=False),
    Column("kept", JSON, nullable=False),
    Column("complaints", Integer, nullable=False),
    comment="What each member of staff did in the month that begins on first_day, told on the first morning after it: "
    "promises by state, kept amounts by currency. Conduct beside results, never money alone.",
)
