"""The documentation on the desk: what a red task names is there, with every place that is linked to."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from arrears.core.runtime import Runtime
from arrears.desk.app import Door, create_desk
from arrears.desk.guide import anchor_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))


class Read(HTMLParser):
    """Keeps what a page can be linked to and what it links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.pictures: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.names |= {str(told["id"])} if "id" in told else set()
        self.links |= {str(told["href"])} if tag == "a" else set()
        self.pictures |= {str(told["src"])} if tag == "img" else set()


@pytest.fixture
def desk(rt: Runtime) -> TestClient:
    return TestClient(create_desk(Door(lambda: "auditor", lambda: False), lambda: rt, DOCS), follow_redirects=False)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_the_documentation_is_shown_and_every_link_on_it_leads_somewhere(desk, name: str) -> None:
    page = Read(desk.get(f"/guide/{name}").text)
    inner = {link for link in page.links if not link.startswith(("http", "/", "?"))}
    for link in inner:
        target, _, place = link.partition("#")
        there = Read(desk.get(f"/guide/{target or name}").text)
        assert there.names
        assert not place or place in there.names, link
    for picture in page.pictures:
        assert desk.get(f"/guide/{picture}").headers["content-type"] == "image/png"
    assert "<script" not in desk.get(f"/guide/{name}").text


def test_a_link_to_a_file_of_the_source_is_plain_text(desk) -> None:
    text = desk.get("/guide/scale.md").text
    assert "[ADR 4](adr/" in (DOCS / "scale.md").read_text(encoding="utf-8")
    assert "ADR 4" in text
    assert "adr/" not in text


@pytest.mark.parametrize(
    "name", ["none.md", "verify.py", "..%2FREADME.md", "images", "images/none.png", "images/..%2Faudit.md"]
)
def test_nothing_else_is_handed_out(desk, name: str) -> None:
    assert desk.get(f"/guide/{name}").status_code == 404


def test_without_its_folder_there_is_no_guide_and_no_link_to_one(rt: Runtime, store) -> None:
    client = TestClient(create_desk(Door(lambda: "auditor", lambda: False), lambda: rt))
    assert client.get("/guide/operate.md").status_code == 404
    assert "/guide/" not in client.get("/audit").text


def test_a_stranger_reads_no_page_of_it(rt: Runtime) -> None:
    def nobody() -> None:
        raise HTTPException(401)

    client = TestClient(create_desk(Door(nobody, lambda: False), lambda: rt, DOCS))
    assert {client.get(f"/guide/{name}").status_code for name in ("operate.md", "images/dag.png")} == {401}


def test_headings_are_named_as_where_the_source_is_kept() -> None:
    assert anchor_of("The five DAGs, `arrears_daily` first") == "the-five-dags-arrears_daily-first"
