"""What `make up` starts ends with it, whatever a service left behind."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from arrears.orchestration import processes

SCHEDULER = """
import os, signal, sys, time
from pathlib import Path

worker = os.fork()
signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == "stubborn" or not worker else signal.SIG_DFL)
name = "scheduler" if worker else "worker"
Path(sys.argv[2], f"{name}.new").write_text(str(os.getpid()))
Path(sys.argv[2], f"{name}.new").rename(Path(sys.argv[2], name))
time.sleep(600)
"""


def started(folder: Path, scheduler: str) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """Start a scheduler and its worker, both ready; the worker leaves only when it is killed."""
    command = [sys.executable, "-c", SCHEDULER, scheduler, str(folder)]
    leader = subprocess.Popen(command, start_new_session=True)
    while not all((folder / name).exists() for name in ("scheduler", "worker")):
        assert leader.poll() is None
        time.sleep(0.05)
    return leader, [psutil.Process(int((folder / name).read_text())) for name in ("scheduler", "worker")]


@pytest.mark.parametrize("scheduler", ["willing", "stubborn"])
def test_a_worker_does_not_outlive_the_service_that_started_it(tmp_path: Path, monkeypatch, scheduler: str) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(processes, "LAST_WORDS_SECONDS", 0.5)
    leader, both = started(tmp_path, scheduler)
    processes.stop([leader])
    alive = [one.pid for one in both if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert alive == []
