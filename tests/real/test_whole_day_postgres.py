"""The whole day on PostgreSQL: the same figures, nothing twice, every proof clean."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from arrears.rehearsal.portfolio import sample_feeds

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("postgres-day")


@pytest.fixture
def arrears(home: Path, postgres_database: str):
    env = {**os.environ, "ARREARS_HOME": str(home), "ARREARS_STORE_URL": postgres_database, "NO_COLOR": "1"}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("arrears")), *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False)

    return call


def test_a_day_on_postgresql_completes_once_and_proves_itself(arrears, home: Path):
    words = ("run", "--date", DAY.isoformat(), "--feeds", str(sample_feeds(home, DAY)), "--rehearsal", "--json")
    first = arrears(*words)
    assert first.returncode == 0, first.stderr
    day = json.loads(first.stdout)
    assert day["status"] == "completed"
    assert day["packets"]["ready"] >= 3
    assert day["orders"]["acknowledged"] >= 1
    again = json.loads(arrears(*words).stdout)
    assert (again["actions"]["planned"], again["actions"]["sent"]) == (0, 0)
    assert again["date_totals"] == day["date_totals"]
    questions = [("ask", str(number)) for number in range(1, 22)]
    for command in (("prove",), ("verify",), ("replay", "--run", day["run_id"], "--sample", "50"), *questions):
        done = arrears(*command)
        assert done.returncode == 0, done.stdout + done.stderr
