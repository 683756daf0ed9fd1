"""The auditor's room: checkpoints, verification on the spot, and the questions."""

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from arrears.audit.access import record_access
from arrears.audit.checkpoint import known_keys
from arrears.audit.log import last_checkpoint
from arrears.audit.verify import kept_beside, verify_store
from arrears.core.days import day_of
from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Runtime
from arrears.desk.accounts import subject_of
from arrears.desk.answers import LONGEST, title_of, titles, told
from arrears.desk.phrases import phrase
from arrears.desk.reach import OutOfReach, refuse_part, sees_whole_house
from arrears.desk.verification import Line, check
from arrears.proof.ask import Answer, ask, numbered
from arrears.proof.patience import TookTooLong
from arrears.reports.wording import Words
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.audit import audit_checkpoint
from arrears.store.tables.runs import run

RECENT = 60
SHOWN = 500
PATIENCE_S = 5.0


@dataclass(frozen=True)
class Asked:
    """A question with what narrows it down; empty text means no narrowing."""

    number: int
    account: str = ""
    on: str = ""
    run: str = ""


def audit(rt: Runtime, user: str, say: Words) -> dict[str, Any]:
    """Return the newest nightly checks and signed checkpoint, the checkpoints before it, and the list of questions."""
    nights = select(run.c.business_date, run.c.status).where(run.c.kind == "assurance", run.c.status != "running")
    columns = (audit_checkpoint.c.size, audit_checkpoint.c.root, audit_checkpoint.c.created_at)
    with reading(existing_store(rt)) as connection:
        head = last_checkpoint(connection)
        earlier = connection.execute(select(*columns).order_by(audit_checkpoint.c.size.desc()).limit(RECENT)).all()
        night = connection.execute(nights.order_by(run.c.started_at.desc()).limit(1)).first()
        may_verify = sees_whole_house(connection, user)
    note = head.note if head else ""
    checked = (
        say("desk.no_night")
        if night is None
        else say("desk.last_night", date=night.business_date.isoformat(), status=say.label("run_status", night.status))
    )
    return {"checkpoint": note, "earlier": earlier, "questions": titles(say), "lines": (), "night": checked,
            "may_verify": may_verify}  # fmt: skip


def verify(rt: Runtime, user: str, say: Words) -> dict[str, Any]:
    """Return the page with the lines of a verification that is made while they are read.

    Raises:
        OutOfReach: the user does not see the whole house, and a check takes all of a machine.
    """
    page = audit(rt, user, say)
    if not page["may_verify"]:
        raise OutOfReach(say("desk.verify_whole"))
    engine, settings = existing_store(rt), rt.settings
    lines = check(lambda: verify_store(engine, None, known_keys(settings) or None, kept_beside(settings)))
    return page | {"lines": _told(lines, say)}


def _told(lines: Generator[Line], say: Words) -> Generator[tuple[Line, str]]:
    """Yield each line with what it says; who closes this ends the check."""
    with closing(lines):
        for line in lines:
            yield line, _said(line, say)


def _said(line: Line, say: Words) -> str:
    """Return the reason of a verdict in the reader's words."""
    message = line.verdict.message if line.verdict else ""
    return phrase("verified", message, say) or message


def question(rt: Runtime, asked: Asked, user: str, say: Words) -> dict[str, Any]:
    """Return the answer to one question, at most so many rows as a page holds; the look is recorded.

    Columns and codes are told in the reader's words; the command prints them as they are stored. A question about more
    than can be read while somebody waits is broken off, and the page says what to do.

    Raises:
        BadArguments: no such question, or it cannot be narrowed like that.
        BadInput: the date cannot be read.
    """
    engine = existing_store(rt)
    try:
        day = day_of(asked.on) if asked.on else None
    except ValueError:
        raise BadInput("the date is written as YYYY-MM-DD") from None
    ref = _within_reach(rt, asked, user, say)
    page = {"asked": asked, "text": title_of(asked.number, say), "answer": None, "late": 0}
    try:
        found: Answer = ask(
            engine, asked.number, account_id=asked.account or None, on=day, run_id=asked.run or None, limit=SHOWN + 1,
            seconds=PATIENCE_S,
        )  # fmt: skip
    except TookTooLong:
        return page | {"late": math.ceil(PATIENCE_S)}
    record_access(rt, engine, "asked", actor=user, subject_ref=ref, business_date=day, data={"question": asked.number})
    return page | {
        "answer": found,
        "rows": [told(dict(zip(found.columns, row, strict=True)), say) for row in found.rows[:SHOWN]],
        "more": SHOWN if len(found.rows) > SHOWN else 0,
        "cut": any(len(str(cell)) > LONGEST for row in found.rows[:SHOWN] for cell in row),
    }


def _within_reach(rt: Runtime, asked: Asked, user: str, say: Words) -> str | None:
    """Return the random name of the account that is asked about, if it is about one the user may see."""
    ref = subject_of(rt, asked.account, user) if asked.account else None
    if ref is None:
        with reading(existing_store(rt)) as connection:
            refuse_part(connection, user, say)
    return ref


def blank(number: int, say: Words) -> dict[str, Any]:
    """Return the page of a question before it is asked.

    Raises:
        BadArguments: no such question.
    """
    if number not in numbered():
        raise BadArguments(f"there is no question {number}")
    return {"asked": Asked(number), "text": title_of(number, say), "answer": None, "late": 0}
