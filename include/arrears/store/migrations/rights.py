"""What the application may do with a table that an upgrade adds, where the roles were given before it."""

from alembic import op

GRANT = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'arrears_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO arrears_app;
    END IF;
END $$
"""


def let_application_write(*tables: str) -> None:
    """Give ``arrears_app`` the rights that roles.sql would: the day after an upgrade must not wait for it.

    Only for tables that the application changes; what is append-only is left to roles.sql.
    """
    if op.get_bind().dialect.name == "postgresql":
        for table in tables:
            op.get_bind().exec_driver_sql(GRANT.format(table=table))
