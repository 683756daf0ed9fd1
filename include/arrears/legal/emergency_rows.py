"""Emergencies in the store: which were asked for and still stand, and the application that is current for each."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from arrears.core.clock import local_date
from arrears.store.tables.feeds import court_case, staff
from arrears.store.tables.legal import emergency_packet

ASKED = "asked"


def asked(connection: Connection, on: date, zone: str) -> dict[str, str]:
    """Return the case of each account for which one of the staff asked for a preservation that went no further yet."""
    further = court_case.alias("further")
    case = court_case.c
    gone_on = exists().where(
        further.c.account_id == case.account_id, further.c.case_id == case.case_id, further.c.kind == case.kind,
        further.c.state != ASKED,
    )  # fmt: skip
    known = exists().where(staff.c.staff_id == case.staff_id)
    query = (
        select(case.account_id, case.case_id, case.at)
        .where(case.kind == "preservation", case.state == ASKED, known, ~gone_on)
        .order_by(case.at, case.case_id)
    )
    return {
        row.account_id: row.case_id
        for row in connection.execute(query)
        if local_date(datetime.fromisoformat(row.at), zone) <= on
    }


def current(connection: Connection) -> dict[tuple[str, str], Row[Any]]:
    """Return the current application of each emergency, by account and case."""
    rows = connection.execute(select(emergency_packet).where(emergency_packet.c.superseded_on.is_(None)))
    return {(row.account_id, row.case_id): row for row in rows}


def last_versions(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the highest version that each emergency ever had."""
    table = emergency_packet.c
    query = select(table.account_id, table.case_id, func.max(table.version)).group_by(table.account_id, table.case_id)
    return {(account_id, case_id): version for account_id, case_id, version in connection.execute(query)}


def retire(connection: Connection, emergency_ids: Sequence[str], on: date) -> None:
    """Mark applications as superseded on a day; rows and files are kept."""
    if emergency_ids:
        these = emergency_packet.c.emergency_id.in_(emergency_ids)
        connection.execute(update(emergency_packet).where(these).values(superseded_on=on))


def keep(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows of applications that are filed."""
    new = list(rows)
    if new:
        connection.execute(insert(emergency_packet), new)
