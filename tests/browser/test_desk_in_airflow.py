"""The desk as people meet it: in Airflow, behind its login, in a browser."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import func, select

from arrears.approvals.in_the_way import in_the_way
from arrears.approvals.questions import request
from arrears.approvals.target import targets_of
from arrears.core.settings import Settings
from arrears.reports.behind import LISTED
from arrears.steps import runs
from arrears.steps.world import build_runtime, policy_of, shell_attempt, store_of
from arrears.store.engine import open_engine, reading, writing
from arrears.store.tables.decisions import decision
from arrears.store.tables.legal import packet
from arrears.store.tables.people import subject
from arrears.store.tables.repossession import ORDER_OPEN, approval, approval_vote, repossession_order
from arrears.store.tables.runs import run

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("/", "/legal", "/month", "/runs", "/audit", "/audit/question/9", "/policy")
SERIOUS = ("serious", "critical")
SAID = "main [role=status], main [role=alert]"
"""What a page says of a form: that it was taken, that it takes too long, or why it was refused."""


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


@pytest.fixture
def asked(up) -> dict[str, str]:
    """Two people are asked about a packet that goes to court, and about an order, which nothing keeps back."""
    rt = runs.on_its_day(build_runtime(Settings.from_environment({"ARREARS_HOME": str(up.home)}), shell_attempt("ask")))
    engine, policy, day = store_of(rt), policy_of(rt.settings), runs.rehearsed_date(rt)
    with writing(engine) as connection:
        ordered = select(repossession_order.c.account_id).where(repossession_order.c.state.in_(ORDER_OPEN))
        rows = connection.execute(
            select(packet)
            .where(packet.c.superseded_on.is_(None), packet.c.state == "ready", packet.c.account_id.not_in(ordered))
            .order_by(packet.c.account_id)
        ).all()
        held = in_the_way(connection, day, policy, "packet", [row.account_id for row in rows])
        ready = next(row for row in rows if row.account_id not in held)
        before = connection.execute(select(repossession_order).where(~repossession_order.c.imported).limit(1)).one()
        names = ("kind", "episode_due", "agency_id", "run_id")
        order = {name: getattr(before, name) for name in names} | {
            "order_id": "e" * 64, "order_no": "RO-BROWSER-0001", "account_id": ready.account_id, "ordinal": 99,
            "packet_id": ready.packet_id, "facts_sha256": ready.facts_sha256, "state": "awaiting_approval",
            "proposed_on": day, "idempotency_key": "e" * 64, "imported": False,
            "target_sha256": targets_of(connection, [ready.account_id])[ready.account_id],
        }  # fmt: skip
        connection.execute(repossession_order.insert(), order)
        return {
            kind: request(connection, rt, run_id=before.run_id, kind=kind, subject_key=subject_key,
                          facts_sha256=ready.facts_sha256, business_date=day, account_id=ready.account_id)
            for kind, subject_key in (("packet", ready.packet_id), ("order", "e" * 64))
        }  # fmt: skip


def test_a_lawyer_and_a_risk_officer_approve_a_suit_and_an_order_and_an_auditor_only_reads_who_may(up, log_in, asked):
    auditor = log_in("auditor")
    auditor.goto(f"{up.address}/arrears/legal")
    question = auditor.locator(f"#question-{asked['packet']}")
    assert "由法务、风险答复。" in question.inner_text()
    assert question.locator("form").count() == 0
    sent = auditor.request.post(
        f"{up.address}/arrears/approvals/{asked['packet']}",
        form={"decision": "approve", "note": "I may only look"},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert (sent.status, "您的登录只能查看" in sent.text()) == (403, True)
    for person in ("REH-LEGAL", "REH-RISK"):
        page = log_in(person)
        for kind, approval_id in asked.items():
            page.goto(f"{up.address}/arrears/legal")
            form = page.locator(f"#question-{approval_id} form")
            form.locator("input[name=note]").fill(f"read the papers of the {kind}")
            form.locator("button[value=approve]").click()
            page.wait_for_selector("p[role=status]")
    engine = open_engine(f"sqlite:///{up.home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        for approval_id in asked.values():
            stands = select(approval.c.state).where(approval.c.approval_id == approval_id)
            given = select(approval_vote.c.staff_id, approval_vote.c.identity).where(
                approval_vote.c.approval_id == approval_id
            )
            assert connection.execute(stands).scalar_one() == "approved"
            assert {tuple(row) for row in connection.execute(given)} == {
                ("REH-LEGAL", "airflow"), ("REH-RISK", "airflow")
            }  # fmt: skip
    engine.dispose()


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


def newest_day(up) -> str:
    engine = open_engine(f"sqlite:///{up.home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        found = connection.execute(select(func.max(decision.c.business_date))).scalar_one()
    engine.dispose()
    return str(found)


def every_page(up) -> dict[str, str]:
    """Return a path for each template that is read by an address, with what the store holds."""
    engine = open_engine(f"sqlite:///{up.home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        ref = connection.execute(
            select(subject.c.subject_ref).where(subject.c.account_id == an_account(up))
        ).scalar_one()
        run_id = connection.execute(select(run.c.run_id).where(run.c.kind == "daily").limit(1)).scalar_one()
    engine.dispose()
    return {
        "account": f"/account/{ref}?",
        "compare": f"/runs/compare?first={run_id}&second={run_id}&",
        "exceptions": f"/exceptions/{min(LISTED)}?",
        "guide": "/guide/business.md?",
        "refused": "/audit/question/99?",
        **{path: f"{path}?" for path in PAGES},
    }


def serious(page) -> list[str]:
    """Return the faults of a page that keep somebody out."""
    return [fault["id"] for fault in Axe().run(page).response["violations"] if fault["impact"] in SERIOUS]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_no_serious_fault_on_any_page(up, log_in, language):
    page = log_in("auditor")
    faults = {}
    for name, path in every_page(up).items():
        page.goto(f"{up.address}/arrears{path}lang={language}")
        assert page.locator("main").count() == 1, f"{name}: {page.inner_text('body')}"
        faults[name] = serious(page)
    page.goto(f"{up.address}/arrears/audit/question/9")
    page.fill("main input[name=on]", newest_day(up))  # of one day: axe takes minutes for the table of all days
    page.click("main button")
    page.wait_for_selector(f"main table, {SAID}")
    assert page.locator("main table").count() == 1, page.inner_text("main")
    faults["answer"] = serious(page)
    page.goto(f"{up.address}/arrears/audit")
    page.click("main button")
    page.wait_for_selector(SAID)
    assert page.locator("[role=alert]").count() == 0, page.inner_text("main")
    faults["verdict"] = serious(page)
    assert {name: found for name, found in faults.items() if found} == {}


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
