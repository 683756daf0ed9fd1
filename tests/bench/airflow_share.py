"""What Airflow adds to a day: ``python tests/bench/airflow_share.py [ACCOUNTS] [--together] [--out FILE]``.

One rehearsed day of a seeded portfolio twice, each in a store of its own: by ``arrears run`` in one process, and as
``arrears_daily`` under LocalExecutor with an API server, a scheduler, a DAG processor and a triggerer. Counted are CPU
seconds, of Airflow those of all its processes from the start of the run to its end, and seconds of the wall. Both must
have done the same.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import portfolio
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
from airflow_servers import API, PROCESSOR, SCHEDULER, AirflowServers
from compose_files import compose
from compose_servers import BY_HAND

DAG, DAY = "arrears_daily", date(2026, 11, 11)
DONE = ("decision", "contact", "item", "contact_attempt", "packet", "repossession_order")
PATIENT = {"AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
           "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "300"}  # fmt: skip
"""On a crowded machine a task that is slow to say that it lives is not dead: to try it again would count it twice."""
FIRST = """from airflow.sdk import dag, task
@dag(schedule=None)
def first():
    task(lambda: None, task_id="nothing")()
first()
"""
"""One task before the day: what services do once, at their first task, is no part of a day of theirs."""
DEPLOYED = ("AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL", "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME")
"""What an idle Airflow costs is as docker-compose.yaml sets it."""
ORDINARY = 0.002
"""Accounts that are new at stage three on an ordinary day: some 4 % a month. A portfolio's five in a hundred all come
at once on its first day alone, and each costs a packet; packets are measured by ``packets.py``."""
Found = dict[str, Any]


def done_in(home: Path) -> dict[str, int]:
    """Count what a store says was done."""
    with closing(sqlite3.connect(home / "arrears.sqlite")) as store:
        return {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in DONE}


def by_shell(feeds: Path, home: Path) -> Found:
    """Run the day from the shell."""
    home.mkdir()
    words = [Path(sys.executable).with_name("arrears"), "run", "--date", DAY, "--feeds", feeds, "--rehearsal"]
    environment, began = os.environ | {"ARREARS_HOME": str(home)}, perf_counter()
    with (home / "said.log").open("w+") as said:
        running = subprocess.Popen([*map(str, words)], env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode not in (0, 1):  # 1: done, with something that people must look at
            raise SystemExit((home / "said.log").read_text(encoding="utf-8")[-3000:])
    return {"cpu_s": round(used.ru_utime + used.ru_stime, 1), "wall_s": round(perf_counter() - began, 1),
            "peak_mb": used.ru_maxrss // 1024, "done": done_in(home)}  # fmt: skip


def by_airflow(feeds: Path, home: Path) -> Found:
    """Run the day under a real Airflow."""
    told = compose()["services"]["airflow-scheduler"]["environment"]
    deployed = {name: told[name] for name in DEPLOYED}
    with AirflowServers(home / "airflow", {"ARREARS_HOME": str(home), **PATIENT, **deployed}) as airflow:
        airflow.add_dag(DAG, BY_HAND)
        (airflow.dags / "first.py").write_text(FIRST, encoding="utf-8")
        for command in (API, PROCESSOR, SCHEDULER, ("triggerer", "--skip-serve-logs")):
            airflow.start(command)
        airflow.until(airflow.logs_in, "the API")
        airflow.unpause("first")
        begun = airflow.trigger("first", {})
        airflow.until(lambda: airflow.state("first", begun) == "success", "the first task")
        airflow.unpause(DAG)
        before, began = seconds_of(airflow), perf_counter()
        run = airflow.trigger(DAG, {"business_date": DAY.isoformat(), "feeds": str(feeds), "rehearsal": True})
        airflow.until(lambda: airflow.state(DAG, run) in ("success", "failed"), "the end of the day", 14400, every=5)
        spent = {name: round(seconds - before[name], 1) for name, seconds in seconds_of(airflow).items()}
        found: Found = {"cpu_s": round(sum(spent.values()), 1), "wall_s": round(perf_counter() - began, 1),
                        "of": spent, "state": airflow.state(DAG, run)}  # fmt: skip
        tasks = airflow.ask("GET", f"/dags/{DAG}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"]
        states = [task["state"] for task in tasks]
        lasted = {f"{task['task_id']} {task['rendered_map_index'] or ''}".strip(): task["duration"] for task in tasks}
        return found | {"tasks": {one: states.count(one) for one in set(states)}, "seconds_of_tasks": lasted,
                        "done": done_in(home)}  # fmt: skip


def seconds_of(airflow: AirflowServers) -> dict[str, float]:
    """Return the CPU seconds of each service with all that it started and that ended; tasks are the scheduler's."""
    heads = {name: psutil.Process(process.pid) for name, process in airflow.running.items()}
    return {name: sum(sum(one.cpu_times()[:4]) for one in (head, *head.children(recursive=True)))
            for name, head in heads.items()}  # fmt: skip


def both(accounts: int, grave: float, *, together: bool) -> Found:
    """Do the day on both sides, one after the other or at once, so that both meet the same crowd on the machine."""
    with (
        tempfile.TemporaryDirectory(prefix="arrears-bench-") as name,
        ThreadPoolExecutor(2 if together else 1) as hands,
    ):
        folder = Path(name)
        portfolio.write(folder / "feeds", accounts, day=DAY, parties=True, staff=True, grave=grave)
        shell = hands.submit(by_shell, folder / "feeds", folder / "shell")
        airflow = hands.submit(by_airflow, folder / "feeds", folder / "home")
        return {"accounts": accounts, "grave": grave, "together": together, "shell": shell.result(),
                "airflow": airflow.result()}  # fmt: skip


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("accounts", type=int, nargs="?", default=10_000)
    given.add_argument("--grave", type=float, default=ORDINARY, help="share of accounts new at stage three")
    given.add_argument("--together", action="store_true", help="both sides at once")
    given.add_argument("--out", type=Path)
    asked = given.parse_args()
    found = both(asked.accounts, asked.grave, together=asked.together)
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
