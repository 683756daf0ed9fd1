"""The batches a stage's contacts were dealt into: what a fan-out maps over, numbers and nothing else."""

from datetime import date, datetime

from sqlalchemy import Engine, select

from arrears.core.clock import utc_text
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


def open_days(engine: Engine, now: datetime) -> list[date]:
    """Return the business dates with a contact whose slot is open: far west yesterday may still be today."""
    moment = utc_text(now)
    query = (
        select(contact.c.business_date)
        .where(contact.c.state.in_(OPEN_STATES), contact.c.slot_opens_at <= moment, contact.c.slot_closes_at > moment)
        .distinct()
        .order_by(contact.c.business_date)
    )
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())
