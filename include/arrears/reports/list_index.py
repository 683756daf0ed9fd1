"""The page in front of a day's work lists: whose list is which file, for whoever opens the shared folder."""

from collections.abc import Iterable
from datetime import date
from html import escape
from typing import NamedTuple

from arrears.reports.wording import Words


class Entry(NamedTuple):
    """One list of the folder."""

    name: str
    file: str
    contacts: int


def list_index(entries: Iterable[Entry], business_date: date, say: Words, warning: str = "") -> bytes:
    """Return the page as HTML: a line for each list with its owner, its contacts and a link, below a warning."""
    lines = "".join(
        f'<tr><td><a href="{escape(one.file)}">{escape(one.name)}</a></td><td align="right">{one.contacts:,}</td></tr>'
        for one in sorted(entries)
    )
    title = escape(say("sheet.index", date=business_date.isoformat()))
    language = "zh-CN" if say.language == "zh" else "en"
    head = f"<tr><th align=left>{escape(say('column.staff'))}</th><th>{escape(say('column.count'))}</th></tr>"
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="font: 16px/1.6 sans-serif; margin: 24px"><h1 style="font-size: 20px">{title}</h1>'
        f"{f'<p><b>{escape(warning)}</b></p>' if warning else ''}"
        f'<table cellpadding="6">{head}{lines}</table></body></html>'
    ).encode()
