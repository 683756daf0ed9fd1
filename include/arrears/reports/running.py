"""The clocks that run: of a current packet, or of an account that has none."""

from sqlalchemy import Subquery, select, union_all

from arrears.store.tables.legal import account_clock, packet


def running_clocks() -> Subquery:
    """Return account and clocks, as a packet writes them, of everybody near a last day."""
    carried = (select(table.c.account_id, table.c.clocks).where(table.c.superseded_on.is_(None))
               for table in (packet, account_clock))  # fmt: skip
    return union_all(*carried).subquery()
