"""Tell an auditor's answer in the reader's words: the question, the codes of its columns, and the phrases of the views.

The views speak English and codes, so that a query or the command gives the same on every day; a page speaks to people.
"""

from typing import Any

from arrears.desk.phrases import phrase
from arrears.proof.ask import numbered
from arrears.reports.wording import Words

LONGEST = 300
"""So many characters of a cell a page shows: a policy or a set of facts in every row makes a page of megabytes."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "step": ("step",), "channel": ("channel",), "audience": ("audience",), "tone": ("tone",), "lane": ("lane",),
    "state": ("contact_state", "approval_state"), "answer": ("approval_state",),
    "outcome": ("contact_state", "outcome"),
    "kind": ("approval", "run_kind", "control", "order_kind", "case_kind"),
    "asked": ("approval",), "role": ("role",), "identity": ("identity",),
    "decision": ("vote",), "status": ("run_status",), "type": ("event",), "feed": ("feed",), "gate": ("gate",),
    "receipt": ("evidence",), "rung": ("rung",), "remedy": ("chosen",),
}  # fmt: skip
"""In which words the codes of a column are told."""

REASONS = ("reason", "why")
"""Columns of reasons why something was not done."""

DETAILS = {
    "contact": "contact_state", "outcome": "outcome", "promise": "promise_state", "hold": "hold", "packet": "packet",
    "order": "order", "case": "case_state",
}  # fmt: skip
"""What ``detail`` holds, by the first word of ``what``."""

YES_OR_NO = ("receipt_counts", "rehearsal", "plan_only", "passed", "released")


def title_of(number: int, say: Words) -> str:
    """Return a question as the reader's language asks it."""
    return say.label("question", number)


def titles(say: Words) -> list[tuple[int, str]]:
    """Return every question with its number."""
    return [(number, title_of(number, say)) for number in sorted(numbered())]


def told(row: dict[str, Any], say: Words) -> list[str]:
    """Return the cells of one row in words; what has none is shown as it is stored."""
    return [short(_told(row, column, cell, say)) for column, cell in row.items()]


def short(cell: Any) -> str:
    """Return a cell as text, cut to what a page shows."""
    text = "" if cell is None else str(cell)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _told(row: dict[str, Any], column: str, cell: Any, say: Words) -> Any:
    if column in YES_OR_NO and cell is not None:
        return say("desk.yes") if cell else say("desk.no")
    if not isinstance(cell, str):
        return cell
    if column == "roles":
        return say("list_mark").join(say.label("role", one) for one in cell.split(";") if one)
    return told_code(row, column, cell, say) or phrase("phrase", cell, say) or cell


def told_code(row: dict[str, Any], column: str, cell: str, say: Words) -> str | None:
    """Return the word for the code in a column; None for what is no code."""
    families = FAMILIES.get(column, ())
    if column == "detail" and (family := DETAILS.get(str(row.get("what", "")).partition(" ")[0])):
        families = (family,)
    for family in families:
        if say.knows(family, cell):
            return say.label(family, cell)
    if column in REASONS and say("unknown") not in (word := say.reason(cell)):
        return word
    return None
