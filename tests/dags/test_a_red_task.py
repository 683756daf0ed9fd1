"""A run of Airflow is as red as its reddest task: the closing that always runs may not paint it green."""

import os
import subprocess
import sys
from pathlib import Path

from arrears.orchestration.embedded import airflow_environment

ROOT = Path(__file__).resolve().parents[2]
RUN_A_NIGHT = """
from airflow.dag_processing.dagbag import DagBag
dag = DagBag("dags/arrears_assurance.py").dags["arrears_assurance"]
run = dag.test(logical_date=None, run_conf={"business_date": "2026-11-12", "rehearsal": True})
states = {ti.task_id: ti.state for ti in run.get_task_instances()}
print("FOUND", run.state, states["verify_log"], states["watch_deliveries"], states["close_night"])
"""


def test_a_night_without_a_finished_day_ends_red_although_everything_was_sealed(tmp_path: Path):
    variables = os.environ | airflow_environment(tmp_path, ROOT) | {"ARREARS_HOME": str(tmp_path)}
    python = [sys.executable, "-m", "airflow", "db", "migrate"], [sys.executable, "-c", RUN_A_NIGHT]
    for command in python:
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    found = next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))
    assert found.split()[1] == "failed"
    assert found.split()[3:] == ["failed", "failed"]
