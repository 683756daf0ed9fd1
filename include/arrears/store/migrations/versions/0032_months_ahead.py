"""Months of decisions are made as time passes: the application asks, the owner's function makes the table.

A row that came before its month was there is moved out of ``decision_other``.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE OR REPLACE FUNCTION arrears_make_month(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    begins date := date_trunc('month', day)::date;
    ends date := (begins + interval '1 month')::date;
    month text := 'decision_' || to_char(begins, 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock('decision'::regclass::oid::bigint);
    IF to_regclass(month) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE decision INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', month);
    EXECUTE format('WITH moved AS (DELETE FROM decision_other WHERE business_date >= %L AND business_date < %L'
        ' RETURNING *) INSERT INTO %I SELECT * FROM moved', begins, ends, month);
    EXECUTE format('ALTER TABLE decision ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', month, begins, ends);
    RETURN true;
END $$
"""

# A store that has its roles needs no second `arrears roles` for this.
GRANT = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'arrears_app') THEN
        GRANT EXECUTE ON FUNCTION arrears_make_month(date) TO arrears_app;
    END IF;
END $$
"""


def upgrade() -> None:
    """Add the function; SQLite has nothing to divide."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    connection.exec_driver_sql(FUNCTION.format(schema=schema).replace("%", "%%"))
    connection.execute(sa.text("REVOKE ALL ON FUNCTION arrears_make_month(date) FROM PUBLIC"))
    connection.exec_driver_sql(GRANT)
