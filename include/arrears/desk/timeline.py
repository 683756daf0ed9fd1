"""Everything the log tells of one account, the newest first: what happened, and what the event says of it in words."""

from typing import Any

from sqlalchemy import Connection, func, select

from arrears.audit.log import parse
from arrears.desk.answers import told_code
from arrears.desk.paging import SHOWN, Leaf, start_of
from arrears.reports.wording import Words
from arrears.store.tables.audit import audit_event, audit_event_index

AS_IT_IS = ("order_no", "due_on")
SYSTEM = "system"
NAMES = ("seq", "at", "business_date", "type", "run_id")


def timeline(connection: Connection, subject_ref: str, number: int, words: Words) -> Leaf:
    """Return a leaf of the sealed events about an account, each with what it says."""
    index = audit_event_index.c
    mine = index.subject_ref == subject_ref
    query = (
        select(*(index[name] for name in NAMES), audit_event.c.body)
        .join(audit_event, audit_event.c.seq == index.seq)
        .where(mine)
        .order_by(index.seq.desc())
        .offset(start_of(number))
        .limit(SHOWN)
    )
    total = connection.execute(select(func.count()).select_from(audit_event_index).where(mine)).scalar_one()
    return Leaf([(row, _said(parse(row.body), words)) for row in connection.execute(query)], total, number)


def _said(event: dict[str, Any], words: Words) -> str:
    """Return what an event says that has words, and names and days: hashes are for the auditor's questions."""
    data = event.get("data") or {}
    told = [_told(data, name, value, words) for name, value in data.items() if value]
    by = event.get("actor")
    return " · ".join([*filter(None, told), *([by] if by and by != SYSTEM else [])])


def _told(data: dict[str, Any], name: str, value: Any, words: Words) -> str | None:
    if name in AS_IT_IS:
        return str(value)
    if name == "reason" and words.knows("order_note", str(value)):
        return words.label("order_note", value)
    return told_code(data, name, str(value), words)
