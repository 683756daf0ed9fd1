"""The desk: nobody without a login, nothing about people in an address, and it only reads."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient
from starlette.routing import Route

from arrears.core.settings import Settings
from arrears.desk.app import create_desk
from arrears.rehearsal.portfolio import sample_feeds
from arrears.steps.world import build_runtime, shell_attempt

DAY = date(2026, 11, 12)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("desk")
    words = ("run", "--date", DAY.isoformat(), "--feeds", str(sample_feeds(home, DAY)), "--rehearsal", "--json")
    env = {**os.environ, "ARREARS_HOME": str(home)}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("arrears")), *words], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    (home / "summary.json").write_text(done.stdout, encoding="utf-8")
    return home


def desk(home: Path, login) -> TestClient:
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    app = create_desk(login, lambda: build_runtime(settings, shell_attempt("desk")))
    return TestClient(app, follow_redirects=False)


def somebody() -> str:
    return "auditor"


def nobody() -> None:
    raise HTTPException(401)


def test_every_route_refuses_a_stranger(home: Path):
    client = desk(home, nobody)
    routes = [route for route in client.app.routes if isinstance(route, Route)]
    assert len(routes) >= 8
    for route in routes:
        address = route.path.replace("{subject_ref}", "x").replace("{business_date}", "2026-11-12")
        for method in route.methods - {"HEAD"}:
            assert client.request(method, address, data={"account": "A00001"}).status_code == 401, address


def test_today_shows_the_figures_of_the_summary(home: Path):
    summary = json.loads((home / "summary.json").read_text(encoding="utf-8"))
    page = desk(home, somebody).get("/").text
    assert summary["run_id"] in page
    assert f">{summary['date_totals']['planned']}<" in page


def test_an_account_is_found_by_its_number_and_shown_under_its_random_name(home: Path):
    client = desk(home, somebody)
    found = client.post("/search", data={"account": "A00099"})
    assert found.status_code == 303
    assert "A00099" not in found.headers["location"]
    page = client.get(found.headers["location"])
    assert page.status_code == 200
    assert "evidence_missing" in page.text
    receipt = client.get(found.headers["location"] + f"/receipt/{DAY}")
    assert receipt.text.startswith("c2sp.org/tlog-proof@v1")


def test_an_unknown_account_is_said_to_be_unknown(home: Path):
    client = desk(home, somebody)
    assert client.post("/search", data={"account": "nobody"}).headers["location"] == "/?unknown=1"
    assert client.get("/account/00000000-0000-4000-8000-000000000000").status_code == 404


def test_pages_carry_no_script_and_no_outside_address(home: Path):
    client = desk(home, somebody)
    for address in ("/", "/runs", "/legal", "/audit"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text
        assert "http" not in answer.text.replace("http-equiv", "")
