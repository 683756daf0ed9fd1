"""Items of a contact that leaves, brought to what is said about them at that moment."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam

from arrears.outreach.judging import Ready
from arrears.outreach.planned import refresh_totals
from arrears.store.tables.outreach import item

DROP = item.update().where(item.c.item_key == bindparam("key")).values(dropped_reason=bindparam("why"))
RESTATE = item.update().where(item.c.item_key == bindparam("key")).values(amount_minor=bindparam("now"))


def bring_to_what_is_said(connection: Connection, ready: Sequence[Ready]) -> None:
    """Drop what stays behind, and write the amounts of this moment."""
    dropped = [{"key": key, "why": reason} for one in ready for key, reason in one.dropped.items()]
    changed = [{"key": key, "now": minor} for one in ready for key, minor in one.amounts().items()]
    for statement, rows in ((DROP, dropped), (RESTATE, changed)):
        if rows:
            connection.execute(statement, rows)
    if dropped or changed:
        refresh_totals(connection, {one.claim.contact_id for one in ready if one.dropped or one.amounts()})
