"""What Airflow does with a step that fails: again or not, and what it says; a run is as red as its reddest task."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arrears.orchestration.embedded import airflow_environment

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(sys.argv[1]).dags[sys.argv[2]]
run = dag.test(logical_date=None, run_conf={"business_date": "2026-11-12", "rehearsal": True})
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
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str, Path], tuple[dict[str, Any], str]]:
    """An Airflow with its own home; runs one DAG of a folder and returns how its tasks ended, and the log."""
    home = tmp_path_factory.mktemp("red")

    def run(folder: Path, name: str, store: Path) -> tuple[dict[str, Any], str]:
        variables = os.environ | airflow_environment(home, folder.parent) | {
            "ARREARS_HOME": str(store), "PYTHONPATH": str(folder.parent), "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }  # fmt: skip
        migrate = [] if (home / "airflow.db").exists() else [[sys.executable, "-m", "airflow", "db", "migrate"]]
        for command in [*migrate, [sys.executable, "-c", RUN, str(folder / f"{name}.py"), name]]:
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
    ended, _ = airflow(ROOT / "dags", "arrears_assurance", tmp_path)
    assert ended["run"] == "failed"
    assert [ended[task][0] for task in ("watch_deliveries", "close_night")] == ["failed", "failed"]


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
