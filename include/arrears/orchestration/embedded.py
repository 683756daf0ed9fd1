"""Airflow on one machine without set-up: one day in process (``make run``), or all of it with its pages (``make up``).

Nothing here imports Airflow before its home and settings are in the environment: Airflow reads them on import.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from arrears.cli.arguments import DateText, existing, read_date
from arrears.cli.output import notes
from arrears.core.entropy import SystemEntropy
from arrears.core.errors import ArrearsError, BadArguments, PermanentFailure
from arrears.core.keys import natural_key
from arrears.core.settings import Settings
from arrears.orchestration import processes, progress

DAG_ID = "arrears_daily"
SAMPLE_DATE = date(2026, 11, 12)
USERS = {"admin": "admin", "auditor": "viewer", "REH-LEGAL": "user", "REH-RISK": "user", "M-01": "user",
         "C-HB-3": "viewer"}  # fmt: skip
"""Who may log in on this machine, and what Airflow lets them do.

Behind the first two stand the sample's rehearsal approvers, its head of collections and one of its collectors.
"""
app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)


@app.command()
def run(
    on: DateText,
    feeds: Annotated[Path | None, typer.Option(help="folder of feeds; the built-in sample when left out")] = None,
    project: Annotated[Path, typer.Option(help="folder that holds dags/")] = Path(),
) -> None:
    """Rehearse one business date: the real DAG, in this process, with every effect on loopback."""
    day = read_date(on)
    settings = Settings.from_environment()
    folder = existing(feeds, "--feeds").absolute() if feeds else _sample(settings, day)
    _prepare(settings.home / "airflow-run", project.absolute())
    console = notes()
    with console.status("starting Airflow") as status:
        airflow_run = _run_dag(day, folder, status.update)
    raise typer.Exit(_report(settings, airflow_run))


def _sample(settings: Settings, day: date) -> Path:
    from arrears.rehearsal.portfolio import sample_feeds

    return sample_feeds(settings.home, day)


def _prepare(home: Path, project: Path) -> None:
    """Point Airflow at a home of its own and migrate its database once for each version."""
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update(airflow_environment(home, project))
    from importlib.metadata import version

    stamp = home / "migrated"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != version("apache-airflow"):
        notes().print("preparing Airflow's own database (once)")
        _airflow("db", "migrate")
        stamp.write_text(version("apache-airflow"), encoding="utf-8")


def airflow_environment(home: Path, project: Path) -> dict[str, str]:
    """Return the settings of an Airflow with a folder of its own, this project's DAGs, and no retries.

    Its tasks are forked from a process that has loaded what they need.
    """
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "0",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__SCHEDULER__MP_START_METHOD": "forkserver",
        "AIRFLOW__SCHEDULER__MP_FORKSERVER_PRELOAD": "arrears.orchestration.preload",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": os.environ.get("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _airflow(*arguments: str) -> None:
    command = [sys.executable, "-m", "airflow", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words only
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise PermanentFailure(f"airflow {' '.join(arguments)} failed: {''.join(last)}")


def _run_dag(day: date, feeds: Path, report: Callable[[str], None]) -> str:
    """Run the DAG in this process and return Airflow's run id."""
    from airflow.dag_processing.dagbag import DagBag

    with _quiet():
        found = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags
        if DAG_ID not in found:
            raise PermanentFailure(f"{DAG_ID} cannot be read: see `airflow dags list-import-errors`")
        with progress.shown_by(report):
            conf = {"business_date": day.isoformat(), "feeds": str(feeds), "rehearsal": True}
            dag_run = found[DAG_ID].test(logical_date=None, run_conf=conf)
    return str(dag_run.run_id)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Airflow's own chatter in a file: people are shown progress and the summary."""
    log = Path(os.environ["AIRFLOW_HOME"]) / "run.log"
    sys.stdout.flush()
    kept = os.dup(1)
    with log.open("a", encoding="utf-8") as handle:
        os.dup2(handle.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def _report(settings: Settings, airflow_run: str) -> int:
    """Print what the day came to and return the exit code of the command contract."""
    from arrears.cli.summary_text import print_summary
    from arrears.steps import runs, summary, world
    from arrears.steps.approvals import orders_waiting

    for reason in progress.failures():
        notes().print(f"arrears: {reason}", markup=False, soft_wrap=True)
    rt = world.build_runtime(settings, world.shell_attempt("report"))
    day = runs.run_of_origin(rt, natural_key(DAG_ID, airflow_run))
    if day is None:
        log = Path(os.environ["AIRFLOW_HOME"]) / "run.log"
        raise PermanentFailure(f"the day did not open: the reason is at the end of {log}")
    document = summary.read(rt, day)
    account = summary.an_overdue_account(rt, date.fromisoformat(document["business_date"]))
    print_summary(document, settings, orders_waiting(rt), account)
    return {"completed": 0, "held": 3}.get(document["status"], 1)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="port of the UI on loopback")] = 8080,
    project: Annotated[Path, typer.Option(help="folder that holds dags/")] = Path(),
) -> None:
    """Start Airflow with its UI on loopback: DAGs unpaused, pools imported."""
    settings = Settings.from_environment()
    home = settings.home / "airflow-up"
    address = f"http://127.0.0.1:{port}"
    _refuse_taken(port)
    _prepare(home, project.absolute())
    passwords = _passwords(home)
    os.environ.update(_ui_environment(settings, address, port, passwords["auditor"]))
    _airflow("pools", "import", str(Path(__file__).with_name("pools.json")))
    lines = _welcome(address, home, passwords, _sample(settings, SAMPLE_DATE))
    with notes().status("starting Airflow") as status:

        def ready() -> None:
            status.stop()
            notes().print(lines, markup=False, soft_wrap=True)

        processes.keep_running(port, home / "processes", ready)


def _welcome(address: str, home: Path, passwords: dict[str, str], feeds: Path) -> str:
    logins = "\n         ".join(f"{user} / {passwords[user]} ({role})" for user, role in USERS.items())
    return (
        f"Airflow  {address}\nlogin    {logins}\nlogs     {home / 'processes'}; Ctrl-C stops all\n"
        f"a day    trigger {DAG_ID} with business_date {SAMPLE_DATE}, rehearsal on, feeds {feeds}"
    )


def _refuse_taken(port: int) -> None:
    """Say so at once when somebody else has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise BadArguments(f"port {port} is taken: stop what uses it, or make up PORT=another") from None


def _ui_environment(settings: Settings, address: str, port: int, auditor: str) -> dict[str, str]:
    return {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "2",
        "ARREARS_HOME": str(settings.home),
        "ARREARS_AIRFLOW_URL": f"http://auditor:{auditor}@127.0.0.1:{port}",
    }


def _passwords(home: Path) -> dict[str, str]:
    """Return the passwords of the users, made once and readable by their owner only; Airflow reads this file."""
    file = home / "simple_auth_manager_passwords.json.generated"
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    new = {user: SystemEntropy().take(9).hex() for user in USERS if user not in found}
    if new:
        file.touch(mode=0o600)
        file.write_text(json.dumps(found | new), encoding="utf-8")
    return found | new


def main() -> None:
    """Run one of the two; exit codes are those of the command contract."""
    try:
        app()
    except ArrearsError as error:
        notes().print(f"arrears: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
