"""The desk as people meet it: in Airflow, behind its login, in a browser."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import select

from arrears.store.engine import open_engine, reading, writing
from arrears.store.tables.decisions import decision
from arrears.store.tables.people import subject
from arrears.store.tables.repossession import approval, approval_vote

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("/", "/legal", "/month", "/runs", "/audit", "/audit/question/9", "/policy")
SERIOUS = ("serious", "critical")


def an_account(up) -> str:
    engine = open_engine(f"sqlite:///{up.home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        query = select(decision.c.account_id).where(decision.c.stage > 0).order_by(decision.c.business_date.desc())
        found = connection.execute(query.limit(1)).scalar_one()
    engine.dispose()
    return str(found)


def test_the_desk_stands_in_airflows_own_navigation(up, log_in):
    page = log_in("admin")
    page.goto(f"{up.address}/plugin/arrears")
    heading = page.frame_locator("iframe").locator("h1")
    heading.wait_for()
    assert "完成" in heading.inner_text()


def test_an_auditor_finds_an_account_and_checks_its_receipt_without_us(up, log_in, tmp_path):
    page = log_in("auditor")
    page.goto(f"{up.address}/arrears/")
    page.fill("input[name=account]", account := an_account(up))
    page.click("header button")
    page.wait_for_selector("h1")
    assert account in page.inner_text("h1")
    assert account not in page.url
    with page.expect_download() as waiting:
        page.click("a[href*='/receipt/']")
    receipt = tmp_path / "receipt.txt"
    waiting.value.save_as(receipt)
    keys = subprocess.run(
        [str(Path(sys.executable).with_name("arrears")), "keys", "show"],
        env=os.environ | {"ARREARS_HOME": str(up.home)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    vkeys = tmp_path / "vkey.txt"
    vkeys.write_text("\n".join(re.findall(r"\S+\+[0-9a-f]{8}\+\S+", keys.stdout)) + "\n", encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-I", str(ROOT / "docs" / "verify.py"), str(receipt), "--vkey", str(vkeys)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_approval_is_given_in_the_browser_and_an_auditor_is_refused(up, log_in):
    engine = open_engine(f"sqlite:///{up.home / 'arrears.sqlite'}")
    with writing(engine) as connection:
        one = connection.execute(select(approval).where(approval.c.kind == "order").limit(1)).one()
        row = dict(one._mapping) | {
            "approval_id": "f" * 64, "kind": "attestation", "subject_key": "0" * 64, "account_id": None, "ordinal": 1,
            "facts_sha256": "0" * 64, "state": "open", "decided_at": None, "expires_on": None,
        }  # fmt: skip
        connection.execute(approval.insert(), {name: value for name, value in row.items() if name in approval.c})
    auditor = log_in("auditor")
    auditor.goto(f"{up.address}/arrears/legal")
    form = auditor.locator(f"form[action$='/approvals/{'f' * 64}']")
    form.locator("input[name=note]").fill("I may only look")
    with auditor.expect_response(lambda answer: "/approvals/" in answer.url) as refused:
        form.locator("button[value=approve]").click()
    assert refused.value.status == 403
    legal = log_in("REH-LEGAL")
    legal.goto(f"{up.address}/arrears/legal")
    form = legal.locator(f"form[action$='/approvals/{'f' * 64}']")
    form.locator("input[name=note]").fill("looked at both statements")
    form.locator("button[value=approve]").click()
    legal.wait_for_selector("p[role=status]")
    with reading(engine) as connection:
        votes = connection.execute(select(approval_vote).where(approval_vote.c.approval_id == "f" * 64)).all()
    engine.dispose()
    assert [(vote.staff_id, vote.identity) for vote in votes] == [("REH-LEGAL", "airflow")]


def test_a_stranger_is_refused_on_every_page(up):
    engine = open_engine(f"sqlite:///{up.home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        ref = connection.execute(select(subject.c.subject_ref).limit(1)).scalar_one()
    engine.dispose()
    for path in (*PAGES, "/style.css", f"/account/{ref}", f"/account/{ref}/receipt/2026-12-01"):
        assert httpx.get(f"{up.address}/arrears{path}").status_code == 401, path
    for path in ("/search", "/audit/verify", "/approvals/x"):
        answer = httpx.post(
            f"{up.address}/arrears{path}", data={"account": "x"}, headers={"sec-fetch-site": "same-origin"}
        )
        assert answer.status_code == 401, path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_no_serious_fault_on_any_page(up, log_in, language):
    page = log_in("auditor")
    for path in PAGES:
        page.goto(f"{up.address}/arrears{path}?lang={language}")
        found = Axe().run(page).response["violations"]
        assert [(path, fault["id"]) for fault in found if fault["impact"] in SERIOUS] == []


@pytest.mark.parametrize("width", [600, 1200])
def test_no_page_is_wider_than_the_window(up, log_in, width):
    page = log_in("auditor")
    page.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        page.goto(f"{up.address}/arrears{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


LONG = """cell => {
    const name = "Wolfeschlegelsteinhausenbergerdorff ".repeat(2);
    cell.textContent = cell.classList.contains("number") ? "9,999,999,999" : name;
}"""


def test_no_page_is_wider_than_the_window_however_long_names_and_figures_are(up, log_in):
    page = log_in("auditor")
    page.set_viewport_size({"width": 600, "height": 900})
    for path in PAGES:
        page.goto(f"{up.address}/arrears{path}")
        page.evaluate(f"document.querySelectorAll('td:not(.bar), h1').forEach({LONG})")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], path
