"""Count contacts by how they ended: what a run changed, and where a day stands."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from arrears.store.tables.outreach import OPEN_STATES, contact, suppression

ENDS = ("sent", "rejected", "in_doubt", "withdrawn", "expired")


def date_totals(connection: Connection, business_date: date) -> dict[str, Any]:
    """Return where a day's contacts stand.

    Always: planned = sent + rejected + withheld + in_doubt + withdrawn + expired + open.
    """
    day = contact.c.business_date == business_date
    counted = _counted(connection, day)
    return _totals(counted, counted)


def run_actions(connection: Connection, run_id: str, business_date: date) -> dict[str, Any]:
    """Return what one run did to a day's contacts, with the same keys and ``suppressed`` beside them.

    ``open`` is what it planned and left open.
    """
    day = contact.c.business_date == business_date
    planned = _counted(connection, day & (contact.c.run_id == run_id))
    ended = _counted(connection, day & (contact.c.state_run_id == run_id))
    return _totals(planned, ended) | {"suppressed": suppressed(connection, business_date)}


def suppressed(connection: Connection, business_date: date) -> dict[str, int]:
    """Return how many steps of a day were never planned, by reason; a step may have several."""
    query = (
        select(suppression.c.reason, func.count().label("steps"))
        .where(suppression.c.business_date == business_date)
        .group_by(suppression.c.reason)
        .order_by(suppression.c.reason)
    )
    return {row.reason: row.steps for row in connection.execute(query)}


def _counted(connection: Connection, which: ColumnElement[bool]) -> dict[tuple[str, str | None], int]:
    query = (
        select(contact.c.state, contact.c.reason, func.count()).where(which).group_by(contact.c.state, contact.c.reason)
    )
    return {(state, reason): count for state, reason, count in connection.execute(query)}


def _totals(planned: dict[tuple[str, str | None], int], ended: dict[tuple[str, str | None], int]) -> dict[str, Any]:
    withheld = {str(reason): count for (state, reason), count in sorted(ended.items(), key=str) if state == "withheld"}
    result: dict[str, Any] = {"planned": sum(planned.values())}
    for end in ENDS:
        result[end] = sum(count for (state, _), count in ended.items() if state == end)
    result["withheld"] = withheld
    result["open"] = sum(count for (state, _), count in planned.items() if state in OPEN_STATES)
    return result
