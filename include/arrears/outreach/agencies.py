"""Which outside agency may collect for a branch today: licensed, under a data agreement, and the least loaded."""

from collections import Counter
from collections.abc import Callable
from datetime import date

from sqlalchemy import Connection, func, select

from arrears.store.tables.feeds import agency
from arrears.store.tables.outreach import OPEN_PLACEMENTS, placement

SERVICE = "collection"


def collectors_for(connection: Connection, on: date) -> Callable[[str], str | None]:
    """Return who may collect for a branch on a day: the eligible agency with the fewest open placements."""
    eligible = [
        row
        for row in connection.execute(select(agency).order_by(agency.c.agency_id))
        if SERVICE in (row.services or "").split(";")
        and row.data_agreement_ref
        and row.licence_until is not None
        and row.licence_until >= on
        and (row.active_until is None or row.active_until >= on)
    ]
    open_now = select(placement.c.agency_id, func.count()).where(placement.c.state.in_(OPEN_PLACEMENTS))
    load = Counter({row[0]: row[1] for row in connection.execute(open_now.group_by(placement.c.agency_id))})

    def choose(branch: str) -> str | None:
        near = [row for row in eligible if not row.region or branch in row.region.split(";")]
        chosen = min(near, key=lambda row: (load[row.agency_id], row.agency_id), default=None)
        if chosen is None:
            return None
        load[chosen.agency_id] += 1
        return str(chosen.agency_id)

    return choose
