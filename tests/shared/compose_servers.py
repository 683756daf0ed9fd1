"""The services of docker-compose.yaml as plain processes: what is started here is read from that file, not copied.

Of each Airflow service the command and every variable are those of the compose file, with this machine's values in
place of host names, folders and secrets.
"""

import os
import subprocess
import sys
from pathlib import Path

import psutil
from airflow.utils.net import get_hostname
from airflow_servers import ROOT, AirflowServers
from compose_data import at_home, free_port, kept
from compose_files import MAIN, PREPARING, compose, filled, health_words, mounts, services

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
    "SPT_NOENV": "1",
}
"""The last one lets a process that renames itself keep its environment, which is read from outside."""


class ComposeServers(AirflowServers):
    """Every service of the compose file on loopback, prepared by docker/init.sh; entered as a context.

    ``here`` holds this machine's value of each variable that the compose file leaves to whoever runs it or that names a
    host or a folder there, ``secrets`` the content of secret files; a service finds those alone that are handed to it.
    """

    def __init__(self, home: Path, here: dict[str, str], secrets: dict[str, str]) -> None:
        super().__init__(home, {})
        port = self.base.rpartition(":")[2]
        self.here = here | {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.base}/execution/"}
        self.secrets = at_home(secrets, {"airflow-apiserver": int(port)})
        self.file_of: dict[str, str] = {}
        self.begun: dict[int, str] = {}
        self.words: dict[str, list[str]] = {}
        self._ports: dict[str, str] = {"airflow-apiserver": port}
        names = ("PATH", "HOME", "LANG", "TMPDIR")
        outside = {name: os.environ[name] for name in names if name in os.environ}
        outside["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), outside["PATH"]])
        self.outside = (
            outside
            | QUIET
            | RESTARTING
            | {
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
                "AIRFLOW__API__PORT": port,
                "AIRFLOW__API__BASE_URL": self.base,
            }
        )
        self.environment = self.environment_of("airflow-worker-default")

    def environment_of(self, name: str, file: str = MAIN) -> dict[str, str]:
        """Return the variables of a service; its secrets lie in a folder of its own, as in its container."""
        body = compose(file)["services"][name]
        folder = kept(self.secrets, body["secrets"], self.home / "secrets" / file / name)
        told = {key: filled(value).replace("/run/secrets", str(folder)) for key, value in body["environment"].items()}
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

    def start_service(self, name: str, file: str = MAIN) -> None:
        """Start one service by its command in a compose file; a worker gets a name of its own, as a container has."""
        command = [str(word) for word in services(file)[name]["command"]]
        env, program = self.environment_of(name, file), (sys.executable, "-m", "airflow")
        if command[0] == "celery":
            command += ["--celery-hostname", f"celery@{name}", "--skip-serve-logs",
                        "--pid", str(self.home / f"{name}.pid")]  # fmt: skip
        elif command[0] in ("scheduler", "triggerer"):
            command += ["--skip-serve-logs"]
            self._ports[name] = env["AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT"] = str(free_port())
        elif command[0] == "arrears":
            self._ports[name] = str(free_port())
            self.receipts_at = f"127.0.0.1:{self._ports[name]}"
            command = [*command[1:-1], self.receipts_at]
            program = (str(Path(sys.executable).with_name("arrears")),)
        self.start(tuple(command), name=name, env=env, program=program)
        self.file_of[name] = file
        self.begun[self.running[name].pid] = name
        self.until(lambda: self._words_of(name), f"the command of {name}")

    def _words_of(self, name: str) -> list[str]:
        """Return the words of a process that was just begun; while the system puts the program in place it has none."""
        self.words[name] = psutil.Process(self.running[name].pid).cmdline()
        return self.words[name]

    def start_all(self) -> None:
        """Start every service and wait for the API."""
        for name in services():
            self.start_service(name)
        self.until(lambda: self.logs_in(self.secrets["admin_password"]), "the API")

    def workers_are_up(self) -> bool:
        """Say whether every worker answers a ping over the broker."""
        workers = [name for name, body in services().items() if body["command"][0] == "celery"]
        ask = ["-m", "celery", "--app", "airflow.providers.celery.executors.celery_executor.app", "inspect", "ping"]
        done = subprocess.run([sys.executable, *ask], env=self.environment, capture_output=True, text=True, check=False)
        return all(f"celery@{name}" in done.stdout for name in workers)

    def health(self, names: list[str]) -> dict[str, int]:
        """Run the health checks of services as the compose files write them, each as often as it may fail there.

        Return how each ended.
        """
        ended = dict.fromkeys(names, 1)
        for _ in range(max(services(self.file_of[name])[name]["healthcheck"]["retries"] for name in names)):
            asked = {name: self._ask_health(name) for name in names if ended[name]}
            ended |= {name: process.wait() for name, process in asked.items()}
        return ended

    def _ask_health(self, name: str) -> subprocess.Popen[bytes]:
        file, port = self.file_of[name], self._ports.get(name, "")
        body = services(file)[name]
        hostname = name if body["command"][0] == "celery" else get_hostname()
        words = health_words(body, {"8974": port, "8080": port, "13014": port})
        env = self.environment_of(name, file) | {"HOSTNAME": hostname}
        return subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_service(self, name: str) -> int:
        """Kill a service and all it started, as a machine that loses power; return how many processes died."""
        head = psutil.Process(self.running.pop(name).pid)
        family = [head, *head.children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=30)
        (self.home / f"{name}.pid").unlink(missing_ok=True)
        return len(family)
