"""The guards of inserts on SQLite fail instead of aborting: a refused row is as refused, a million others are cheap.

A guard that aborts makes SQLite keep a copy of every page that a statement touches, to undo the whole statement. Our
inserts undo the whole transaction anyway.
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

GUARDS = {
    "audit_event_index_no_replace": "CREATE TRIGGER IF NOT EXISTS audit_event_index_no_replace BEFORE INSERT ON audit_event_index WHEN EXISTS (SELECT 1 FROM audit_event_index WHERE seq = NEW.seq) BEGIN SELECT RAISE(FAIL, 'audit_event_index is append-only'); END",
    "audit_node_no_replace": "CREATE TRIGGER IF NOT EXISTS audit_node_no_replace BEFORE INSERT ON audit_node WHEN EXISTS (SELECT 1 FROM audit_node WHERE height = NEW.height AND position = NEW.position) BEGIN SELECT RAISE(FAIL, 'audit_node is append-only'); END",
    "audit_key_no_replace": "CREATE TRIGGER IF NOT EXISTS audit_key_no_replace BEFORE INSERT ON audit_key WHEN EXISTS (SELECT 1 FROM audit_key WHERE vkey = NEW.vkey) BEGIN SELECT RAISE(FAIL, 'audit_key is append-only'); END",
    "audit_pending_no_replace": "CREATE TRIGGER IF NOT EXISTS audit_pending_no_replace BEFORE INSERT ON audit_pending WHEN EXISTS (SELECT 1 FROM audit_pending WHERE id = NEW.id) BEGIN SELECT RAISE(FAIL, 'audit_pending is append-only'); END",
    "event_detail_no_replace": "CREATE TRIGGER IF NOT EXISTS event_detail_no_replace BEFORE INSERT ON event_detail WHEN EXISTS (SELECT 1 FROM event_detail WHERE detail_commit = NEW.detail_commit) BEGIN SELECT RAISE(FAIL, 'event_detail is append-only'); END",
    "audit_event_no_gap": "CREATE TRIGGER IF NOT EXISTS audit_event_no_gap BEFORE INSERT ON audit_event WHEN NEW.seq <> COALESCE((SELECT MAX(seq) + 1 FROM audit_event), 0) BEGIN SELECT RAISE(FAIL, 'audit_event has no gaps and no second row for a seq'); END",
}


def upgrade() -> None:
    """Put each guard in the place of the one of its name."""
    if op.get_bind().dialect.name == "sqlite":
        for name, statement in GUARDS.items():
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
            op.execute(statement)
