"""Wider checks for SQLite, which changes no check of a table in place."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

Widened = Mapping[str, Sequence[tuple[str, str]]]
"""By table, the text of its check as it was written down, and what takes its place."""


def rebuild(widened: Widened) -> None:
    """Make tables anew as they are written down, with wider checks; tables that name others come after those.

    All are set aside before the first is made, so that what they name stays theirs.

    Raises:
        RuntimeError: a table is not as this project wrote it down.
    """
    kept = sa.text("SELECT name, type, sql FROM sqlite_master WHERE tbl_name IN :names AND sql IS NOT NULL")
    names: sa.BindParameter[str] = sa.bindparam("names", list(widened), expanding=True)
    rows = op.get_bind().execute(kept.bindparams(names)).all()
    written = {row.name: row.sql for row in rows if row.type == "table"}
    for name in reversed(list(widened)):
        op.rename_table(name, f"{name}_before")
    for name, swaps in widened.items():
        op.execute(wider(name, written[name], swaps))
        op.execute(f"INSERT INTO {name} SELECT * FROM {name}_before")  # noqa: S608 - names of migrations alone
    for name in reversed(list(widened)):
        op.drop_table(f"{name}_before")
    for row in rows:
        if row.type != "table":
            op.execute(row.sql)


def wider(name: str, text: str, swaps: Sequence[tuple[str, str]]) -> str:
    """Return a text of a table with each swap made.

    Raises:
        RuntimeError: the text lacks what was to be widened.
    """
    for narrow, wide in swaps:
        if narrow not in text:
            raise RuntimeError(f"{name} is not as this project wrote it down: it lacks {narrow}")
        text = text.replace(narrow, wide)
    return text
