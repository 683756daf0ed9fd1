"""What Airflow does with a step that fails: again or not, and what it says; a run is as red as its reddest task."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from statsd_listener import StatsdListener

from arrears.audit.record import record
from arrears.core.clock import PinnedClock, SystemClock
from arrears.orchestration.embedded import airflow_environment
from arrears.store.engine import writing

REHEARSED = {"business_date": "2026-11-12", "rehearsal": True}
ROOT = Path(__file__).resolve().parents[2]
RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(sys.argv[1]).dags[sys.argv[2]]
run = dag.test(logical_date=None, run_conf=json.loads(sys.argv[3]))
print("FOUND" + json.dumps({"run": run.state} | {
    ti.task_id: [ti.state, ti.try_number, ti.rendered_map_index] for ti in run.get_task_instances()}))
"""
STEPS = """
import os, signal, time
from arrears.core.errors import BadInput, TemporaryFailure

CELL, PHONE = "1390000" + "0002", "1380000" + "0000"  # a traceback shows lines of source

def bad_input(rt):
    try:
        raise ValueError(f"a cell says {CELL}")
    except ValueError:
        raise BadInput("parties.csv row 7, mobile: not a number")
def lost_connection(rt): raise OSError(f"the database of {PHONE} is gone")
def send_blindly(rt): raise OSError(f"the connection broke after the message to {PHONE}")
def send_to_busy(rt): raise TemporaryFailure("the gateway is busy")
def settle_orders(rt): raise BadInput("the agency of order O-1 is gone")
def stopped(rt):
    begun = time.monotonic()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    finally:
        (rt.settings.home / "written_down").write_text(f"{time.monotonic() - begun:.0f}")
"""
DAG = """
from datetime import timedelta
from airflow.sdk import Param, dag
from arrears.orchestration.pages import about
from arrears.orchestration.step import sending, step
import failing_steps as steps

AGAIN = {"retries": 1, "retry_delay": timedelta(0)}

@dag(dag_id="arrears_trial", schedule=None, params={"business_date": Param(None), "rehearsal": Param(False)},
     **about(None))
def arrears_trial():
    step(steps.bad_input, **AGAIN)()
    step(steps.lost_connection, **AGAIN)()
    sending(steps.send_blindly, **AGAIN)()
    sending(steps.send_to_busy, **AGAIN)()
    step(steps.stopped)()
    sending(steps.settle_orders)()

arrears_trial()
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[dict[str, Any], str]]:
    """An Airflow with its own home; runs one DAG of a folder and returns how its tasks ended, and the log."""
    home = tmp_path_factory.mktemp("red")

    def run(
        folder: Path, name: str, store: Path, conf: dict[str, Any] = REHEARSED, **more: str
    ) -> tuple[dict[str, Any], str]:
        variables = os.environ | airflow_environment(home, folder.parent) | {
            "ARREARS_HOME": str(store), "PYTHONPATH": str(folder.parent), "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        } | more  # fmt: skip
        migrate = [] if (home / "airflow.db").exists() else [[sys.executable, "-m", "airflow", "db", "migrate"]]
        for command in [*migrate, [sys.executable, "-c", RUN, str(folder / f"{name}.py"), name, json.dumps(conf)]]:
            done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
        found = next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))
        return json.loads(found.removeprefix("FOUND")), done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def trial(airflow: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    folder = tmp_path_factory.mktemp("trial")
    (folder / "dags").mkdir()
    (folder / "failing_steps.py").write_text(STEPS, encoding="utf-8")
    (folder / "dags" / "arrears_trial.py").write_text(DAG, encoding="utf-8")
    ended, log = airflow(folder / "dags", "arrears_trial", folder)
    return ended, log, folder


def test_a_night_without_a_finished_day_ends_red_although_everything_was_sealed(
    airflow: Callable[..., Any], tmp_path: Path
) -> None:
    with StatsdListener() as listener:
        ended, _ = airflow(ROOT / "dags", "arrears_assurance", tmp_path, **told_to(listener))
        heard = listener.heard()
    assert ended["run"] == "failed"
    assert [ended[task][0] for task in ("watch_deliveries", "close_night")] == ["failed", "failed"]
    told = {name: heard[f"airflow.arrears.{name}"] for name in ("day.missing", "day.red", "failed.morning", "pulse")}
    assert told == {"day.missing": 1, "day.red": 0, "failed.morning": 1, "pulse": 1}


def told_to(listener: StatsdListener) -> dict[str, str]:
    """Return the settings under which Airflow sends its figures and ours to a listener."""
    port = str(listener.port)
    return {"AIRFLOW__METRICS__STATSD_ON": "True", "AIRFLOW__METRICS__STATSD_PORT": port,
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1"}  # fmt: skip


def test_a_seal_that_fails_for_hours_is_told_by_each_dispatch(airflow: Callable[..., Any], rt: Any, store: Any) -> None:
    long_ago = replace(rt, clock=PinnedClock(SystemClock().now() - timedelta(hours=3)))
    with writing(store) as connection:
        record(connection, long_ago, run_id="daily-2026-11-12-1", type="run.started", key="daily-2026-11-12-1",
               business_date=None)  # fmt: skip
    (rt.settings.home / "keys" / "audit.key").parent.mkdir()
    (rt.settings.home / "keys" / "audit.key").write_text("no key at all", encoding="utf-8")
    with StatsdListener() as listener:
        ended, _ = airflow(ROOT / "dags", "arrears_dispatch", rt.settings.home, {}, **told_to(listener))
        heard = listener.heard()
    assert (ended["run"], ended["close_dispatch"][0], ended["send_due"][0]) == ("failed", "failed", "success")
    assert 3 * 3600 <= heard["airflow.arrears.seal.lag_seconds"] < 4 * 3600
    assert heard["airflow.arrears.pulse"] == heard["airflow.arrears.failed.later"] == 1
    assert "airflow.arrears.day.missing" in heard


FEEDS = {
    "accounts": ["account_id,closed_on,currency,contract_type,branch", "K1,,CNY,loan,East"],
    "instalments": ["account_id,instalment_no,due_date,amount_due", "K1,1,2026-11-01,1000.00"],
    "parties": ["account_id,party_id,role,name,language,mobile,email",
                "K1,P1,borrower,Person K1,en,+8619900000001,k1@x.example"],
}  # fmt: skip


@pytest.mark.long
def test_a_digest_that_cannot_be_mailed_makes_the_day_red_and_keeps_nobody_from_being_contacted(
    airflow: Callable[..., Any], tmp_path: Path
) -> None:
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    for name, lines in FEEDS.items():
        (feeds / f"{name}.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # bound and never listening: whoever connects is refused
        nobody = f"smtp://127.0.0.1:{door.getsockname()[1]}"
        conf = REHEARSED | {"feeds": str(feeds)}
        ended, log = airflow(ROOT / "dags", "arrears_daily", tmp_path / "var", conf, ARREARS_SMTP_URL=nobody)
    assert ended["morning.send_digest"][0] == "failed"
    assert (ended["run"], ended["close_day"][0]) == ("failed", "failed")
    assert "morning.send_digest failed; the reason is in its log" in log
    assert [ended[task][0] for task in ("stage_1.send_batch", "settle_orders")] == ["success", "success"]
    assert (tmp_path / "var" / "sandbox" / "sms" / "index.jsonl").read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.parametrize(("task", "tries"), [("bad_input", 1), ("lost_connection", 2), ("send_blindly", 1),
                                             ("send_to_busy", 2), ("settle_orders", 1)])  # fmt: skip
def test_a_step_is_tried_again_only_where_that_can_help_and_harm_nobody(trial: Any, task: str, tries: int) -> None:
    assert trial[0][task][:2] == ["failed", tries]


def test_a_task_that_airflow_stops_writes_down_how_its_work_ended(trial: Any) -> None:
    ended, _, home = trial
    assert ended["stopped"][0] == "failed"
    assert int((home / "written_down").read_text(encoding="utf-8")) < 5, "it did not sleep on"


def test_a_red_task_says_whether_anybody_must_get_up_and_nothing_about_people(trial: Any) -> None:
    said = [line for line in trial[1].splitlines() if "Must anybody get up?" in line]
    assert any("settle_orders failed. Must anybody get up? yes, now" in line for line in said)
    assert any("bad_input failed. Must anybody get up? no" in line for line in said)
    assert all("#arrears_trial" in line for line in said)
    assert not [line for line in said if "parties.csv" in line or "O-1" in line]


def test_no_log_of_a_red_task_holds_what_an_error_quoted(trial: Any) -> None:
    assert "parties.csv row 7" in trial[1]
    assert "13800000000" not in trial[1]
    assert "13900000002" not in trial[1]
