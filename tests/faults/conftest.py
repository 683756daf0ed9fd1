"""A crowd of customers, each with a message of each kind due, for tests that count what reached them."""

import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from contact_crowd import fill
from sqlalchemy import make_url

from arrears.core.runtime import Runtime


@pytest.fixture
def crowd(rt: Runtime) -> Callable[..., list[str]]:
    """Put so many people into a store, decide the given channels for each and plan them; return the contact ids."""
    return partial(fill, rt)


@pytest.fixture
def postgres_restart(postgres_url: str) -> Callable[[float], None]:
    """Stop the private cluster at once, as a machine that loses power, and start it again ``away`` seconds later."""
    home = Path(make_url(postgres_url).query["host"])
    pg_ctl = max(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda file: int(file.parts[-3]))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    options = f"-c listen_addresses='' -c unix_socket_directories='{home}' -c fsync=off -c max_connections=120"

    def call(*words: str) -> None:
        command = [*as_user, str(pg_ctl), "-D", str(home / "data"), "-w", *words]
        subprocess.run(command, cwd=home, check=True, stdout=subprocess.DEVNULL)

    def restart(away: float) -> None:
        call("-m", "immediate", "stop")
        time.sleep(away)
        call("-l", str(home / "log"), "-o", options, "start")

    return restart
