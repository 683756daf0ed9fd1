"""The whole day on PostgreSQL: the same figures, nothing twice, every proof clean."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import make_url

from arrears.rehearsal.portfolio import sample_feeds

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("postgres-day")


@pytest.fixture
def arrears(home: Path, postgres_database: str):
    env = {**os.environ, "ARREARS_HOME": str(home), "ARREARS_STORE_URL": postgres_database, "NO_COLOR": "1"}

    def call(*words: str, **other: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("arrears")), *words]
        return subprocess.run(command, capture_output=True, text=True, env=env | other, check=False)

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


def test_a_store_restored_from_its_dump_verifies_against_the_newest_checkpoint_outside_and_goes_on(
    arrears, home: Path, postgres_database: str
):
    url = make_url(postgres_database)
    place = ("--host", str(url.query["host"]), "--username", str(url.username))
    dump = home / "store.dump"
    tool("pg_dump", *place, "--format=custom", f"--file={dump}", str(url.database))
    tool("createdb", *place, "restored")
    tool("pg_restore", *place, "--exit-on-error", "--dbname=restored", str(dump))
    restored = {"ARREARS_STORE_URL": url.set(database="restored").render_as_string(hide_password=False)}
    tool("psql", *place, "--dbname=restored", "--command=DROP TABLE decision_2026_12")
    newest = max((home / "checkpoints").glob("*.txt"), key=lambda file: int(file.stem))
    day = ("run", "--date", DAY.isoformat(), "--feeds", str(sample_feeds(home, DAY)), "--rehearsal", "--json")
    for command in (("verify", "--against", str(newest)), day, ("prove",), ("verify",)):
        done = arrears(*command, **restored)
        assert done.returncode == 0, done.stdout + done.stderr
        if command is day:
            assert json.loads(done.stdout)["actions"]["sent"] == 0, "nobody is contacted again"
            tool("psql", *place, "--dbname=restored", "--command=SELECT count(*) FROM decision_2026_12")


def tool(program: str, *words: str) -> None:
    """Run a program of PostgreSQL as whoever the cluster trusts."""
    newest = max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda file: int(file.parts[-3]))
    done = subprocess.run([str(newest), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
