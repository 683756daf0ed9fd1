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
from sqlalchemy import make_url

SECRET = "made up for this test"
PREPARING = "airflow-init"
KEYS = "/var/lib/arrears-keys"
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


def services() -> dict[str, dict[str, Any]]:
    """Return the long-running services of our image: all but database, broker, mail pages and the one that prepares."""
    others = ("postgres", "redis", "mailpit", PREPARING)
    found: dict[str, dict[str, Any]] = compose()["services"]
    return {name: body for name, body in found.items() if name not in others}


def mounts(body: dict[str, Any]) -> dict[str, str]:
    """Return what a service mounts: the folder in the container, and the whole line."""
    return {text.removesuffix(":ro").rpartition(":")[2]: text for text in body.get("volumes", [])}


class ComposeServers(AirflowServers):
    """Every service of the compose file on loopback, prepared by docker/init.sh; entered as a context.

    ``here`` holds this machine's value of each variable that names a host or a folder in the compose file, ``secrets``
    the content of secret files; a service finds those alone that the compose file hands to it. ``more`` is what whoever
    runs them adds for every service.
    """

    def __init__(
        self, home: Path, here: dict[str, str], secrets: dict[str, str], more: dict[str, str] | None = None
    ) -> None:
        super().__init__(home, {})
        port = self.base.rpartition(":")[2]
        self.here = here | {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.base}/execution/"}
        self.secrets = secrets | {"airflow_url": f"http://collector:{SECRET}@127.0.0.1:{port}"}
        names = ("PATH", "HOME", "LANG", "TMPDIR")
        outside = {name: os.environ[name] for name in names if name in os.environ}
        outside["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), outside["PATH"]])
        self.outside = outside | QUIET | RESTARTING | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.base,
        } | (more or {})  # fmt: skip
        self.environment = self.environment_of("airflow-worker-default")

    def environment_of(self, name: str) -> dict[str, str]:
        """Return the variables of a service; its secrets lie in a folder of its own, as in its container."""
        body = compose()["services"][name]
        folder = self.home / "secrets" / name
        folder.mkdir(parents=True, exist_ok=True)
        for secret in body["secrets"]:
            (folder / secret).write_text(self.secrets.get(secret, _secret(secret)), encoding="utf-8")
        told = {key: _filled(value).replace("/run/secrets", str(folder)) for key, value in body["environment"].items()}
        here = {key: value for key, value in self.here.items() if key in told}
        if KEYS not in mounts(body) and "ARREARS_KEYS" in told:
            here["ARREARS_KEYS"] = str(folder / "no-keys-here")
        return self.outside | {"ARREARS_SECRETS": str(folder)} | told | here

    def __enter__(self) -> "ComposeServers":
        self.dags.mkdir(parents=True)
        for file in (ROOT / "dags").glob("*.py"):
            self.add_dag(file.stem, BY_HAND if file.stem == "arrears_daily" else {})
        self.prepare()
        return self

    def prepare(self) -> None:
        """Run what the service airflow-init runs at every start."""
        script = ["bash", ROOT / "docker" / "init.sh"]
        env = self.environment_of(PREPARING)
        done = subprocess.run(script, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def start_service(self, name: str) -> None:
        """Start one service by its command in the compose file; a worker gets a name of its own, as a container has."""
        command = [str(word) for word in services()[name]["command"]]
        env = self.environment_of(name)
        if command[0] == "celery":
            command += ["--celery-hostname", f"{name}@localhost", "--skip-serve-logs",
                        "--pid", str(self.home / f"{name}.pid")]  # fmt: skip
        elif command[0] in ("scheduler", "triggerer"):
            command += ["--skip-serve-logs"]
            env["AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT"] = str(_free_port())
        elif command[0] == "arrears":
            self.receipts_at = f"127.0.0.1:{_free_port()}"
            door = (*command[1:-1], self.receipts_at)
            self.start(door, name=name, env=env, program=(str(Path(sys.executable).with_name("arrears")),))
            return
        self.start(tuple(command), name=name, env=env)

    def start_all(self) -> None:
        """Start every service and wait for the API."""
        for name in services():
            self.start_service(name)
        self.until(lambda: self.logs_in(SECRET), "the API")

    def workers_are_up(self) -> bool:
        """Say whether every worker answers a ping over the broker, as the health check of the compose file asks."""
        workers = [name for name, body in services().items() if body["command"][0] == "celery"]
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
    """Return a value of the compose file with its defaults taken."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", lambda found: found[1], str(value))


def _secret(name: str) -> str:
    """Make a secret up: a Fernet key is 32 bytes in base64, an address is empty, the others are any text."""
    if name.endswith("_url"):
        return ""
    return "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" if name.endswith("fernet_key") else SECRET


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


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


def databases(postgres_url: str, home: Path) -> dict[str, str]:
    """Make the databases and logins by docker/postgres.sh and return the secrets that name them."""
    passwords = home / "postgres-secrets"
    passwords.mkdir()
    for name in compose()["services"]["postgres"]["secrets"]:
        (passwords / name).write_text(SECRET, encoding="utf-8")
    server = make_url(postgres_url)
    folder = str(server.query["host"])
    env = os.environ | {"PGHOST": folder, "POSTGRES_USER": str(server.username), "ARREARS_SECRETS": str(passwords)}
    script = ["bash", ROOT / "docker" / "postgres.sh"]
    done = subprocess.run(script, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {
        "airflow_database_url": f"postgresql+psycopg2://airflow:x@/airflow?host={folder}",
        "store_owner_url": f"postgresql+psycopg://arrears_migrate:x@/arrears?host={folder}",
        "store_url": f"postgresql+psycopg://arrears_day:x@/arrears?host={folder}",
    }
