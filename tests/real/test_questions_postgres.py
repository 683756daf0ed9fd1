"""Every question of an auditor has the same answer on PostgreSQL as on SQLite, after the same day on the sample."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from arrears.proof.ask import ask, numbered
from arrears.rehearsal.portfolio import sample_feeds
from arrears.store.engine import open_engine

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)
OF_THE_STORE = ("airflow_run_id", "claimed_by", "events", "first_seq", "last_seq", "message_id", "note", "provider_id",
                "root", "seq", "size", "subject_ref", "ti_id")  # fmt: skip
"""Random names, and the places of events that are ordered by them: they differ between any two stores."""


def answers(engine: Engine, number: int) -> list[str]:
    rows = ask(engine, number).as_dict()["rows"]
    kept = [{name: cell for name, cell in row.items() if name not in OF_THE_STORE} for row in rows]
    return sorted(json.dumps(row, sort_keys=True) for row in kept)


def test_both_databases_answer_every_question_alike(tmp_path: Path, postgres_store: Engine) -> None:
    feeds = sample_feeds(tmp_path, DAY)
    stores = [f"sqlite:///{tmp_path / 'arrears.sqlite'}", postgres_store.url.render_as_string(hide_password=False)]
    words = ("run", "--date", DAY.isoformat(), "--feeds", str(feeds), "--rehearsal", "--json")
    days = [
        subprocess.Popen(
            [str(Path(sys.executable).with_name("arrears")), *words], stdout=subprocess.DEVNULL,
            env={**os.environ, "ARREARS_HOME": str(tmp_path / str(place)), "ARREARS_STORE_URL": url},
        )
        for place, url in enumerate(stores)
    ]  # fmt: skip
    assert [day.wait() for day in days] == [0, 0]
    engines = [open_engine(url) for url in stores]
    found = {number: [answers(engine, number) for engine in engines] for number in numbered()}
    assert {number: (len(ours), len(theirs)) for number, (ours, theirs) in found.items() if ours != theirs} == {}
    assert sum(bool(ours) for ours, _ in found.values()) > 14
