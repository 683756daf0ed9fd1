"""A claim that was proved in the bankruptcy of a customer is a step at court like the others."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

BEFORE = "'remedy', 'suit', 'preservation', 'enforcement'"
AFTER = f"{BEFORE}, 'claim'"
KIND = "ck_court_case_kind_known"


def upgrade() -> None:
    """Admit the new kind of step."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        op.drop_constraint(op.f(KIND), "court_case", type_="check")
        op.create_check_constraint(op.f(KIND), "court_case", f"kind IN ({AFTER})")


def _rebuild() -> None:
    """SQLite changes no check of a table in place: make the table anew as it is written down, with the wider check."""
    kept = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = 'court_case' AND sql IS NOT NULL")
    rows = op.get_bind().execute(kept).all()
    (table,) = (row.sql for row in rows if row.type == "table")
    op.rename_table("court_case", "court_case_before")
    op.execute(table.replace(BEFORE, AFTER))
    op.execute("INSERT INTO court_case SELECT * FROM court_case_before")
    op.drop_table("court_case_before")
    for row in rows:
        if row.type != "table":
            op.execute(row.sql)
