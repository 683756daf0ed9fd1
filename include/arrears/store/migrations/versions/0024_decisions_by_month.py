"""PostgreSQL keeps decisions in a table a month: indexes stay small, and a month is copied or detached by itself.

Days outside the months made here go to ``decision_other``; a later number makes further months.
"""

from datetime import date
from itertools import pairwise

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ALIKE = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS"
FIRST, YEARS = date(2026, 1, 1), 4
KEYS = {
    "facts_sha256": "fact_set (facts_sha256)",
    "policy_sha256": "policy_text (policy_sha256)",
    "run_id": "run (run_id)",
    "verdict_sha256": "verdict (verdict_sha256)",
}
INDEXES = {"ix_decision_run": "run_id", "ix_decision_account": "account_id, business_date, revision"}


def upgrade() -> None:
    """Put the table of a name beside, make the divided one, and move the rows; SQLite has nothing to divide."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for statement in (
        "ALTER TABLE decision RENAME TO decision_whole",
        "ALTER TABLE decision_whole RENAME CONSTRAINT pk_decision TO pk_decision_whole",
        *(f"ALTER INDEX {name} RENAME TO {name}_whole" for name in INDEXES),
        f"CREATE TABLE decision (LIKE decision_whole {ALIKE}) PARTITION BY RANGE (business_date)",
        *_months(),
        "CREATE TABLE decision_other PARTITION OF decision DEFAULT",
        "INSERT INTO decision SELECT * FROM decision_whole",
        "ALTER TABLE decision ADD CONSTRAINT pk_decision PRIMARY KEY (business_date, account_id, revision)",
        *(f"CREATE INDEX {name} ON decision ({columns})" for name, columns in INDEXES.items()),
        *(
            f"ALTER TABLE decision ADD CONSTRAINT fk_decision_{column} FOREIGN KEY ({column}) REFERENCES {parent}"
            for column, parent in KEYS.items()
        ),
        "DROP TABLE decision_whole",
    ):
        connection.execute(sa.text(statement))


def _months() -> list[str]:
    months = [date(FIRST.year + n // 12, n % 12 + 1, 1) for n in range(YEARS * 12 + 1)]
    return [
        f"CREATE TABLE decision_{begin:%Y_%m} PARTITION OF decision FOR VALUES FROM ('{begin}') TO ('{end}')"
        for begin, end in pairwise(months)
    ]
