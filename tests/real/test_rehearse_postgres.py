"""The same rehearsed days leave the same log on SQLite and on PostgreSQL, to the last bit."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from arrears.audit.verify import verify_store
from arrears.core.settings import Settings
from arrears.rehearsal.rehearse import Plan, Rehearsed, rehearse
from arrears.store.engine import open_engine

pytestmark = pytest.mark.real

PLAN = Plan(9, 24, seed=7, missed=frozenset({5}))
"""With a day that is missed and a file that is corrected in the afternoon."""


def play(home: Path, store_url: str | None = None) -> tuple[Rehearsed, Engine]:
    variables = {"ARREARS_HOME": str(home)} | ({"ARREARS_STORE_URL": store_url} if store_url else {})
    settings = Settings.from_environment(variables)
    return rehearse(settings, PLAN, lambda _on, _step: None), open_engine(settings.store_url)


def test_the_same_rehearsal_has_the_same_root_on_both_databases(tmp_path: Path, postgres_database: str) -> None:
    here, sqlite = play(tmp_path / "sqlite")
    there, postgres = play(tmp_path / "postgres", postgres_database)
    assert here.audit["size"] == there.audit["size"] > 400
    assert here.audit["root"] == there.audit["root"]
    assert here.audit["checkpoint"] == there.audit["checkpoint"]
    for engine in (sqlite, postgres):
        assert verify_store(engine, here.audit["checkpoint"]).status == "intact"
