"""A claim that was proved in the bankruptcy of a customer is a step at court like the others."""

from alembic import op

from arrears.store.migrations.rebuild import rebuild

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
        rebuild({"court_case": [(BEFORE, AFTER)]})
    else:
        op.drop_constraint(op.f(KIND), "court_case", type_="check")
        op.create_check_constraint(op.f(KIND), "court_case", f"kind IN ({AFTER})")
