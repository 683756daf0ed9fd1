"""The event log and its checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TRIGGERS = [
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_event_no_update BEFORE UPDATE ON audit_event BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_event_index_no_update BEFORE UPDATE ON audit_event_index BEGIN SELECT RAISE(ABORT, 'audit_event_index is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_node_no_update BEFORE UPDATE ON audit_node BEGIN SELECT RAISE(ABORT, 'audit_node is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_key_no_update BEFORE UPDATE ON audit_key BEGIN SELECT RAISE(ABORT, 'audit_key is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_pending_no_update BEFORE UPDATE ON audit_pending BEGIN SELECT RAISE(ABORT, 'audit_pending is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS event_detail_no_update BEFORE UPDATE ON event_detail BEGIN SELECT RAISE(ABORT, 'event_detail is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_event_no_delete BEFORE DELETE ON audit_event BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_event_index_no_delete BEFORE DELETE ON audit_event_index BEGIN SELECT RAISE(ABORT, 'audit_event_index is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_node_no_delete BEFORE DELETE ON audit_node BEGIN SELECT RAISE(ABORT, 'audit_node is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_key_no_delete BEFORE DELETE ON audit_key BEGIN SELECT RAISE(ABORT, 'audit_key is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_event_index_no_replace BEFORE INSERT ON audit_event_index WHEN EXISTS (SELECT 1 FROM audit_event_index WHERE seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'audit_event_index is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_node_no_replace BEFORE INSERT ON audit_node WHEN EXISTS (SELECT 1 FROM audit_node WHERE height = NEW.height AND position = NEW.position) BEGIN SELECT RAISE(ABORT, 'audit_node is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_key_no_replace BEFORE INSERT ON audit_key WHEN EXISTS (SELECT 1 FROM audit_key WHERE vkey = NEW.vkey) BEGIN SELECT RAISE(ABORT, 'audit_key is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_pending_no_replace BEFORE INSERT ON audit_pending WHEN EXISTS (SELECT 1 FROM audit_pending WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'audit_pending is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS event_detail_no_replace BEFORE INSERT ON event_detail WHEN EXISTS (SELECT 1 FROM event_detail WHERE detail_commit = NEW.detail_commit) BEGIN SELECT RAISE(ABORT, 'event_detail is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_event_no_gap BEFORE INSERT ON audit_event WHEN NEW.seq <> COALESCE((SELECT MAX(seq) + 1 FROM audit_event), 0) BEGIN SELECT RAISE(ABORT, 'audit_event has no gaps and no second row for a seq'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER IF NOT EXISTS audit_checkpoint_grows BEFORE INSERT ON audit_checkpoint WHEN NEW.size <= COALESCE((SELECT MAX(size) FROM audit_checkpoint), 0) BEGIN SELECT RAISE(ABORT, 'audit_checkpoint only grows'); END",
    ),
    (
        "postgresql",
        "CREATE OR REPLACE FUNCTION arrears_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$",
    ),
    (
        "postgresql",
        "CREATE OR REPLACE FUNCTION arrears_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.seq <> COALESCE((SELECT MAX(seq) + 1 FROM audit_event), 0) THEN RAISE EXCEPTION 'audit_event has no gaps and no second row for a seq'; END IF; RETURN NEW; END $$",
    ),
    (
        "postgresql",
        "CREATE OR REPLACE FUNCTION arrears_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.size <= COALESCE((SELECT MAX(size) FROM audit_checkpoint), 0) THEN RAISE EXCEPTION 'audit_checkpoint only grows'; END IF; RETURN NEW; END $$",
    ),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_no_update"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_event_index_no_update BEFORE UPDATE ON audit_event_index FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_event_index ENABLE ALWAYS TRIGGER audit_event_index_no_update"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_node_no_update BEFORE UPDATE ON audit_node FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_node ENABLE ALWAYS TRIGGER audit_node_no_update"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_no_update"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_key_no_update BEFORE UPDATE ON audit_key FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_key ENABLE ALWAYS TRIGGER audit_key_no_update"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_pending_no_update BEFORE UPDATE ON audit_pending FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_pending_no_update"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER event_detail_no_update BEFORE UPDATE ON event_detail FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE event_detail ENABLE ALWAYS TRIGGER event_detail_no_update"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_no_delete"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_event_index_no_delete BEFORE DELETE ON audit_event_index FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_event_index ENABLE ALWAYS TRIGGER audit_event_index_no_delete"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_node_no_delete BEFORE DELETE ON audit_node FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_node ENABLE ALWAYS TRIGGER audit_node_no_delete"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_no_delete"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_key_no_delete BEFORE DELETE ON audit_key FOR EACH ROW EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_key ENABLE ALWAYS TRIGGER audit_key_no_delete"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_no_truncate"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_event_index_no_truncate BEFORE TRUNCATE ON audit_event_index FOR EACH STATEMENT EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_event_index ENABLE ALWAYS TRIGGER audit_event_index_no_truncate"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_node_no_truncate BEFORE TRUNCATE ON audit_node FOR EACH STATEMENT EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_node ENABLE ALWAYS TRIGGER audit_node_no_truncate"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_checkpoint_no_truncate BEFORE TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_no_truncate"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_key_no_truncate BEFORE TRUNCATE ON audit_key FOR EACH STATEMENT EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_key ENABLE ALWAYS TRIGGER audit_key_no_truncate"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_pending_no_truncate BEFORE TRUNCATE ON audit_pending FOR EACH STATEMENT EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_pending_no_truncate"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER event_detail_no_truncate BEFORE TRUNCATE ON event_detail FOR EACH STATEMENT EXECUTE FUNCTION arrears_append_only()",
    ),
    ("postgresql", "ALTER TABLE event_detail ENABLE ALWAYS TRIGGER event_detail_no_truncate"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_event_no_gap BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION arrears_no_gap()",
    ),
    ("postgresql", "ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_no_gap"),
    (
        "postgresql",
        "CREATE OR REPLACE TRIGGER audit_checkpoint_grows BEFORE INSERT ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION arrears_grows()",
    ),
    ("postgresql", "ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_grows"),
]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_audit_checkpoint_covers_events")),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoint")),
        comment="Signed tree heads (C2SP signed note); frontier lets the next seal append without reading the log.",
    )
    op.create_table(
        "audit_event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_event")),
        comment="The log. body is the exact bytes that were hashed; leaf is SHA-256(0x00 || body) of RFC 6962.",
    )
    op.create_table(
        "audit_event_index",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("subject_ref", sa.String(length=36), nullable=True),
        sa.Column("action_id", sa.String(length=64), nullable=True),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_event_index")),
        comment="For finding only: every column is in the body too, and verification compares them.",
    )
    op.create_index("ix_audit_event_index_key", "audit_event_index", ["key"], unique=False)
    op.create_index("ix_audit_event_index_run", "audit_event_index", ["run_id", "type"], unique=False)
    op.create_index("ix_audit_event_index_subject", "audit_event_index", ["subject_ref", "business_date"], unique=False)
    op.create_table(
        "audit_key",
        sa.Column("vkey", sa.String(length=200), nullable=False),
        sa.Column("since_size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("vkey", name=op.f("pk_audit_key")),
        comment="Public keys that have signed checkpoints; the private key is a file and never comes here.",
    )
    op.create_table(
        "audit_node",
        sa.Column("height", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("height", "position", name=op.f("pk_audit_node")),
        comment="Roots of complete subtrees of 256, 65 536 … leaves: a proof reads a few hundred rows, never the log.",
    )
    op.create_table(
        "audit_pending",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "run_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "type", sa.String(length=40).with_variant(sa.String(length=40, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column(
            "natural_key",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "at", sa.String(length=20).with_variant(sa.String(length=20, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_pending")),
        comment="Events written in the transaction of the change, waiting for the sealer; id breaks ties only.",
    )
    op.create_table(
        "event_detail",
        sa.Column("detail_commit", sa.String(length=64), nullable=False),
        sa.Column("subject_ref", sa.String(length=36), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("detail_commit", name=op.f("pk_event_detail")),
        comment="Erasable text of an event, bound to it by SHA-256(salt || detail); rows may be deleted, never changed.",
    )
    op.create_index("ix_event_detail_subject", "event_detail", ["subject_ref"], unique=False)
    for dialect, statement in TRIGGERS:
        if op.get_bind().dialect.name == dialect:
            op.execute(statement)
