"""Render a page as HTML with inlined styles and as plain text; everything from the store is escaped."""

from dataclasses import replace
from functools import lru_cache

import css_inline
import jinja2

from arrears.core.errors import PermanentFailure
from arrears.reports.page import Page

MOST_BYTES = 100_000
"""Mail clients clip longer messages, and the checkpoint stands at the end."""


ROWS_TRIED = (20, 15, 12, 10, 8, 6, 5, 4, 3)
"""How short the tables become, step by step, until a digest fits."""

REST = {"zh": "另有 {count} 行没有列出。", "en": "{count} more rows are not listed."}


def render(page: Page) -> tuple[str, str]:
    """Return the HTML and the text of a digest; tables are cut until mail clients show its end, the checkpoint.

    Raises:
        PermanentFailure: even with the shortest tables the HTML is over 100 KB.
    """
    whole, html = page, _html(page)
    for most in ROWS_TRIED:
        if len(html.encode()) <= MOST_BYTES:
            break
        page = replace(whole, tables=[table.shortened(most, REST[page.language]) for table in whole.tables])
        html = _html(page)
    size = len(html.encode())
    if size > MOST_BYTES:
        raise PermanentFailure(f"the digest is {size:,} bytes, at most {MOST_BYTES:,} are shown by mail clients")
    return html, _templates().get_template("digest.txt.j2").render(page=page)


def _html(page: Page) -> str:
    return _inliner().inline(_templates().get_template("digest.html.j2").render(page=page))


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
