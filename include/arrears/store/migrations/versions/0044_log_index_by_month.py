"""PostgreSQL begins a table of the log's index with each month: what is old rests, and four indexes stay small.

A table holds a range of numbers, so that a number still stands once and a question that names it reads one table. What
was sealed until now stays where it is and becomes the first table: nothing is copied.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_audit_event_index_subject": "subject_ref, business_date",
    "ix_audit_event_index_run": "run_id, type",
    "ix_audit_event_index_key": "key",
    "ix_audit_event_index_type": "type, business_date",
}
ALIKE = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS"
GUARDS = {"no_update": "BEFORE UPDATE", "no_delete": "BEFORE DELETE", "no_truncate": "BEFORE TRUNCATE"}

# The open table ends with its last row, the month's begins behind it; a table without a row serves the next month too.
FUNCTION = """
CREATE OR REPLACE FUNCTION arrears_begin_month(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    month text := to_char(day, 'YYYY_MM');
    made text := 'audit_event_index_' || month;
    size bigint;
    part record;
BEGIN
    PERFORM pg_advisory_xact_lock('audit_event_index'::regclass::oid::bigint);
    IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'audit_event_index'::regclass
               AND substring(c.relname FROM '\\d{{4}}_\\d\\d$') >= month) THEN
        RETURN false;
    END IF;
    LOCK TABLE audit_event_index IN ACCESS EXCLUSIVE MODE;
    SELECT c.relname AS name, substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM (.+) TO') AS begins
        INTO STRICT part FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit_event_index'::regclass
        AND pg_get_expr(c.relpartbound, c.oid) LIKE '%TO (MAXVALUE)';
    EXECUTE format('SELECT max(seq) + 1 FROM %I', part.name) INTO size;
    IF size IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE audit_event_index DETACH PARTITION %I', part.name);
    EXECUTE format('ALTER TABLE audit_event_index ATTACH PARTITION %I FOR VALUES FROM %s TO (%L)',
        part.name, part.begins, size);
    EXECUTE format('CREATE TABLE %I PARTITION OF audit_event_index FOR VALUES FROM (%L) TO (MAXVALUE)', made, size);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I EXECUTE FUNCTION arrears_append_only()',
        made || '_no_truncate', made);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', made, made || '_no_truncate');
    RETURN true;
END $$
"""

# A store that has its roles seals and reads on before `arrears roles` is run again.
GRANT = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'arrears_app') THEN
        GRANT SELECT, INSERT ON audit_event_index TO arrears_app;
        REVOKE INSERT ON audit_event_index_first FROM arrears_app;
        GRANT EXECUTE ON FUNCTION arrears_begin_month(date) TO arrears_app;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'arrears_auditor') THEN
        GRANT SELECT ON audit_event_index TO arrears_auditor;
    END IF;
END $$
"""

DIVIDE = (
    "ALTER TABLE audit_event_index RENAME TO audit_event_index_first",
    "ALTER TABLE audit_event_index_first RENAME CONSTRAINT pk_audit_event_index TO pk_audit_event_index_first",
    *(f"ALTER INDEX {name} RENAME TO {name}_first" for name in INDEXES),
    *(f"DROP TRIGGER audit_event_index_{guard} ON audit_event_index_first" for guard in GUARDS),
    f"CREATE TABLE audit_event_index (LIKE audit_event_index_first {ALIKE}) PARTITION BY RANGE (seq)",
    "ALTER TABLE audit_event_index ADD CONSTRAINT pk_audit_event_index PRIMARY KEY (seq)",
    *(f"CREATE INDEX {name} ON audit_event_index ({columns})" for name, columns in INDEXES.items()),
    "ALTER TABLE audit_event_index ATTACH PARTITION audit_event_index_first FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
)


def upgrade() -> None:
    """Put the index under a divided table of its name, and add the function; SQLite has nothing to divide."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for statement in (
        *DIVIDE,
        *(statement for guard in GUARDS for statement in _guard("audit_event_index", guard)),
        *_guard("audit_event_index_first", "no_truncate"),
        FUNCTION.format(schema=schema),
        "REVOKE ALL ON FUNCTION arrears_begin_month(date) FROM PUBLIC",
        GRANT,
    ):
        connection.exec_driver_sql(statement.replace("%", "%%"))


def _guard(table: str, guard: str) -> tuple[str, str]:
    """Guards of rows are inherited by each table, that of TRUNCATE is not."""
    each = "STATEMENT" if guard == "no_truncate" else "ROW"
    rule = f"{GUARDS[guard]} ON {table} FOR EACH {each} EXECUTE FUNCTION arrears_append_only()"
    return (
        f"CREATE TRIGGER {table}_{guard} {rule}",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{guard}",
    )
