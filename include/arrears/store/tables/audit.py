"""The audit log: events wait in ``audit_pending`` and are sealed, once and in order, into ``audit_event``."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.types import String, TypeEngine

from arrears.store.tables.base import Sha256, UtcText, metadata

Sequence64 = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit number; on SQLite the row id itself, so that the newest is found at once."""


def _ascii(length: int) -> TypeEngine[str]:
    """Return text that sorts by its bytes on every database, whatever the server's language."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


audit_pending = Table(
    "audit_pending",
    metadata,
    Column("id", Sequence64, primary_key=True, autoincrement=True),
    Column("run_id", _ascii(64), nullable=False),
    Column("type", _ascii(40), nullable=False),
    Column("natural_key", _ascii(200), nullable=False),
    Column("at", _ascii(20), nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("subject_ref", String(36)),
    Column("action_id", String(64)),
    Column("business_date", Date),
    comment="Events written in the transaction of the change, waiting for the sealer; id breaks ties only.",
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("seq", Sequence64, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    comment="The log. body is the exact bytes that were hashed; leaf is SHA-256(0x00 || body) of RFC 6962.",
)

audit_event_index = Table(
    "audit_event_index",
    metadata,
    Column("seq", Sequence64, primary_key=True, autoincrement=False),
    Column("run_id", String(64), nullable=False),
    Column("type", String(40), nullable=False),
    Column("key", String(200), nullable=False),
    Column("subject_ref", String(36)),
    Column("action_id", String(64)),
    Column("at", UtcText, nullable=False),
    Column("business_date", Date),
    Index("ix_audit_event_index_subject", "subject_ref", "business_date"),
    Index("ix_audit_event_index_run", "run_id", "type"),
    Index("ix_audit_event_index_key", "key"),
    Index("ix_audit_event_index_type", "type", "business_date"),
    comment="For finding only: every column is in the body too, and verification compares them.",
)

audit_node = Table(
    "audit_node",
    metadata,
    Column("height", SmallInteger, primary_key=True),
    Column("position", Sequence64, primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    comment="Roots of complete subtrees of 256, 65 536 … leaves: a proof reads a few hundred rows, never the log.",
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("size", Sequence64, primary_key=True, autoincrement=False),
    Column("root", Sha256, nullable=False),
    Column("note", Text, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("created_at", UtcText, nullable=False),
    CheckConstraint("size > 0", name="covers_events"),
    comment="Signed tree heads (C2SP signed note); frontier lets the next seal append without reading the log.",
)

audit_key = Table(
    "audit_key",
    metadata,
    Column("vkey", String(200), primary_key=True),
    Column("since_size", Sequence64, nullable=False),
    Column("created_at", UtcText, nullable=False),
    comment="Public keys that have signed checkpoints; the private key is a file and never comes here.",
)

event_detail = Table(
    "event_detail",
    metadata,
    Column("detail_commit", Sha256, primary_key=True),
    Column("subject_ref", String(36)),
    Column("salt", LargeBinary(32), nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Index("ix_event_detail_subject", "subject_ref"),
    comment="Erasable text of an event, bound to it by SHA-256(salt || detail); rows may be deleted, never changed.",
)

APPEND_ONLY = ("audit_event", "audit_event_index", "audit_node", "audit_checkpoint", "audit_key")
NEVER_CHANGED = (*APPEND_ONLY, "audit_pending", "event_detail")


def _sqlite_guards() -> list[str]:
    """INSERT OR REPLACE deletes without firing a DELETE trigger, so an insert over an existing key is refused too.

    An insert fails rather than aborts: to abort, SQLite would keep a copy of every page that the statement touches.
    """
    keys = {
        "audit_event_index": "seq = NEW.seq",
        "audit_node": "height = NEW.height AND position = NEW.position",
        "audit_key": "vkey = NEW.vkey",
        "audit_pending": "id = NEW.id",
        "event_detail": "detail_commit = NEW.detail_commit",
    }
    refuse, fail = ("SELECT RAISE(" + how + ", '{} is append-only')" for how in ("ABORT", "FAIL"))
    ddl = [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse.format(table)}; END"
        for table in NEVER_CHANGED
    ]
    ddl += [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse.format(table)}; END"
        for table in APPEND_ONLY
    ]
    ddl += [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 - our own names
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) BEGIN {fail.format(table)}; END"
        for table, same in keys.items()
    ]
    ddl.append(
        "CREATE TRIGGER IF NOT EXISTS audit_event_no_gap BEFORE INSERT ON audit_event "
        "WHEN NEW.seq <> COALESCE((SELECT MAX(seq) + 1 FROM audit_event), 0) "
        "BEGIN SELECT RAISE(FAIL, 'audit_event has no gaps and no second row for a seq'); END"
    )
    ddl.append(
        "CREATE TRIGGER IF NOT EXISTS audit_checkpoint_grows BEFORE INSERT ON audit_checkpoint "
        "WHEN NEW.size <= COALESCE((SELECT MAX(size) FROM audit_checkpoint), 0) "
        "BEGIN SELECT RAISE(ABORT, 'audit_checkpoint only grows'); END"
    )
    return ddl


def _function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION arrears_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$"


def _postgresql_guards() -> list[str]:
    """ENABLE ALWAYS, so that a replica session does not slip past; TRUNCATE needs a trigger of its own.

    The index's tables of a month inherit the guards of rows; that of TRUNCATE is made with each of them.
    """
    ddl = [
        _function("append_only", "RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'"),
        _function(
            "no_gap",
            "IF NEW.seq <> COALESCE((SELECT MAX(seq) + 1 FROM audit_event), 0) THEN "
            "RAISE EXCEPTION 'audit_event has no gaps and no second row for a seq'; END IF; RETURN NEW",
        ),
        _function(
            "grows",
            "IF NEW.size <= COALESCE((SELECT MAX(size) FROM audit_checkpoint), 0) THEN "
            "RAISE EXCEPTION 'audit_checkpoint only grows'; END IF; RETURN NEW",
        ),
    ]
    triggers = [(table, f"{table}_no_update", "BEFORE UPDATE", "ROW", "arrears_append_only") for table in NEVER_CHANGED]
    triggers += [(table, f"{table}_no_delete", "BEFORE DELETE", "ROW", "arrears_append_only") for table in APPEND_ONLY]
    triggers += [
        (table, f"{table}_no_truncate", "BEFORE TRUNCATE", "STATEMENT", "arrears_append_only")
        for table in NEVER_CHANGED
    ]
    triggers.append(("audit_event", "audit_event_no_gap", "BEFORE INSERT", "ROW", "arrears_no_gap"))
    triggers.append(("audit_checkpoint", "audit_checkpoint_grows", "BEFORE INSERT", "ROW", "arrears_grows"))
    for table, name, moment, each, function in triggers:
        ddl.append(
            f"CREATE OR REPLACE TRIGGER {name} {moment} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"
        )
        ddl.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    return ddl


TRIGGERS: list[tuple[str, str]] = [
    *(("sqlite", ddl) for ddl in _sqlite_guards()),
    *(("postgresql", ddl) for ddl in _postgresql_guards()),
]
"""(dialect, statement), one statement each; safe to apply twice. The owner of a database can always drop a trigger:
they stop accidents, and verification finds the rest."""
