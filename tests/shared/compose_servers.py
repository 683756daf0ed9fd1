"""The services of docker-compose.yaml as plain processes: what is started here is read from that file, not copied.

Database and broker are Debian's; of each Airflow service the command and every variable are those of the compose file,
with this machine's values in place of host names, folders and secrets.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml
from airflow_servers import ROOT, AirflowServers
from sqlalchemy import create_engine, make_url, text

SECRET = "made up for this test"
RESTARTING = {
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
}
"""A dead worker is noticed in seconds instead of minutes."""
BY_HAND = {"schedule=every_morning()": "schedule=None"}
"""The scheduled run of today would wait for today's ledger, and one run at a time is allowed."""
QUIET = {
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "true",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "C_FORCE_ROOT": "1",
}


def compose() -> dict[str, Any]:
    """Return the compose file as YAML reads it."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
    return found


def airflow_services() -> dict[str, dict[str, Any]]:
    """Return the long-running Airflow services of the compose file: all but the one that prepares."""
    services: dict[str, dict[str, Any]] = compose()["services"]
    return {name: body for name, body in services.items()
            if name.startswith("airflow-") and name != "airflow-init"}  # fmt: skip


class ComposeServers(AirflowServers):
    """Every service of the compose file on loopback, prepared by docker/init.sh; entered as a context.

    ``here`` holds this machine's value of each variable that names a host, a folder or a channel in the compose file.
    """

    def __init__(self, home: Path, here: dict[str, str]) -> None:
        super().__init__(home, {})
        port = self.base.rpartition(":")[2]
        here |= {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.base}/execution/",
                 "ARREARS_AIRFLOW_URL": f"http://collector:{SECRET}@127.0.0.1:{port}"}  # fmt: skip
        names = ("PATH", "HOME", "LANG", "TMPDIR")
        outside = {name: os.environ[name] for name in names if name in os.environ}
        outside["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), outside["PATH"]])
        self.told = compose()["services"]["airflow-init"]["environment"]
        self.environment = outside | QUIET | RESTARTING | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.base,
        } | {name: here.get(name, _filled(value)) for name, value in self.told.items()}  # fmt: skip

    def __enter__(self) -> "ComposeServers":
        self.dags.mkdir(parents=True)
        for file in (ROOT / "dags").glob("*.py"):
            self.add_dag(file.stem, BY_HAND if file.stem == "arrears_daily" else {})
        self.prepare()
        return self

    def prepare(self) -> None:
        """Run what the service airflow-init runs at every start."""
        script = ["bash", ROOT / "docker" / "init.sh"]
        done = subprocess.run(script, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def start_service(self, name: str) -> None:
        """Start one service by its command in the compose file; a worker gets a name of its own, as a container has."""
        command = [str(word) for word in airflow_services()[name]["command"]]
        extra: list[str] = []
        if command[0] == "celery":
            extra = ["--celery-hostname", f"{name}@localhost", "--skip-serve-logs",
                     "--pid", str(self.home / f"{name}.pid")]  # fmt: skip
        elif command[0] in ("scheduler", "triggerer"):
            extra = ["--skip-serve-logs"]
        self.start((*command, *extra), name=name)

    def start_all(self) -> None:
        """Start every service and wait for the API."""
        for name in airflow_services():
            self.start_service(name)
        self.until(lambda: self.logs_in(SECRET), "the API")

    def workers_are_up(self) -> bool:
        """Say whether every worker answers a ping over the broker, as the health check of the compose file asks."""
        workers = [name for name, body in airflow_services().items() if body["command"][0] == "celery"]
        ask = ["-m", "celery", "--app", "airflow.providers.celery.executors.celery_executor.app", "inspect", "ping"]
        done = subprocess.run([sys.executable, *ask], env=self.environment, capture_output=True, text=True, check=False)
        return all(f"{name}@localhost" in done.stdout for name in workers)

    def kill_service(self, name: str) -> int:
        """Kill a service and all it started, as a machine that loses power; return how many processes died."""
        head = psutil.Process(self.running.pop(name).pid)
        family = [head, *head.children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=30)
        (self.home / f"{name}.pid").unlink(missing_ok=True)
        return len(family)


def _filled(value: object) -> str:
    """Return a value of the compose file with its secrets made up and its defaults taken."""
    return re.sub(r"\$\{(\w+)(:[-?]([^}]*))?\}", lambda found: _secret(found[1], found[2] or ""), str(value))


def _secret(name: str, rest: str) -> str:
    if rest.startswith(":-"):
        return rest[2:]
    # A Fernet key is 32 bytes in base64; the other secrets are any text.
    return "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" if name.endswith("FERNET_KEY") else SECRET


@contextmanager
def redis(program: Path, home: Path) -> Iterator[str]:
    """Run a broker on loopback with a password, as the compose file does; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    words = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", "secret", "--save", "", "--dir", str(home)]
    with (home / "redis.log").open("ab") as log:
        process = subprocess.Popen([str(program), *words], stdout=log, stderr=log)
    try:
        yield f"redis://:secret@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def databases(postgres_url: str) -> dict[str, str]:
    """Make the two databases of the compose file and return the variables that name them."""
    with create_engine(postgres_url, isolation_level="AUTOCOMMIT").connect() as connection:
        for name in ("celery_airflow", "celery_arrears"):
            connection.execute(text(f"CREATE DATABASE {name}"))
    airflow = make_url(postgres_url).set(drivername="postgresql+psycopg2", database="celery_airflow")
    store = make_url(postgres_url).set(drivername="postgresql+psycopg", database="celery_arrears")
    url = airflow.render_as_string(hide_password=False)
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{url}",
        "ARREARS_STORE_URL": store.render_as_string(hide_password=False),
    }
