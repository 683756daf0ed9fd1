"""PostgreSQL looks up what new decisions point at once a statement, and not with every row.

Four foreign keys were looked up for each decision row: two thirds of what it took to store it, though a statement of
thousands of rows names a handful of distinct values. The guards say the same: no row that points at nothing, and
nothing goes that a row points at. SQLite keeps its keys, which rest for that one transaction (``store.parents``).
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

PARENTS = {"run_id": "run", "facts_sha256": "fact_set", "verdict_sha256": "verdict", "policy_sha256": "policy_text"}
"""The tables that a decision points at, by column; their keys have the same names."""

MISSING = """
    IF EXISTS (SELECT FROM (SELECT DISTINCT {column} FROM told) AS named
               WHERE NOT EXISTS (SELECT FROM {parent} WHERE {parent}.{column} = named.{column})) THEN
        RAISE foreign_key_violation USING MESSAGE = 'decision.{column} points at no row of {parent}';
    END IF;"""

LOOK_UP = """
CREATE FUNCTION arrears_decision_parents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN{missing}
    RETURN NULL;
END $$
"""

KEEP = """
CREATE FUNCTION arrears_keep_{parent}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM decision WHERE {column} = OLD.{column}) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a decision points at this row of {parent}';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$
"""


def upgrade() -> None:
    """Put the guards in the place of the foreign keys; SQLite has nothing to change."""
    if op.get_bind().dialect.name != "postgresql":
        return
    missing = "".join(MISSING.format(column=column, parent=parent) for column, parent in PARENTS.items())
    op.execute(LOOK_UP.format(missing=missing))
    for event in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER decision_parents_{event.lower()} AFTER {event} ON decision REFERENCING NEW TABLE AS told"
            " FOR EACH STATEMENT EXECUTE FUNCTION arrears_decision_parents()"
        )
    for column, parent in PARENTS.items():
        op.drop_constraint(f"fk_decision_{column}", "decision", type_="foreignkey")
        op.execute(KEEP.format(column=column, parent=parent))
        for event in ("DELETE", f"UPDATE OF {column}"):
            op.execute(
                f"CREATE TRIGGER {parent}_kept_{event.split()[0].lower()} BEFORE {event} ON {parent}"
                f" FOR EACH ROW EXECUTE FUNCTION arrears_keep_{parent}()"
            )
