"""Take the pictures in docs/images/ anew: `make pictures`. What people look at is looked at."""

import email
import email.policy
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, Page

pytestmark = [pytest.mark.real, pytest.mark.long]

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
DESK = {"today": "/", "legal": "/legal", "month": "/month", "audit": "/audit"}
WIDTHS = (600, 1200)
TALLEST = {"desk": 1530, "digest": 1800}
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
        ):
            if title in text:
                found[name] = text
    return found


def test_take_the_pictures_of_the_desk(up, log_in):
    page = log_in("auditor")
    for language in ("zh", "en"):
        for name, path in DESK.items():
            page.goto(f"{up.address}/arrears{path}?lang={language}")
            take(page, f"desk-{name}-{language}")


def test_take_the_pictures_of_the_digest(up, browser):
    pages = digests(up.home)
    assert pages
    for name, text in pages.items():
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.set_content(text)
            take(page, f"digest-{name}-{width}")
            page.close()
