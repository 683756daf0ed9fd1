"""Everything the log tells of one account, the newest first: what happened, and what the event says of it in words."""

from typing import Any

from sqlalchemy import Connection, func, select

from arrears.audit.log import parse
from arrears.desk.answers import told_code
from arrears.desk.paging import SHOWN, Leaf, start_of
from arrears.reports.wording import Words
from arrears.store.tables.audit import audit_event, audit_event_index

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
    """Return what an event says that has words: hashes and numbers are for the auditor's questions."""
    data = event.get("data") or {}
    said = [told_code(data, name, value, words) for name, value in data.items() if isinstance(value, str)]
    by = [event["actor"]] if event.get("actor") else []
    return " · ".join([*filter(None, said), *by])
