"""PostgreSQL and SQLite keep the same ledger of the same files, row for row."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.ledger.pull import pull
from arrears.rehearsal.portfolio import write_sample
from arrears.store.engine import reading
from arrears.store.tables import feeds, metadata, people

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)
KEPT = [table for table in metadata.sorted_tables if table.name in dir(feeds) or table.name in dir(people)]


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine) as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr) for table in KEPT
        }


def test_both_databases_keep_the_same_ledger(
    rt: Runtime, store: Engine, postgres_store: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "feeds"
    write_sample(folder, on=DAY)
    for engine in (store, postgres_store):
        seeded = replace(rt, entropy=SeededEntropy(5), rehearsal=True)
        for number, day in enumerate((DAY, DAY, DAY + timedelta(1)), start=1):
            pull(seeded, engine, f"daily-{day}-{number}", folder, day, load_policy())
    first, second = everything(store), everything(postgres_store)
    assert len(first["outcome"]) > 1_000
    assert len(first["quarantine"]) > 5
    for name in first:
        assert (name, first[name]) == (name, second[name])
