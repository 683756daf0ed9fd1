"""The batches a stage's contacts were dealt into: what a fan-out maps over, numbers and nothing else."""

from datetime import date

from sqlalchemy import Engine, select

from arrears.store.engine import reading
from arrears.store.tables.outreach import OPEN_STATES, contact


def batches_of(engine: Engine, business_date: date, stage: int) -> list[int]:
    """Return the numbers of a stage's batches that still have open contacts, at most 32."""
    query = (
        select(contact.c.batch_no)
        .where(contact.c.business_date == business_date, contact.c.stage == stage, contact.c.state.in_(OPEN_STATES))
        .distinct()
        .order_by(contact.c.batch_no)
    )
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())
