"""Airflow's four processes under one roof: the API first, the rest once it answers, all of them stopped together.

``airflow standalone`` starts them at once, so that the first tasks fail for want of an API to report to, and serves
task logs to the whole network; here nothing listens but the API, on loopback.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn

from arrears.core.errors import PermanentFailure

API = "api-server"
OTHERS = (("scheduler", "--skip-serve-logs"), ("dag-processor",), ("triggerer", "--skip-serve-logs"))
HEALTH = "/api/v2/monitor/health"
PATIENCE_SECONDS = 300
STOP_SECONDS = 15
LAST_WORDS_SECONDS = 5
"""How long a task that is interrupted has to write down how its messages ended, as Airflow leaves it."""

Running = dict[str, subprocess.Popen[bytes]]


def keep_running(port: int, logs: Path, ready: Callable[[], None]) -> None:
    """Run Airflow until it is interrupted; ``ready`` is called when its API answers on loopback.

    Raises:
        PermanentFailure: a process ended by itself, or the API did not answer in time.
    """
    logs.mkdir(parents=True, exist_ok=True)
    running: Running = {}
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        running[API] = _start((API,), logs)
        _wait_for_api(port, running, logs)
        running |= {command[0]: _start(command, logs) for command in OTHERS}
        ready()
        while True:
            _refuse_ended(running, logs)
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        stop(running.values())


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _start(command: tuple[str, ...], logs: Path) -> subprocess.Popen[bytes]:
    with (logs / f"{command[0]}.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - fixed words only
            [sys.executable, "-m", "airflow", *command], stdout=log, stderr=log, start_new_session=True
        )


def _wait_for_api(port: int, running: Running, logs: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _answers(port):
        _refuse_ended(running, logs)
        if time.monotonic() > deadline:
            raise PermanentFailure(f"Airflow's API does not answer: the reason is at the end of {logs / API}.log")
        time.sleep(0.5)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", HEALTH)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _refuse_ended(running: Running, logs: Path) -> None:
    for name, process in running.items():
        if process.poll() is not None:
            raise PermanentFailure(f"Airflow's {name} ended by itself: the reason is at the end of {logs / name}.log")


def stop(services: Collection[subprocess.Popen[bytes]]) -> None:
    """Stop services that lead process groups of their own, and whatever they leave behind."""
    for service in services:
        service.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for service in services:
        with suppress(subprocess.TimeoutExpired):
            service.wait(max(0.1, deadline - time.monotonic()))
    for service in services:
        _end_group(service)


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    """End what is left of a group: workers of a scheduler that is killed while it waits for them live on without it."""
    for how, seconds in ((signal.SIGTERM, LAST_WORDS_SECONDS), (signal.SIGKILL, LAST_WORDS_SECONDS)):
        deadline = time.monotonic() + seconds
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, how)
            while time.monotonic() < deadline:
                leader.poll()
                os.killpg(leader.pid, 0)
                time.sleep(0.05)
