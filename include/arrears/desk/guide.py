"""The documentation for whoever is logged in: the runbook that a red task names, what the figures mean."""

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from arrears.core.errors import CannotTell

PAGE = re.compile(r"[a-z-]+(\.zh)?\.md")
PICTURE = re.compile(r"[a-z0-9-]+\.png")
REACHED = re.compile(rf"({PAGE.pattern})?(#.*)?|https?://.*")
"""What a link of a page may lead to from here; the others name files of the source, which are not handed out."""


def guide(docs: Path | None, name: str) -> dict[str, Any]:
    """Return a page of the documentation as HTML; every heading can be linked to, as where the source is shown.

    Raises:
        CannotTell: the documentation is not here, or has no such page.
    """
    if docs is None or not PAGE.fullmatch(name) or not (docs / name).is_file():
        raise CannotTell("no such page")
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse((docs / name).read_text(encoding="utf-8"))
    _name_headings(tokens)
    for token in tokens:
        _keep_within_reach(token.children or [])
    return {"text": reader.renderer.render(tokens, reader.options, {})}


def picture(docs: Path | None, name: str) -> Path:
    """Return the file of a picture of the documentation.

    Raises:
        CannotTell: there is none of that name.
    """
    if docs is None or not PICTURE.fullmatch(name) or not (docs / "images" / name).is_file():
        raise CannotTell("no such picture")
    return docs / "images" / name


def anchor_of(title: str) -> str:
    """Return the name of a heading in links, as the places where source is kept make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def _name_headings(tokens: list[Token]) -> None:
    for opening, inner in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(inner.content))


def _keep_within_reach(inline: Iterable[Token]) -> None:
    """Let a link that leads nowhere from here be plain text."""
    foreign = False
    for token in inline:
        if token.type == "link_open":
            foreign = not REACHED.fullmatch(str(token.attrGet("href")))
        if foreign and token.type in ("link_open", "link_close"):
            token.tag, token.attrs = "span", {}
