"""The auditor in Airflow itself, behind FAB's login: every page and log is read, and every write is refused."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from arrears.audit.user_actions import copy_actions
from arrears.audit.user_actions_http import AirflowLog
from arrears.core.runtime import Runtime
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_pending

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
DAG = "arrears_assurance"
PASSWORD = "made up for this test"
READ = (
    "/api/v2/dags", f"/api/v2/dags/{DAG}/details", f"/api/v2/dags/{DAG}/dagRuns", f"/api/v2/dags/{DAG}/dagVersions",
    "/api/v2/dags/~/dagRuns/~/taskInstances", "/api/v2/eventLogs", "/api/v2/assets", "/api/v2/assets/events",
    f"/api/v2/dagSources/{DAG}", "/api/v2/importErrors", "/api/v2/dags/~/dagRuns/~/hitlDetails", "/api/v2/plugins",
    "/arrears/", "/arrears/runs", "/arrears/legal", "/arrears/audit",
)  # fmt: skip
SECRETS = ("/api/v2/connections", "/api/v2/variables", "/api/v2/config", "/auth/fab/v1/users", "/auth/fab/v1/roles")
OWN = ("/favorite", "/unfavorite")
"""A bookmark of one's own pages."""
LISTS = ("/dagRuns/list", "/taskInstances/list")
"""Questions that are asked with POST because they are long."""
BULK = {"actions": [{"action": "delete", "entities": ["x"]}]}
ADD_USERS = """
import sys
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
with get_application_builder() as builder:
    for name, role in (("admin", "Admin"), ("auditor", "Arrears auditor")):
        assert builder.sm.add_user(name, name, name, f"{name}@localhost", builder.sm.find_role(role), sys.argv[1])
"""


@dataclass(frozen=True)
class Airflow:
    """An API server behind FAB's login."""

    url: str

    def as_user(self, name: str) -> httpx.Client:
        token = httpx.post(f"{self.url}/auth/token", json={"username": name, "password": PASSWORD}, timeout=60)
        assert token.status_code == 201, token.text
        bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
        return httpx.Client(base_url=self.url, headers=bearer, timeout=60)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp("airflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__AUTH_MANAGER": FAB, "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API__HOST": "127.0.0.1", "AIRFLOW__API__PORT": str(port), "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}", "ARREARS_HOME": str(home / "var"),
    }  # fmt: skip

    bin_ = Path(sys.executable).parent
    environment["PATH"] = f"{bin_}:{environment['PATH']}"

    def call(*command: str, typed: str = "") -> None:
        """Run a command without a terminal, so that what it asks for is read from ``typed``."""
        done = subprocess.run(command, env=environment, cwd=home, input=typed, capture_output=True, text=True,
                              check=False, start_new_session=True)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    call(str(bin_ / "airflow"), "db", "migrate")
    call(str(bin_ / "arrears"), "init")
    call("bash", "-euc", _block_of_roles(), typed=f"{PASSWORD}\n{PASSWORD}\n")
    call(sys.executable, "-c", ADD_USERS, PASSWORD)
    call(str(bin_ / "airflow"), "dags", "reserialize")
    with (home / "api.log").open("wb") as log:
        server = subprocess.Popen([bin_ / "airflow", "api-server"], env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/api/v2/version", server, home / "api.log")
            yield Airflow(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(30)


def _block_of_roles() -> str:
    """Return the commands with which docs/audit.md brings the auditor's role in, and makes the user lin."""
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(next(block for block in blocks if "airflow roles import" in block))


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    pytest.fail(log.read_text(), pytrace=False)


@pytest.fixture(scope="module")
def run_id(airflow: Airflow) -> str:
    """A run that the administrator triggered."""
    with airflow.as_user("admin") as admin:
        started = admin.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, "note": "about +8613900000001"})
        assert started.status_code == 200, started.text
        return str(started.json()["dag_run_id"])


def test_the_auditor_reads_runs_logs_events_and_our_pages(airflow: Airflow, run_id: str) -> None:
    with airflow.as_user("auditor") as auditor:
        pages = (*READ, f"/api/v2/dags/{DAG}/dagRuns/{run_id}", f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances")
        assert {page: auditor.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)
        log = auditor.get(f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/verify_log/logs/1")
        assert log.status_code == 404  # nothing has run yet: it may be asked for, and there is none
        assert {page: auditor.get(page).status_code for page in SECRETS} == dict.fromkeys(SECRETS, 403)


def test_the_user_made_as_the_page_says_is_an_auditor(airflow: Airflow) -> None:
    with airflow.as_user("lin") as lin:
        assert lin.get(f"/api/v2/dags/{DAG}/details").status_code == 200
        assert lin.get("/api/v2/connections").status_code == 403


def writes(airflow: Airflow, auditor: httpx.Client, run_id: str, backfill: str) -> Iterator[tuple[str, str]]:
    """Yield every method and path of Airflow's API that is not a GET, its places filled with what is there."""
    token = auditor.get(f"/api/v2/dags/{DAG}").json()["file_token"]
    there = {"dag_id": DAG, "dag_run_id": run_id, "task_id": "verify_log", "map_index": "-1",
             "pool_name": "default_pool", "file_token": token, "backfill_id": backfill}  # fmt: skip
    for path, operations in httpx.get(f"{airflow.url}/openapi.json", timeout=60).json()["paths"].items():
        for method in operations.keys() - {"get", "head", "options"}:
            filled = path
            for name in (piece.split("}")[0] for piece in path.split("{")[1:]):
                filled = filled.replace(f"{{{name}}}", there.get(name, "1"))
            if not filled.endswith((*OWN, *LISTS)):
                yield method, filled


def test_every_write_of_the_auditor_is_refused(airflow: Airflow, run_id: str) -> None:
    with airflow.as_user("admin") as admin, airflow.as_user("auditor") as auditor:
        asked = {"dag_id": DAG, "from_date": "2026-11-10T00:00:00Z", "to_date": "2026-11-11T23:00:00Z"}
        backfill = admin.post("/api/v2/backfills", json=asked)
        assert backfill.status_code == 200, backfill.text
        answers: dict[str, Any] = {}
        for method, path in writes(airflow, auditor, run_id, str(backfill.json()["id"])):
            body = {"/clearDagRuns": {"dag_runs": [{"dag_id": DAG, "dag_run_id": run_id}]},
                    "/enqueue-test": {"connection_id": "x", "conn_type": "http"}}  # fmt: skip
            sent = next((said for end, said in body.items() if path.endswith(end)), BULK if method == "patch" else {})
            answers[f"{method} {path}"] = auditor.request(method, path, json=sent).status_code
        assert len(answers) > 45
        assert {what: code for what, code in answers.items() if code != 403} == {}
        assert admin.get(f"/api/v2/dags/{DAG}/dagRuns/{run_id}").json()["state"] == "queued"


def test_what_users_did_is_read_with_the_auditors_own_login(
    airflow: Airflow, run_id: str, rt: Runtime, store: Any
) -> None:
    address = airflow.url.replace("http://", f"http://auditor:{PASSWORD.replace(' ', '%20')}@")
    assert copy_actions(rt, store, "assurance-1", date(2026, 11, 12), AirflowLog(address).since(None)) > 0
    with reading(store) as connection:
        told = b"\n".join(bytes(body) for body in connection.execute(audit_pending.select()).scalars("body"))
    assert b'"trigger_dag_run"' in told
    assert b'"airflow:admin"' in told
    assert run_id.encode() in told
    assert b"13900000001" not in told
