"""The real daily DAG on the sample portfolio, twice: its figures, its silence about people, and nothing done twice."""

import csv
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-11-12"
AIRFLOW_TABLES = ("xcom", "rendered_task_instance_fields", "log", "dag_run", "task_instance", "serialized_dag")
EVENT_TABLES = ("audit_event", "audit_event_index", "audit_pending", "audit_checkpoint")
ABOUT_PEOPLE = {
    "parties": ("name", "mobile", "email", "address", "service_address", "id_no"),
    "accounts": ("plate", "asset_serial", "engine_no"),
}
COUNTRY = re.compile(r"^\+86(?=\d{11}$)")
HASH = re.compile(r"\b[0-9a-f]{64}\b")
ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class TwoDays:
    """One date, run twice, and what the loopback servers had kept after each run."""

    home: Path
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    kept: tuple[dict[str, int], dict[str, int]]
    store_after_first: dict[str, int]

    def summary(self, ordinal: int) -> dict:
        """Return the summary document that a run left in the store."""
        with closing(sqlite3.connect(self.home / "arrears.sqlite")) as store:
            query = "SELECT summary FROM run WHERE run_id = ?"
            return json.loads(store.execute(query, (f"daily-{DAY}-{ordinal}",)).fetchone()[0])


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> TwoDays:
    home = tmp_path_factory.mktemp("full-run") / "var"
    first = run_dag(home)
    kept, counts = kept_by(home), effects_in(home)
    second = run_dag(home)
    return TwoDays(home, first, second, (kept, kept_by(home)), counts)


def run_dag(home: Path) -> subprocess.CompletedProcess[str]:
    """Do what ``make run`` does, with Airflow told to log."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("ARREARS_", "AIRFLOW_"))}
    env = {**ours, "ARREARS_HOME": str(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", "NO_COLOR": "1"}
    env |= openlineage(home / "airflow-run" / "lineage.jsonl")
    command = [sys.executable, "-m", "arrears.orchestration.embedded", "run", "--date", DAY, "--project", str(ROOT)]
    return subprocess.run(command, cwd=home.parent, env=env, capture_output=True, text=True, check=False)


def openlineage(file: Path) -> dict[str, str]:
    """Return the settings that docs/audit.md names, with a file in the place of a lineage server."""
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^(AIRFLOW__OPENLINEAGE__\w+)=(.*)$", page, re.MULTILINE))
    transport = {"type": "file", "log_file_path": str(file), "append": True}
    return settings | {"AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport)}


def kept_by(home: Path) -> dict[str, int]:
    """Return the files that the loopback servers keep, with their sizes."""
    kept = home / "sandbox"
    return {str(path.relative_to(kept)): path.stat().st_size for path in kept.rglob("*") if path.is_file()}


def effects_in(home: Path) -> dict[str, int]:
    """Count what the store says was done."""
    with closing(sqlite3.connect(home / "arrears.sqlite")) as store:
        tables = ("contact", "item", "contact_attempt", "digest_sent", "packet", "repossession_order", "decision")
        return {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


# --- the day itself ---


def test_the_day_completes_and_says_so(days):
    assert days.first.returncode == 0, days.first.stderr
    assert f"{DAY}  completed" in days.first.stdout
    assert "Traceback" not in days.first.stdout + days.first.stderr


def as_the_readme_has_it() -> list[str]:
    """Return the end of the day in README.md, a pattern a line: the root is another one each time, … leaves out.

    Where a terminal aligns columns with spaces a pipe has a tab.
    """
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```\n({DAY}  completed.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = (re.sub(r"(\\ ){2,}", r"\\s+", re.escape(line)).removesuffix("…") for line in block.splitlines())
    return [re.sub(r"root\\ [0-9a-f]{16}$", r"root\\ [0-9a-f]{16}…", line) for line in lines]


def test_the_readme_shows_the_first_day_as_it_is_printed(days):
    printed = [line.rstrip() for line in days.first.stdout.partition(DAY)[2].splitlines()]
    printed[0] = DAY + printed[0]
    shown = as_the_readme_has_it()
    assert len(shown) == 12
    assert [line for line, pattern in zip(printed, shown, strict=False) if not re.match(pattern, line)] == []


def test_every_task_of_the_graph_ends_well(days):
    with closing(sqlite3.connect(days.home / "airflow-run" / "airflow.db")) as airflow:
        states = dict(airflow.execute("SELECT task_id, state FROM task_instance WHERE dag_id = 'arrears_daily'"))
    assert set(states.values()) == {"success"}
    assert {f"stage_{stage}.send_batch" for stage in range(4)} <= set(states)


def test_a_batch_is_called_by_its_number_on_airflows_pages(days):
    query = "SELECT DISTINCT rendered_map_index FROM task_instance WHERE task_id LIKE '%.send_batch'"
    with closing(sqlite3.connect(days.home / "airflow-run" / "airflow.db")) as airflow:
        labels = [row[0] for row in airflow.execute(query)]
    assert labels
    assert [label for label in labels if not re.fullmatch(r"batch \d+", label or "")] == []


def test_the_sample_shows_every_rung_packet_and_order_on_its_first_day(days):
    day = days.summary(1)
    assert day["status"] == "completed"
    assert all(day["stages"][stage] > 0 for stage in "0123")
    assert all(day["rungs"][rung] > 0 for rung in "1234")
    packets, orders = day["packets"], day["orders"]
    assert packets["ready"] >= 3
    assert packets["draft"] >= 1
    assert packets["incomplete"] >= 1
    assert orders["awaiting_approval"] >= 2
    assert (orders["handed_off"], orders["acknowledged"]) == (1, 1)
    assert orders["recalled"] >= 1
    assert day["ledger"]["quarantined"] >= 1
    assert all(gate["passed"] for gate in day["ledger"]["gates"])


def test_the_day_announces_the_orders_it_leaves_waiting_once_a_run(days):
    query = "SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.uri = 'x-arrears://{}'"
    told = [json.loads(extra)["waiting"] for (extra,) in airflow_rows(days, query.format("waiting-orders"))]
    assert len(told) == 2
    assert min(told) >= days.summary(1)["orders"]["awaiting_approval"], "the day's own rehearsal approves one later"


def test_every_contact_and_every_account_of_stage_three_is_accounted_for(days):
    day = days.summary(1)
    assert day["stages"]["3"] == sum(day["packets"][state] for state in ("draft", "ready", "withheld", "incomplete"))
    for part in ("actions", "date_totals"):
        counts = dict(day[part])
        planned = counts.pop("planned")
        assert planned == sum(sum(n.values()) if isinstance(n, dict) else n for n in counts.values()) > 0


def arrears(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a house."""
    command = [str(Path(sys.executable).with_name("arrears")), *words]
    env = {**os.environ, "ARREARS_HOME": str(home), "NO_COLOR": "1"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def printed_approvals(days: TwoDays) -> list[list[str]]:
    """Return the words of the approve commands that the summary prints."""
    found = [shlex.split(line) for line in days.first.stdout.splitlines() if " approvals approve " in line]
    return [words[words.index("approvals") :] for words in found]


def test_the_account_that_the_summary_names_is_one_to_look_at(days):
    (line,) = (line for line in days.first.stdout.splitlines() if " explain " in line)
    told = arrears(days.home, *shlex.split(line)[-2:])
    assert told.returncode == 0, told.stderr
    assert DAY in told.stdout


def test_the_approvals_that_the_summary_prints_let_an_order_leave(days, tmp_path):
    home = tmp_path / "var"
    shutil.copytree(days.home, home, ignore=shutil.ignore_patterns("airflow-run"))
    journal = home / "sandbox" / "agency" / "agency.jsonl"
    before = len(journal.read_text().splitlines())
    legal, risk = printed_approvals(days)
    nobody = arrears(home, *["NOBODY" if word.startswith("REH-") else word for word in legal])
    assert nobody.returncode == 2, nobody.stdout + nobody.stderr
    assert "NOBODY" in nobody.stderr
    for words in (legal, risk):
        done = arrears(home, *words)
        assert done.returncode == 0, done.stderr
    assert "leaves with the next dispatch" in done.stderr
    assert "T10:00:00+08:00`" in done.stderr, "the moment is one of the office's own clock"
    sent = arrears(home, *shlex.split(done.stderr.split("`")[1])[1:])
    assert sent.returncode == 0, sent.stderr
    assert "orders_acknowledged\t1" in sent.stdout
    new = journal.read_text().splitlines()[before:]
    assert [line for line in new if legal[2] in line]


def airflow_rows(days: TwoDays, query: str) -> list[tuple]:
    with closing(sqlite3.connect(days.home / "airflow-run" / "airflow.db")) as airflow:
        return airflow.execute(query).fetchall()


def test_the_asset_events_carry_hash_rows_and_totals(days):
    query = """SELECT a.name, e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id ORDER BY e.id"""
    said = [(name, json.loads(extra)) for name, extra in airflow_rows(days, query)]
    assert [name for name, _ in said] == 2 * ["arrears_ledger", "arrears_waiting_orders", "arrears_audit_log"]
    ledger, log = said[0][1], said[2][1]
    day = days.summary(1)
    assert {name: ledger[name] for name in ("sha256", "rows", "control_total_minor", "business_date")} == {
        "sha256": day["ledger"]["sha256"], "rows": day["ledger"]["rows"],
        "control_total_minor": day["ledger"]["control_total_minor"], "business_date": DAY,
    }  # fmt: skip
    assert (log["run_id"], log["audit_size"] > 1000, len(log["audit_root"])) == (f"daily-{DAY}-1", True, 64)


def test_each_run_says_by_which_airflow_dag_and_bundle_it_was_made(days):
    ((version,),) = set(airflow_rows(days, "SELECT id FROM dag_version WHERE dag_id = 'arrears_daily'"))
    with closing(sqlite3.connect(days.home / "arrears.sqlite")) as store:
        made = store.execute("SELECT DISTINCT airflow_version, dag_version, bundle FROM q04_by_which_code").fetchall()
    assert [(row[0][:2], row[1].replace("-", ""), row[2]) for row in made] == [("3.", version.replace("-", ""), "")]


def test_the_listener_says_at_the_end_of_a_run_by_what_it_was_made(days):
    text = (days.home / "airflow-run" / "run.log").read_text(encoding="utf-8")
    assert re.search(r"arrears_daily \S+ success; DAG version [0-9a-f-]{36}, bundle local", text)


def test_lineage_events_carry_the_ledger_the_policy_and_the_log(days):
    lines = (days.home / "airflow-run" / "lineage.jsonl").read_text(encoding="utf-8").splitlines()
    told = {}
    for event in map(json.loads, lines):
        told |= {name: facet for name, facet in event["run"]["facets"].items() if name.startswith("arrears_")}
    audit, summary = told["arrears_audit"], days.summary(2)
    assert (audit["size"], audit["root"]) == (summary["audit"]["size"], summary["audit"]["root"])
    assert told["arrears_ledger"]["sha256"] == summary["ledger"]["sha256"]
    assert told["arrears_ledger"]["control_total_minor"] == summary["ledger"]["control_total_minor"]
    assert re.fullmatch("[0-9a-f]{64}", told["arrears_policy"]["sha256"])
    assert {facet["_schemaURL"] for facet in told.values()} == {
        f"urn:arrears:lineage:{name}:1" for name in ("ledger", "policy", "audit")
    }


# --- the same date again ---


def test_the_same_date_again_plans_nothing_and_sends_nothing(days):
    assert days.second.returncode == 0, days.second.stderr
    again = days.summary(2)
    assert (again["status"], again["actions"]["planned"], again["actions"]["sent"]) == ("completed", 0, 0)
    assert again["packets"]["rebuilt"] == 0
    assert again["date_totals"] == days.summary(1)["date_totals"]
    assert effects_in(days.home) == days.store_after_first


def test_the_same_date_again_leaves_no_new_mail_message_or_order(days):
    before, after = days.kept
    assert after == before
    assert sum(name.startswith("mail/") for name in before) > 10
    assert before["sms/index.jsonl"] > 0


def test_the_log_of_both_runs_is_intact_and_the_store_proves_itself(days):
    for words in (("verify",), ("prove",)):
        done = arrears(days.home, *words)
        assert done.returncode == 0, done.stdout + done.stderr


# --- nothing about a person where it could not be erased ---


def people_of(home: Path) -> set[str]:
    """Return everything the sample's feeds say about a person or their machine, and a mobile without its country."""
    said = set()
    for feed, columns in ABOUT_PEOPLE.items():
        with (home / "feeds" / DAY / f"{feed}.csv").open(encoding="utf-8", newline="") as lines:
            said |= {row[column] for row in csv.DictReader(lines) for column in columns if row[column]}
    return said | {COUNTRY.sub("", one) for one in said}


def spellings(text: str) -> Iterator[str]:
    """Yield a text as it stands, and with JSON's and a web address's escapes undone."""
    yield text
    if "\\u" in text:
        yield ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    if "%" in text:
        yield unquote(text)


def cells_of(database: Path, tables: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield each table of a database with all its text, whatever the columns are called or typed."""
    with closing(sqlite3.connect(database)) as connection:
        connection.text_factory = bytes
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for table in sorted({name.decode() for (name,) in named} & set(tables or {name.decode() for (name,) in named})):
            cells = {cell for row in connection.execute(f'SELECT * FROM "{table}"') for cell in row}
            yield table, "\n".join(cell.decode("utf-8", "replace") for cell in cells if isinstance(cell, bytes))


def places(days: TwoDays) -> Iterator[tuple[str, str]]:
    """Yield every place of a full run in which no person may stand."""
    airflow = days.home / "airflow-run"
    for path in sorted(airflow.rglob("*")):
        if path.is_file() and path.suffix != ".db":
            yield f"file {path.relative_to(airflow)}", path.read_bytes().decode("utf-8", "replace")
    for table, text in cells_of(airflow / "airflow.db"):
        yield f"Airflow table {table}", text
    for table, text in cells_of(days.home / "arrears.sqlite", EVENT_TABLES):
        yield f"event table {table}", text
    yield "names of files", "\n".join(str(path.relative_to(days.home)) for path in days.home.rglob("*"))
    for name, done in (("first", days.first), ("second", days.second)):
        yield f"what the {name} run printed", done.stdout + done.stderr


def found_in(text: str, people: set[str]) -> set[str]:
    """Return who is found in a text; each thing said twice is read once, and hashes are not read at all."""
    pieces = "\n".join(dict.fromkeys(HASH.sub("", text).split('"')))
    variants = set(spellings(pieces))
    return {one for one in people if any(one in variant for variant in variants)}


def test_no_person_of_the_sample_is_in_any_airflow_log_table_or_event(days):
    people = people_of(days.home)
    assert len(people) > 1000
    found = {place: len(found_in(text, people)) for place, text in places(days)}
    assert {place: count for place, count in found.items() if count} == {}


def test_the_places_searched_are_those_that_were_written(days):
    texts = dict(places(days))
    assert f"Returned value was: daily-{DAY}-1" in texts["file run.log"]
    assert '"arrears_ledger"' in texts["file lineage.jsonl"]
    for table in AIRFLOW_TABLES:
        assert len(texts[f"Airflow table {table}"]) > 200, table
    assert str(days.home / "feeds") in texts["Airflow table dag_run"]
    assert f"daily-{DAY}-2" in texts["Airflow table xcom"]
    for table in EVENT_TABLES[:2]:
        assert f"daily-{DAY}-2" in texts[f"event table {table}"]


@pytest.mark.parametrize("write", [str, json.dumps, lambda text: json.dumps(json.dumps(text)), quote])
def test_a_planted_person_is_found_however_it_is_written(days, tmp_path, write):
    people = people_of(days.home)
    planted = {"孔娜洋", "+8619900000012", "示A70847", "Oliver Bergman"}
    database = tmp_path / "planted.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE xcom (id INTEGER, value BLOB)")
        connection.executemany("INSERT INTO xcom VALUES (1, ?)", [(write(one),) for one in planted])
    ((_, text),) = cells_of(database)
    assert planted <= people
    assert planted <= found_in(text, people)
