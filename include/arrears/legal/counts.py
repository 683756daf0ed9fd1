"""How many packets stand in which state on a day: every stage-three account counts once."""

from collections import Counter
from datetime import date

from sqlalchemy import Connection, select

from arrears.legal.shelf import stage_three_ids
from arrears.store.tables.legal import PACKET_STATES, packet


def packet_counts(connection: Connection, business_date: date, run_id: str) -> dict[str, int]:
    """Return the packets of a day by state, and how many of them this run ``rebuilt`` or left ``unchanged``."""
    counts: Counter[str] = Counter(dict.fromkeys((*PACKET_STATES, "rebuilt", "unchanged"), 0))
    at_three = set(stage_three_ids(connection, business_date))
    rows = connection.execute(
        select(packet.c.account_id, packet.c.state, packet.c.run_id, packet.c.built_on).order_by(
            packet.c.account_id, packet.c.version
        )
    )
    newest: dict[str, tuple[str, str]] = {}
    for row in rows:
        was_in_force = row.account_id in newest and row.built_on > business_date
        if row.account_id in at_three and not was_in_force:
            newest[row.account_id] = (row.state, row.run_id)
    for state, built_by in newest.values():
        counts.update((state, "rebuilt" if built_by == run_id else "unchanged"))
    return dict(counts)
