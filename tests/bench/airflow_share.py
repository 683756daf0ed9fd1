"""What Airflow adds to a day: ``python tests/bench/airflow_share.py [ACCOUNTS] [--out FILE]``.

One rehearsed day of a seeded portfolio twice, each in a store of its own: by ``arrears run`` in one process, and as
``arrears_daily`` under LocalExecutor with an API server, a scheduler, a DAG processor and a triggerer. Counted are CPU
seconds, of Airflow those of all its processes from the start of the run to its end, and seconds of the wall. Both must
have done the same.
"""

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import portfolio
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
from airflow_servers import API, PROCESSOR, SCHEDULER, AirflowServers
from compose_servers import BY_HAND

DAG, DAY = "arrears_daily", date(2026, 11, 11)
DONE = ("decision", "contact", "item", "contact_attempt", "packet", "repossession_order")
PATIENT = {"AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
           "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "300"}  # fmt: skip
"""On a crowded machine a task that is slow to say that it lives is not dead: to try it again would count it twice."""
Found = dict[str, Any]


def done_in(home: Path) -> dict[str, int]:
    """Count what a store says was done."""
    with closing(sqlite3.connect(home / "arrears.sqlite")) as store:
        return {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in DONE}


def by_shell(feeds: Path, home: Path) -> Found:
    """Run the day from the shell."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    words = [Path(sys.executable).with_name("arrears"), "run", "--date", DAY, "--feeds", feeds, "--rehearsal"]
    environment = os.environ | {"ARREARS_HOME": str(home)}
    said = subprocess.run([*map(str, words)], env=environment, capture_output=True, text=True, check=False)
    if said.returncode not in (0, 1):  # 1: done, with something that people must look at
        raise SystemExit(said.stdout[-3000:] + said.stderr[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(seconds, 1), "wall_s": round(perf_counter() - began, 1), "done": done_in(home)}


def by_airflow(feeds: Path, home: Path) -> Found:
    """Run the day under a real Airflow."""
    with AirflowServers(home / "airflow", {"ARREARS_HOME": str(home), **PATIENT}) as airflow:
        airflow.add_dag(DAG, BY_HAND)
        for command in (API, PROCESSOR, SCHEDULER, ("triggerer", "--skip-serve-logs")):
            airflow.start(command)
        airflow.until(airflow.logs_in, "the API")
        airflow.unpause(DAG)
        before, began = seconds_of(airflow), perf_counter()
        run = airflow.trigger(DAG, {"business_date": DAY.isoformat(), "feeds": str(feeds), "rehearsal": True})
        airflow.until(lambda: airflow.state(DAG, run) in ("success", "failed"), "the end of the day", 7200)
        spent = {name: round(seconds - before[name], 1) for name, seconds in seconds_of(airflow).items()}
        found: Found = {"cpu_s": round(sum(spent.values()), 1), "wall_s": round(perf_counter() - began, 1),
                        "of": spent, "state": airflow.state(DAG, run)}  # fmt: skip
        tasks = airflow.ask("GET", f"/dags/{DAG}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"]
        states = [task["state"] for task in tasks]
        return found | {"tasks": {one: states.count(one) for one in set(states)}, "done": done_in(home)}


def seconds_of(airflow: AirflowServers) -> dict[str, float]:
    """Return the CPU seconds of each service with all that it started and that ended; tasks are the scheduler's."""
    heads = {name: psutil.Process(process.pid) for name, process in airflow.running.items()}
    return {name: sum(sum(one.cpu_times()[:4]) for one in (head, *head.children(recursive=True)))
            for name, head in heads.items()}  # fmt: skip


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("accounts", type=int, nargs="?", default=10_000)
    given.add_argument("--out", type=Path)
    asked = given.parse_args()
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as name:
        folder = Path(name)
        portfolio.write(folder / "feeds", asked.accounts, day=DAY, parties=True, staff=True)
        found = {"accounts": asked.accounts, "shell": by_shell(folder / "feeds", folder / "shell"),
                 "airflow": by_airflow(folder / "feeds", folder / "home")}  # fmt: skip
    for unit in ("cpu_s", "wall_s"):
        found[f"ratio_{unit}"] = round(found["airflow"][unit] / found["shell"][unit], 2)
    text = json.dumps(found, indent=2) + "\n"
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    if found["shell"]["done"] != found["airflow"]["done"]:
        raise SystemExit("the two days are not the same")


if __name__ == "__main__":
    main()
