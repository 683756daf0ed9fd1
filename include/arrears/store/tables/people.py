"""People: the few erasable tables, and the random name under which everything else knows an account."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text

from arrears.store.tables.base import AccountId, Sha256, UtcText, metadata, one_of

ROLES = ("borrower", "co_borrower", "guarantor", "spouse", "legal_representative", "dealer_buyback")

subject = Table(
    "subject",
    metadata,
    Column("subject_ref", String(36), primary_key=True),
    Column("account_id", AccountId, nullable=False, unique=True),
    Column("created_at", UtcText, nullable=False),
    comment="Events and snapshots know only subject_ref; erasing this row cuts the tie.",
)

SILENT, ENDS = text("mobile IS NULL AND email IS NULL"), text("guarantee_until IS NOT NULL")

party = Table(
    "party",
    metadata,
    Column("party_id", String(64), primary_key=True),
    Column("name", Text),
    Column("language", String(8)),
    Column("mobile", Text),
    Column("email", Text),
    Column("address", Text),
    Column("service_address", Text),
    Column("id_no", Text),
    Column("time_zone", String(64)),
    Column("preferred_channel", String(16)),
    Column("preferred_time", String(40)),
    Column("dialect", String(40)),
    Column("opt_outs", String(200)),
    Column("consents", String(200)),
    Column("erased_at", UtcText),
    Column("delivery_id", Sha256, ForeignKey("delivery.delivery_id")),
    Column("row_no", Integer),
    one_of("language", "zh", "en"),
    Index("ix_party_silent", "party_id", sqlite_where=SILENT, postgresql_where=SILENT),
    comment="The person across accounts. No row hash: a hash of personal data is personal data.",
)

account_party = Table(
    "account_party",
    metadata,
    Column("account_id", AccountId, primary_key=True),
    Column("party_id", String(64), primary_key=True),
    Column("role", String(24), primary_key=True),
    Column("guarantee_kind", String(8)),
    Column("guarantee_until", Date),
    Column("synthesised", Boolean, nullable=False, server_default=text("false")),
    Column("delivery_id", Sha256, ForeignKey("delivery.delivery_id")),
    Column("row_no", Integer),
    Column("row_sha256", Sha256),
    Index("ix_account_party_party", "party_id"),
    Index("ix_account_party_until", "guarantee_until", sqlite_where=ENDS, postgresql_where=ENDS),
    one_of("role", *ROLES),
    one_of("guarantee_kind", "joint", "general"),
)
