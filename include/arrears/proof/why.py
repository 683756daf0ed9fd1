"""The page 「为什么」: one account, one day, on one sheet of paper, to answer a complaint."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from arrears.core.errors import CannotTell
from arrears.ladder.policy import Policy
from arrears.legal.typesetting import render
from arrears.reports.story import tell
from arrears.reports.wording import words

TEMPLATE = "why.typ"
MOST_LINES = 14
"""So many lines a section shows before it says how many more there are: the page stays one page."""


def why_page(home: Path, story: Mapping[str, Any], policy: Policy, language: str) -> bytes:
    """Return the page as PDF/A; the same story is the same bytes.

    Raises:
        CannotTell: nothing was decided about the account on that day.
        CannotRender: a character is in no pinned font.
    """
    if story["decision"] is None:
        raise CannotTell(f"account {story['account_id']}: nothing was decided on {story['business_date']}")
    say = words(language)
    told = tell(story, say, policy.time_zone)
    data = {
        "lang": language,
        "title": say("why_page.title"),
        "creditor": policy.creditor.name if language == "zh" else policy.creditor.name_en,
        "date": story["business_date"],
        "head": told.head,
        "intro": say("why_page.intro"),
        "sections": [
            {
                "title": part.title,
                "lines": [
                    *part.lines[:MOST_LINES],
                    *([say("and_more.here", n=len(part.lines) - MOST_LINES)] if len(part.lines) > MOST_LINES else []),
                ],
            }
            for part in told.sections
            if part.title != say("story.title.followed")  # the page tells of its day
        ],
        "sources": list(told.sources),
        "proof": say("why_page.proof"),
        "command": f"arrears receipt {story['account_id']} --date {story['business_date']} --out receipt.txt",
    }
    return render(home, TEMPLATE, data, date.fromisoformat(story["business_date"]))
