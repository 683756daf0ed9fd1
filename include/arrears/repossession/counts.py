"""How many orders stand where, for the run's summary and the digest."""

from datetime import date

from sqlalchemy import Engine, select

from arrears.store.engine import reading
from arrears.store.tables.repossession import repossession_order

WAITING = ("proposed", "awaiting_approval")
GONE = ("void", "recall_sent", "recalled")


def order_counts(engine: Engine, business_date: date) -> dict[str, int]:
    """Count the orders made up to ``business_date``, in the state they are in now.

    ``proposed``: our own orders that were not void, whatever became of them later.
    ``awaiting_approval``: those of them that still lack a vote.
    ``handed_off``: ever offered to an agency and not recalled, with those taken over at go-live.
    ``acknowledged``: those handed off whose agency has taken note; never more than ``handed_off``.
    ``recalled``: called back, whether or not the agency has confirmed it.
    """
    order = repossession_order.c
    query = select(order.state, order.imported, order.offered_at, order.acknowledged_at)
    with reading(engine) as connection:
        rows = connection.execute(query.where(order.proposed_on <= business_date)).all()
    out = [row for row in rows if row.offered_at is not None and row.state not in GONE]
    return {
        "proposed": sum(not row.imported and row.state != "void" for row in rows),
        "awaiting_approval": sum(row.state in WAITING for row in rows),
        "handed_off": len(out),
        "acknowledged": sum(row.acknowledged_at is not None for row in out),
        "recalled": sum(row.state in ("recall_sent", "recalled") for row in rows),
    }
