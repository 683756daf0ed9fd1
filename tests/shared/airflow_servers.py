"""A real Airflow on loopback for one test: its API, scheduler and DAG processor, each a process that can be killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psutil
import pytest

from arrears.orchestration.embedded import airflow_environment

ROOT = Path(__file__).resolve().parents[2]
API, SCHEDULER, PROCESSOR = ("api-server",), ("scheduler", "--skip-serve-logs"), ("dag-processor",)
PATIENCE = 900
"""Seconds: a machine that does much else starts Airflow in minutes; on a free one all of a test takes one."""
PASSWORD = "made up"
TASK_TITLE = "airflow worker -- "


class AirflowServers:
    """Airflow with a home of its own, entered as a context; ``extra`` is added to the environment of all processes."""

    def __init__(self, home: Path, extra: dict[str, str]) -> None:
        self.home, self.dags = home, home / "dags"
        with ExitStack() as stack:
            door = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = door.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        quick = {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.base,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "3",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "3",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "ARREARS"))}
        self.environment = inherited | airflow_environment(home, ROOT) | quick | extra
        self.environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._sessions: set[int] = set()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._client = httpx.Client(base_url=self.base, timeout=300, trust_env=False)

    def __enter__(self) -> "AirflowServers":
        self.dags.mkdir(parents=True)
        passwords = self.home / "simple_auth_manager_passwords.json.generated"
        passwords.write_text(json.dumps({"admin": PASSWORD}))
        self.airflow("db", "migrate")
        self.airflow("pools", "import", str(ROOT / "include" / "arrears" / "orchestration" / "pools.json"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        while left := [pid for pid in psutil.pids() if _session(pid) in self._sessions and _lives(pid)]:
            for pid in left:
                _kill(pid)
            for process in self.running.values():
                process.poll()

    def add_dag(self, name: str, changes: dict[str, str]) -> None:
        """Copy a DAG of the project into this Airflow, with changes of its text that must all be found."""
        text = (ROOT / "dags" / f"{name}.py").read_text(encoding="utf-8")
        for before, after in changes.items():
            assert before in text, f"{name} no longer says {before}"
            text = text.replace(before, after)
        (self.dags / f"{name}.py").write_text(text, encoding="utf-8")

    def airflow(self, *arguments: str) -> None:
        """Run one command of Airflow to its end."""
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def start(
        self, command: tuple[str, ...], *, name: str = "", env: dict[str, str] | None = None,
        program: tuple[str, ...] = (sys.executable, "-m", "airflow"),
    ) -> None:  # fmt: skip
        """Start one of the processes; ``name`` tells apart those that begin with the same word."""
        name = name or command[0]
        with (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*program, *command],
                env=env or self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._sessions.add(self.running[name].pid)

    def kill_scheduler(self) -> None:
        """Kill the scheduler alone, as an out-of-memory killer does; what it started lives on."""
        process = self.running.pop(SCHEDULER[0])
        _kill(process.pid)
        process.wait()

    def kill_supervisor(self) -> psutil.Process:
        """Kill the supervisor of the one task that runs, and return the process of the task, which it leaves behind."""
        task = self.until(self._task, "a running task")
        supervisor = task.parent()
        assert supervisor is not None
        _kill(supervisor.pid)
        return task

    def _task(self) -> psutil.Process | None:
        """Return the process of a task: the child of a worker of the executor."""
        for process in _family(self.running[SCHEDULER[0]].pid):
            words = " ".join(process.cmdline())
            if words.startswith(TASK_TITLE) and "LocalExecutor" not in words:
                return process
        return None

    def until(self, happened: Callable[[], Any], what: str, seconds: float = PATIENCE, every: float = 0.2) -> Any:
        """Wait for something to become true and return it; a question to the API costs it CPU time each time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := happened():
                return found
            time.sleep(every)
        logs = "".join(
            f"\n--- {file.name}\n{file.read_text()[-2500:]}" for file in sorted(self.home.rglob("*.log"))[-12:]
        )
        pytest.fail(f"{what} did not come within {seconds} s{logs}", pytrace=False)

    def logs_in(self, password: str = PASSWORD) -> bool:
        """Try to log in as the administrator, whose word every later call carries."""
        try:
            answer = self._client.post("/auth/token", json={"username": "admin", "password": password})
        except httpx.HTTPError:
            return False
        if answer.status_code != 201:
            return False
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return True

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the API and return its answer."""
        answer = self._client.request(method, f"/api/v2{path}", json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def start_all(self) -> None:
        """Start every process and wait for the API."""
        for command in (API, PROCESSOR, SCHEDULER):
            self.start(command)
        self.until(self.logs_in, "the API")

    def unpause(self, dag: str) -> None:
        """Wait until a DAG is known and let it run."""
        self.until(lambda: self._client.get(f"/api/v2/dags/{dag}").status_code == 200, f"the DAG {dag}")
        self.ask("PATCH", f"/dags/{dag}", {"is_paused": False})

    def trigger(self, dag: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        return str(self.ask("POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        """Return the state of a run."""
        return str(self.ask("GET", f"/dags/{dag}/dagRuns/{run}")["state"])

    def task(self, dag: str, run: str, task: str) -> dict[str, Any]:
        """Return what Airflow says of a task instance."""
        found: dict[str, Any] = self.ask("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}")
        return found

    def tries(self, dag: str, task: str) -> int:
        """Return the most tries a task has had in any run of a DAG, scheduled ones included."""
        found = self.ask("GET", f"/dags/{dag}/dagRuns/~/taskInstances?limit=1000")["task_instances"]
        return max(one["try_number"] for one in found if one["task_id"] == task or one["task_id"].endswith(f".{task}"))

    def clear(self, dag: str, run: str, task: str) -> None:
        """Clear a task of a run and what comes after it."""
        self.ask(
            "POST",
            f"/dags/{dag}/clearTaskInstances",
            {"dry_run": False, "dag_run_id": run, "task_ids": [task], "only_failed": False, "include_downstream": True,
             "reset_dag_runs": True},
        )  # fmt: skip

    def mark_success(self, dag: str, run: str, task: str) -> None:
        """Say that a task has succeeded, whatever it is doing."""
        self.ask("PATCH", f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}", {"new_state": "success"})


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and all that it started and is still under it."""
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _session(pid: int) -> int | None:
    """Return the session of a process: that of the service it came from, also when its parents are dead."""
    with suppress(ProcessLookupError):
        return os.getsid(pid)
    return None


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
