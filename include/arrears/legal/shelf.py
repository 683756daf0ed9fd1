"""The rows of packets: which is current, which versions there were, who is at stage three."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from arrears.ladder.in_force import decisions_in_force
from arrears.store.tables.legal import packet as packet_table

Row = Mapping[str, Any]


def stage_three_ids(connection: Connection, business_date: date) -> list[str]:
    """Return the accounts at stage three by the newest decision of a day, in order, on an open connection."""
    decided = decisions_in_force(business_date)
    statement = select(decided.c.account_id).where(decided.c.stage == 3).order_by(decided.c.account_id)
    return list(connection.execute(statement).scalars())


def current_packets(connection: Connection, batch: Sequence[str]) -> dict[str, Row]:
    """Return the current packet of each account of a batch."""
    statement = select(packet_table).where(packet_table.c.account_id.in_(batch), packet_table.c.superseded_on.is_(None))
    return {row["account_id"]: dict(row) for row in connection.execute(statement).mappings()}


def last_versions(connection: Connection, batch: Iterable[str]) -> dict[str, int]:
    """Return the highest version each account of a batch ever had."""
    statement = (
        select(packet_table.c.account_id, func.max(packet_table.c.version).label("version"))
        .where(packet_table.c.account_id.in_(batch))
        .group_by(packet_table.c.account_id)
    )
    return {row.account_id: row.version for row in connection.execute(statement)}


def supersede(connection: Connection, packet_ids: Sequence[str], day: date) -> None:
    """Mark packets as superseded on a day; rows and files are kept."""
    if packet_ids:
        connection.execute(
            update(packet_table).where(packet_table.c.packet_id == bindparam("key")).values(superseded_on=day),
            [{"key": packet_id} for packet_id in packet_ids],
        )
