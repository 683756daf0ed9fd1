"""Airflow with its real pages over a store with a past, and Debian's Chromium to look at them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DAYS = 60
ACCOUNTS = 40
PATIENCE_MS = 120_000
START_SECONDS = 900
"""Airflow starts within a minute on a free machine."""


@dataclass(frozen=True)
class Up:
    """A running Airflow: where it is, who may log in, and the store behind it."""

    address: str
    passwords: dict[str, str]
    home: Path


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a store in which sixty days were rehearsed; ``LIVED_HOME`` names one that was kept."""
    if kept := os.environ.get("LIVED_HOME"):
        return Path(kept)
    home = tmp_path_factory.mktemp("up")
    env = {**os.environ, "ARREARS_HOME": str(home), "NO_COLOR": "1"}
    rehearse = ("rehearse", "--days", str(DAYS), "--accounts", str(ACCOUNTS), "--seed", "7")
    arrears = str(Path(sys.executable).with_name("arrears"))
    done = subprocess.run([arrears, *rehearse], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return home


@pytest.fixture(scope="session")
def up(lived: Path) -> Iterator[Up]:
    """`make up` on that store."""
    env = {**os.environ, "ARREARS_HOME": str(lived), "NO_COLOR": "1"}
    port = _free_port()
    log = lived / "up.log"
    with log.open("w") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "arrears.orchestration.embedded", "up", "--port", str(port), "--project", str(ROOT)],
            env=env,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        _wait(running, log)
        file = lived / "airflow-up" / "simple_auth_manager_passwords.json.generated"
        yield Up(f"http://127.0.0.1:{port}", json.loads(file.read_text(encoding="utf-8")), lived)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "login" not in log.read_text(encoding="utf-8"):
        assert running.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(1)


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(chromium), args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def log_in(up: Up, browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Log a user in through Airflow's own form and return their page; every user has a browser of their own."""
    contexts = []

    def start(user: str) -> Page:
        context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{up.address}/auth/login")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", up.passwords[user])
        page.click("button[type=submit]")
        page.wait_for_url(f"{up.address}/")
        return page

    yield start
    for context in contexts:
        context.close()
