"""PostgreSQL and Redis of the compose file as Debian's programs on loopback, with secrets as `make env` draws them.

The server is begun as the official image begins it: its own words for initdb and for the server, passwords by
scram-sha-256 for whoever comes over TCP, and docker/postgres.sh over the socket. Only what a test need not keep is not
flushed.
"""

import os
import re
import runpy
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose_files import ROOT, compose, filled, health_words


def drawn() -> dict[str, str]:
    """Return new secrets, each by the name of its file."""
    found: dict[str, str] = runpy.run_path(str(ROOT / "docker" / "new_env.py"))["draw"]()
    return found


def at_home(secrets: dict[str, str], ports: dict[str, int]) -> dict[str, str]:
    """Return the secrets with this machine's ports in place of the hosts of the compose file."""
    found = secrets
    for host, port in ports.items():
        told = re.compile(rf"@{host}(:\d+)?(?=/|$)")
        found = {name: told.sub(f"@127.0.0.1:{port}", text) for name, text in found.items()}
    return found


def kept(secrets: dict[str, str], names: list[str], folder: Path) -> Path:
    """Write the secrets that a service is handed into a folder of its own, as its container has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(secrets[name], encoding="utf-8")
    return folder


@contextmanager
def postgres(programs: Path, secrets: dict[str, str], home: Path) -> Iterator[int]:
    """Run the database server of the compose file with both databases and all logins; yield its port."""
    body = compose()["services"]["postgres"]
    place = Path(tempfile.mkdtemp(prefix="arrears-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(place, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    user, port = body["environment"]["POSTGRES_USER"], free_port()
    password = place / "password"
    password.write_text(secrets["postgres_password"], encoding="utf-8")
    password.chmod(0o644)

    def call(program: str, *words: str) -> None:
        command = [*as_user, str(programs / program), "-D", str(place / "data"), *words]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    here = f"listen_addresses=127.0.0.1 port={port} unix_socket_directories={place} fsync=off".split()
    told = [filled(word) for word in body["command"][1:]] + [word for one in here for word in ("-c", one)]
    try:
        call("initdb", *shlex.split(body["environment"]["POSTGRES_INITDB_ARGS"]), f"--username={user}",
             f"--pwfile={password}", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")  # fmt: skip
        call("pg_ctl", "-l", str(place / "log"), "-o", shlex.join(told), "-w", "start")
        try:
            passwords = kept(secrets, body["secrets"], home / "secrets" / "postgres")
            env = os.environ | {"PGHOST": str(place), "PGPORT": str(port), "POSTGRES_USER": user,
                                "ARREARS_SECRETS": str(passwords)}  # fmt: skip
            script = ["bash", str(ROOT / "docker" / "postgres.sh")]
            done = subprocess.run(script, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            yield port
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def redis(program: Path, secrets: dict[str, str], home: Path) -> Iterator[int]:
    """Run the broker by its command in the compose file; yield its port."""
    body, port = compose()["services"]["redis"], free_port()
    folder = kept(secrets, body["secrets"], home / "secrets" / "redis")
    *shell, command = [word.replace("$$", "$").replace("/run/secrets", str(folder)) for word in body["command"]]
    command += f" --port {port} --bind 127.0.0.1 --dir {shlex.quote(str(home))}"
    env = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    with (home / "redis.log").open("ab") as log:
        process = subprocess.Popen([*shell, command], stdout=log, stderr=log, env=env)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def is_well(name: str, port: int, home: Path) -> int:
    """Return the exit code of the health check of database or broker."""
    at = {"/run/secrets": str(home / "secrets" / name), "redis-cli": f"redis-cli -p {port}"}
    words = health_words(compose()["services"][name], at)
    env = os.environ | {"PGHOST": "127.0.0.1", "PGPORT": str(port)}
    return subprocess.run(words, env=env, capture_output=True, check=False).returncode


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])
