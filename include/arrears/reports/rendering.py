"""Render a page as HTML with inlined styles and as plain text; everything from the store is escaped."""

import logging
import re
from dataclasses import replace
from functools import lru_cache
from itertools import product

import css_inline
import jinja2

from arrears.core.errors import PermanentFailure
from arrears.reports.page import Page
from arrears.reports.wording import words

LOG = logging.getLogger(__name__)

MOST_BYTES = 100_000
"""Mail clients clip longer messages, and the checkpoint stands at the end."""

CUT_FROM = 80_000
"""A digest that comes near the most has its tables cut: what mail servers add on the way must fit too."""

ROWS_TRIED = (20, 15, 12, 10, 8, 6, 5, 4, 3)
"""How short the tables become, step by step, until a digest fits."""

INLINED = re.compile(r'(<\w+) class="(?!half)[^"]*"')
"""Names of styles that stand in each element already; only the one that a narrow window changes is kept."""


def render(page: Page) -> tuple[str, str]:
    """Return the HTML and the text of a digest; the tables of a long one are cut, and say where the other rows are.

    What comes last is cut first, and no more blocks than must be; the first screen stays whole as long as it can.

    One that is too long even so shows its first block and says that the others are left out; the log tells it too.

    Raises:
        PermanentFailure: even its first block alone is too long: mail clients would not show its end, the checkpoint.
    """
    html = _html(page)
    if not _fits(html):
        page, html = _cut(page)
    if len(html.encode()) > MOST_BYTES:
        page = _first_screen(page)
        html = _html(page)
    if (size := len(html.encode())) > MOST_BYTES:
        raise PermanentFailure(f"the digest is {size:,} bytes, at most {MOST_BYTES:,} are shown by mail clients")
    return html, _templates().get_template("digest.txt.j2").render(page=page)


def _cut(whole: Page) -> tuple[Page, str]:
    for kept, most in product((0, -1), ROWS_TRIED):
        if not _fits(_html(whole.shortened(most, kept))):
            continue
        for after in range(len(whole.blocks) - 1, kept - 1, -1):
            page = whole.shortened(most, after)
            if _fits(html := _html(page)):
                return page, html
    shortest = whole.shortened(ROWS_TRIED[-1], -1)
    return shortest, _html(shortest)


def _first_screen(page: Page) -> Page:
    LOG.error("a digest of %s blocks is too long even with short tables: the first alone is sent", len(page.blocks))
    return replace(page, blocks=page.blocks[:1], notices=[*page.notices, words(page.language)("notice.too_long")])


def _fits(html: str) -> bool:
    return len(html.encode()) <= CUT_FROM


def _html(page: Page) -> str:
    html = _inliner().inline(_templates().get_template("digest.html.j2").render(page=page))
    return INLINED.sub(r"\1", html)


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("arrears.reports", "templates"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(keep_style_tags=False, load_remote_stylesheets=False, minify_css=True)
