"""A store of any older revision comes to the newest one with every row it held."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from old_store import at_revision, fill, read

from arrears.store import migrate
from arrears.store.engine import open_engine

REVISIONS = [script.revision for script in ScriptDirectory.from_config(migrate._config()).walk_revisions()][::-1]


def test_the_revisions_are_one_line_numbered_without_a_gap():
    assert [f"{n:04}" for n in range(1, len(REVISIONS) + 1)] == REVISIONS


IN_SHORT = {REVISIONS[0], REVISIONS[8], REVISIONS[17], REVISIONS[-2]}
"""The first, the first with every table of a day, the one before orders had kinds, the last but one; all are long."""


@pytest.mark.parametrize(
    "revision", [one if one in IN_SHORT else pytest.param(one, marks=pytest.mark.long) for one in REVISIONS]
)
def test_a_store_of_every_older_revision_keeps_its_rows(tmp_path: Path, revision: str):
    engine = open_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    at_revision(engine, revision)
    filled = fill(engine)
    migrate.upgrade(engine)
    assert migrate.is_current(engine)
    assert read(engine, filled) == filled
    engine.dispose()


@pytest.mark.real
@pytest.mark.parametrize(
    "revision", [one if one in IN_SHORT else pytest.param(one, marks=pytest.mark.long) for one in REVISIONS]
)
def test_postgresql_keeps_the_rows_of_every_older_revision_too(postgres_empty: str, revision: str):
    engine = open_engine(postgres_empty)
    at_revision(engine, revision)
    filled = fill(engine)
    migrate.upgrade(engine)
    assert migrate.is_current(engine)
    assert read(engine, filled) == filled
    engine.dispose()
