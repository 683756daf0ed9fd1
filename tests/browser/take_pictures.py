"""Take the pictures in docs/images/ anew: `make pictures`, or some of them: `make pictures ONLY=digest`.

Only those of the desk need Airflow. What people look at is looked at.
"""

import email
import email.policy
import importlib
import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Page

from arrears.rehearsal.office import LEGAL_APPROVER, RISK_APPROVER
from arrears.rehearsal.portfolio import sample_feeds
from arrears.store.artefacts import packet_folder

pytestmark = [pytest.mark.real, pytest.mark.long]

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
DESK = {"today": "/", "legal": "/legal", "month": "/month", "audit": "/audit"}
DAY = date(2026, 11, 12)
ENGLISH = """
extends: cn
layer: lender
policy_id: english
version: "1.0"
effective_from: 2026-01-31
language: en
"""
WIDTHS = (600, 1200)
TALLEST = {"desk": 1530, "digest": 1700}
"""Pixels: a longer page is shown from its top, for a picture in the docs is looked at and not scrolled."""
LARGEST = 300_000
"""Bytes of a picture."""


def take(page: Page, name: str) -> None:
    """Take the top of a page, as wide as its window, into a file of bearable size."""
    assert page.viewport_size is not None
    width, high = page.viewport_size["width"], int(page.evaluate("document.documentElement.scrollHeight"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than its window"
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": min(high, TALLEST[name.partition("-")[0]])}
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True, clip=clip)
    assert (IMAGES / f"{name}.png").stat().st_size < LARGEST, f"{name} is too large"


def pages_of(pdf: Path, name: str, dots: int, first: int = 1) -> None:
    """Draw one page of a PDF into docs/images/, in greys where colours are not needed to read it."""
    draw = ("pdftoppm", "-png", "-r", str(dots), "-f", str(first), "-l", str(first), "-singlefile")
    subprocess.run([*draw, str(pdf), str(IMAGES / name)], check=True)
    assert (IMAGES / f"{name}.png").stat().st_size < LARGEST, f"{name} is too large"


def longest_list(home: Path) -> Path:
    """Return the largest work list of a collector on the newest day that has one."""
    days = sorted(day for day in (home / "artifacts" / "worklists").iterdir() if any(day.glob("*.xlsx")))
    return max(days[-1].glob("*.xlsx"), key=lambda file: file.stat().st_size)


def digests(home: Path) -> dict[str, str]:
    """Return the newest digest of each reader by role and language."""
    found: dict[str, str] = {}
    for file in sorted((home / "sandbox" / "mail").glob("*.eml")):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        page = mail.get_body(("html",))
        text = page.get_content() if page is not None else ""
        for title, name in (
            ("催收经理日报", "manager-zh"),
            ("Collections manager", "manager-en"),
            ("法务日报", "legal-zh"),
            ("催收员日报", "collector-zh"),
        ):
            if title in text:
                found[name] = text
    return found


def test_take_the_pictures_of_the_desk(up, log_in):
    page = log_in("auditor")
    for language in ("zh", "en"):
        for name, path in DESK.items():
            page.goto(f"{up.address}/arrears{path}?lang={language}")
            assert page.locator("[role=alert]").count() == 0, f"{name}: {page.inner_text('main')}"
            take(page, f"desk-{name}-{language}")


def test_take_the_pictures_of_the_digest(lived, browser):
    pages = digests(lived)
    assert pages
    for name, text in pages.items():
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.set_content(text)
            take(page, f"digest-{name}-{width}")
            page.close()


def test_take_the_picture_of_a_work_list_as_it_is_printed(lived, tmp_path):
    assert shutil.which("soffice"), "apt-get install libreoffice-calc-nogui"
    listed = longest_list(lived)
    command = ("soffice", "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(listed))
    subprocess.run(command, check=True, capture_output=True)
    pdf = tmp_path / f"{listed.stem}.pdf"
    pages_of(pdf, "worklist-zh", 110)
    pages_of(pdf, "worklist-cards-zh", 90, first=2)


def two_pages_of(browser: Browser, pdf: Path, name: str, beside: Path, second: Path | None = None) -> None:
    """Put the first two pages of a PDF, or its first and the second of another, side by side into docs/images/."""
    for page, source in ((1, pdf), (2, second or pdf)):
        only = ("-f", str(page), "-l", str(page), "-singlefile")
        subprocess.run(["pdftoppm", "-png", "-r", "64", *only, str(source), str(beside / f"{name}-{page}")], check=True)
    drawn = sorted(beside.glob(f"{name}-*.png"))
    assert len(drawn) == 2, f"{name} has no two pages"
    shown = "".join(f'<img src="data:image/png;base64,{b64encode(one.read_bytes()).decode()}">' for one in drawn)
    sheet = browser.new_page(viewport={"width": 1058, "height": 748})
    sheet.set_content(f'<body style="margin:0;white-space:nowrap;font-size:0">{shown}</body>')
    sheet.screenshot(path=IMAGES / f"{name}.png")
    sheet.close()
    assert (IMAGES / f"{name}.png").stat().st_size < LARGEST, f"{name} is too large"


def a_packet(home: Path, state: str) -> Path:
    """Return the PDF of a packet in a state, always the same one."""
    kept = home / "artifacts"
    packets = [json.loads(file.read_bytes()) for file in (kept / "packets").rglob("manifest.json")]
    return kept / packet_folder(min(one["packet_id"] for one in packets if one["state"] == state)) / "packet.pdf"


def an_order(home: Path, kind: str, beside: Path) -> Path:
    """Return the sheet of the first order of a kind that left, as a PDF."""
    orders = [json.loads(file.read_bytes()) for file in sorted((home / "artifacts" / "orders").glob("*.json"))]
    sheet = next(one["sheet"] for one in orders if one["kind"] == kind)
    pdf = beside / f"{kind}.pdf"
    pdf.write_bytes(b64decode(sheet["base64"]))
    return pdf


def test_take_the_pictures_of_a_packet_and_an_order(lived, browser, tmp_path):
    two_pages_of(browser, a_packet(lived, "ready"), "packet-zh", tmp_path)
    two_pages_of(browser, an_order(lived, "recover", tmp_path), "order-zh", tmp_path)


@pytest.fixture
def english(tmp_path: Path) -> Path:
    """The home of the sample's day under a lender who reads English, with an order to search that has left."""
    policy = tmp_path / "english.yaml"
    policy.write_text(ENGLISH, encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    env = {**os.environ, "ARREARS_HOME": str(home), "ARREARS_POLICY": str(policy), "NO_COLOR": "1"}

    def arrears(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("arrears")), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    arrears("run", "--date", str(DAY), "--feeds", str(sample_feeds(home, DAY)), "--rehearsal", "--json")
    waiting = json.loads(arrears("approvals", "list", "--json"))
    search = next(one["number"] for one in waiting if one["order_kind"] == "locate")
    for person in (LEGAL_APPROVER, RISK_APPROVER):
        arrears("approvals", "approve", search, "--as", person, "--note", "packet read")
    arrears("dispatch", "--rehearsal", "--at", f"{DAY}T10:15:00+08:00")
    return home


def test_take_the_pictures_of_a_packet_and_of_orders_in_english(english, browser, tmp_path):
    two_pages_of(browser, a_packet(english, "draft"), "packet-en", tmp_path)
    search, recover = (an_order(english, kind, tmp_path) for kind in ("locate", "recover"))
    two_pages_of(browser, search, "order-en", tmp_path, recover)


def test_take_the_picture_of_the_data_path_at_all_sizes(browser: Browser, monkeypatch: pytest.MonkeyPatch):
    bench = IMAGES.parents[1] / "tests" / "bench"
    monkeypatch.syspath_prepend(str(bench))
    draw = importlib.import_module("scaling_plot").draw
    found = json.loads((bench / "found" / "data-path.json").read_text(encoding="utf-8"))
    page = browser.new_page(viewport={"width": 720, "height": 420})
    page.set_content(f"<style>body {{ margin: 0 }}</style>{draw(found['sizes'])}")
    page.screenshot(path=IMAGES / "data-path.png")
    page.close()
