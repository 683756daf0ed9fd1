"""The auditor's room: checkpoints, verification on the spot, and the questions."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from arrears.audit.access import record_access
from arrears.audit.checkpoint import known_keys
from arrears.audit.log import last_checkpoint
from arrears.audit.verify import kept_beside, verify_store
from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Runtime
from arrears.desk.accounts import subject_of
from arrears.desk.reach import refuse_part
from arrears.proof.ask import Answer, ask, numbered
from arrears.reports.wording import Words
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.audit import audit_checkpoint

RECENT = 60
SHOWN = 500
PATIENCE_S = 5.0
LONGEST = 300
"""So many characters of a cell a page shows: a policy or a set of facts in every row makes a page of megabytes."""

FAMILIES = {
    "step": "step", "channel": "channel", "audience": "audience", "tone": "tone", "lane": "lane",
    "state": "contact_state", "outcome": "contact_state", "kind": "approval", "role": "role",
    "identity": "identity", "decision": "vote", "status": "run_status", "type": "event", "feed": "feed",
    "gate": "gate", "reason": "reason", "why": "reason",
}  # fmt: skip
"""In which words the codes of a column are told."""


@dataclass(frozen=True)
class Asked:
    """A question with what narrows it down; empty text means no narrowing."""

    number: int
    account: str = ""
    on: str = ""
    run: str = ""


def audit(rt: Runtime) -> dict[str, Any]:
    """Return the newest signed checkpoint, those before it, and the list of questions."""
    columns = (audit_checkpoint.c.size, audit_checkpoint.c.root, audit_checkpoint.c.created_at)
    with reading(existing_store(rt)) as connection:
        head = last_checkpoint(connection)
        earlier = connection.execute(select(*columns).order_by(audit_checkpoint.c.size.desc()).limit(RECENT)).all()
    questions = [(number, text) for number, (_view, text) in sorted(numbered().items())]
    return {"checkpoint": head.note if head else "", "earlier": earlier, "questions": questions, "verdict": None}


def verify(rt: Runtime) -> dict[str, Any]:
    """Return the page with the verdict of a verification made now."""
    verdict = verify_store(existing_store(rt), None, known_keys(rt.settings) or None, kept_beside(rt.settings))
    return audit(rt) | {"verdict": verdict}


def question(rt: Runtime, asked: Asked, user: str, say: Words) -> dict[str, Any]:
    """Return the answer to one question, at most so many rows as a page holds; the look is recorded.

    Columns and codes are told in the reader's words; the command prints them as they are stored.

    Raises:
        BadArguments: no such question, or it cannot be narrowed like that.
        BadInput: the date cannot be read.
    """
    engine = existing_store(rt)
    try:
        day = date.fromisoformat(asked.on) if asked.on else None
    except ValueError:
        raise BadInput("the date is written as YYYY-MM-DD") from None
    ref = _within_reach(rt, asked, user)
    found: Answer = ask(
        engine, asked.number, account_id=asked.account or None, on=day, run_id=asked.run or None, limit=SHOWN + 1,
        seconds=PATIENCE_S,
    )  # fmt: skip
    record_access(rt, engine, "asked", actor=user, subject_ref=ref, business_date=day, data={"question": asked.number})
    return {
        "asked": asked,
        "text": found.question,
        "answer": found,
        "rows": [
            [_short(_told(say, name, cell)) for name, cell in zip(found.columns, row, strict=True)]
            for row in found.rows[:SHOWN]
        ],
        "more": SHOWN if len(found.rows) > SHOWN else 0,
        "cut": any(len(str(cell)) > LONGEST for row in found.rows[:SHOWN] for cell in row),
    }


def _within_reach(rt: Runtime, asked: Asked, user: str) -> str | None:
    """Return the random name of the account that is asked about, if it is about one the user may see."""
    ref = subject_of(rt, asked.account, user) if asked.account else None
    if ref is None:
        with reading(existing_store(rt)) as connection:
            refuse_part(connection, user)
    return ref


def _told(say: Words, column: str, cell: Any) -> Any:
    """Return the word for a code; what has none is shown as it is stored."""
    family = FAMILIES.get(column)
    if family is None or not isinstance(cell, str):
        return cell
    if family == "reason":
        word = say.reason(cell)
        return cell if say("unknown") in word else word
    return say.label(family, cell) if say.knows(family, cell) else cell


def _short(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def blank(number: int) -> dict[str, Any]:
    """Return the page of a question before it is asked.

    Raises:
        BadArguments: no such question.
    """
    return {"asked": Asked(number), "text": _text_of(number), "answer": None}


def _text_of(number: int) -> str:
    if number not in numbered():
        raise BadArguments(f"there is no question {number}")
    return numbered()[number][1]
