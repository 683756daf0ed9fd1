"""PostgreSQL orders accounts byte by byte, so that a range of them is found by an index.

Work on a large portfolio goes from range to range in that order (``store.account_range``), which no index in the order
of the database's language serves: each range read whole tables, and the number of ranges grows with the portfolio. The
rows stay as they are; indexes on the column are made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

WHERE = """
SELECT quote_ident(c.relname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attname = 'account_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname
"""


def upgrade() -> None:
    """Change the order of the column wherever there is one; SQLite orders bytes anyway."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in connection.execute(sa.text(WHERE)).scalars().all():
            op.execute(f'ALTER TABLE {table} ALTER COLUMN account_id TYPE varchar(64) COLLATE "C"')
