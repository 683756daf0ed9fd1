"""The whole day on PostgreSQL: the same figures, nothing twice, every proof clean."""

import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from arrears.rehearsal.portfolio import sample_feeds
from arrears.store.engine import open_engine
from arrears.store.months import make_months
from arrears.store.tables import metadata
from arrears.store.tables.audit import APPEND_ONLY

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)
ROOT = Path(__file__).resolve().parents[2]


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


def blocks(section: str) -> list[str]:
    """Return the fenced blocks of a section of the runbook."""
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    return re.findall(r"^```\n(.*?)^```", page[page.index(section) :], re.MULTILINE | re.DOTALL)


def test_a_store_restored_by_the_words_of_the_page_verifies_against_the_newest_checkpoint_outside_and_goes_on(
    arrears, home: Path, postgres_database: str
):
    url = make_url(postgres_database)
    assert arrears("roles", "--apply").returncode == 0
    said = blocks("### PostgreSQL on one server")[0]
    assert "arrears.dump arrears\n" in said
    shell(said.replace("arrears.dump arrears\n", f"arrears.dump {url.database}\n"), home, url)
    shell("psql --dbname=restored --command='DROP TABLE decision_2026_12'", home, url)
    day = ("run", "--date", DAY.isoformat(), "--feeds", str(sample_feeds(home, DAY)), "--rehearsal", "--json")
    for command in (day, ("prove",), ("verify",)):
        done = arrears(*command, ARREARS_STORE_URL=restored(url, "arrears_app"))
        assert done.returncode == 0, done.stdout + done.stderr
        if command is day:
            assert json.loads(done.stdout)["actions"]["sent"] == 0, "nobody is contacted again"
            shell("psql --dbname=restored --command='SELECT count(*) FROM decision_2026_12'", home, url)


def test_a_restored_store_refuses_what_the_old_one_refused(postgres_database: str):
    url = make_url(postgres_database)
    owner, day, auditor = (restored(url, f"arrears_{role}") for role in ("owner", "app", "auditor"))
    assert make_months(open_engine(day), date(2026, 12, 1))
    columns = {table: metadata.tables[table].primary_key.columns.values()[0].name for table in APPEND_ONLY}
    for table, column in {**columns, "audit_event_index_first": "seq"}.items():
        changes = (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}")
        for change in changes:
            assert "is append-only" in refusal(owner, change), "the guards stand for the owner too"
            assert "permission denied" in refusal(day, change)
        assert "must be owner" in refusal(day, f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    assert "is append-only" in refusal(owner, "TRUNCATE audit_event_index_2026_12"), "the month made since has them too"
    gap = "INSERT INTO audit_event SELECT max(seq) + 2, '', '' FROM audit_event"
    assert "has no gaps" in refusal(day, gap)
    assert "permission denied" in refusal(auditor, "SELECT name FROM party")
    assert "permission denied" in refusal(
        auditor, "INSERT INTO audit_event SELECT max(seq) + 1, '', '' FROM audit_event"
    )


def test_a_store_that_lost_events_is_called_set_back_by_the_same_words(arrears, home: Path, postgres_database: str):
    url = make_url(postgres_database)
    shell("createdb older --template=restored", home, url)
    later = {"ARREARS_STORE_URL": restored(url, "arrears_app")}
    feeds = str(sample_feeds(home, DAY))
    next_day = ("run", "--date", (DAY + timedelta(1)).isoformat(), "--feeds", feeds, "--rehearsal")
    assert arrears(*next_day, **later).returncode == 0
    newest = max((home / "checkpoints").glob("*.txt"), key=lambda file: int(file.stem))
    older = {"ARREARS_STORE_URL": url.set(database="older").render_as_string(hide_password=False)}
    assert arrears("verify", "--against", str(newest), **later).returncode == 0
    assert arrears("verify", "--against", str(newest), **older).returncode == 1


def test_the_vacuum_of_the_page_is_what_postgresql_understands(home: Path, postgres_database: str):
    url = make_url(postgres_database)
    for statement in blocks("* **VACUUM.**")[0].splitlines():
        shell(f'psql --set=ON_ERROR_STOP=1 --command="{statement}" {url.database}', home, url)


def restored(url: URL, role: str) -> str:
    """Return the address of the restored store for a login that has a role."""
    login = url.set(database="restored").update_query_dict({"options": f"-c role={role}"})
    return login.render_as_string(hide_password=False)


def refusal(address: str, statement: str) -> str:
    """Return what the database says when it refuses a statement."""
    engine = open_engine(address)
    with pytest.raises(DBAPIError) as refused, engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
    return str(refused.value)


def shell(lines: str, home: Path, url: URL) -> None:
    """Run lines of the page in a shell that finds PostgreSQL's newest programs and whom the cluster trusts."""
    newest = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    path = os.pathsep.join([str(newest), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PGHOST": str(url.query["host"]), "PGUSER": str(url.username),
           "ARREARS_HOME": str(home), "NO_COLOR": "1"}  # fmt: skip
    done = subprocess.run(["bash", "-euc", lines], cwd=home, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
