"""Orders that ran before go-live, taken over so that they can be recalled."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from arrears.approvals import questions
from arrears.audit.record import record
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.opening import is_attested
from arrears.repossession.orders import next_number, order_row
from arrears.store.bulk import insert_new
from arrears.store.engine import writing
from arrears.store.tables.feeds import opening
from arrears.store.tables.repossession import repossession_order


def import_running_orders(rt: Runtime, engine: Engine, run_id: str) -> int:
    """Take over orders handed to agencies before go-live (feed ``opening``), so that they can be recalled.

    Return how many orders are new; which rows count says :mod:`arrears.ladder.opening`.
    """
    query = (
        select(opening)
        .where(opening.c.kind == "order_handed_off", is_attested())
        .order_by(opening.c.at, opening.c.opening_key)
    )
    with writing(engine) as connection:
        return sum(_take_over(connection, rt, run_id, row) for row in connection.execute(query).all())


def _take_over(connection: Connection, rt: Runtime, run_id: str, row: Row[Any]) -> int:
    day = date.fromisoformat(row.at[:10])
    order_id = natural_key("opening_order", row.opening_key)
    there = select(repossession_order.c.order_id).where(repossession_order.c.order_id == order_id)
    if connection.execute(there).first() is not None:
        return 0
    new = insert_new(
        connection,
        repossession_order,
        [
            order_row(order_id, next_number(connection, day, "recover"), row.account_id, run_id)
            | {
                "episode_due": day,
                "kind": "recover",
                "ordinal": 1,
                "agency_id": row.agency_id,
                "state": "acknowledged",
                "proposed_on": day,
                "offered_at": row.at,
                "acknowledged_at": row.at,
                "receipt": row.evidence_ref,
                "imported": True,
            }
        ],
    )
    if new:
        record(
            connection,
            rt,
            run_id=run_id,
            type="handoff.imported",
            key=order_id,
            business_date=day,
            subject_ref=questions.subject_of(connection, row.account_id),
            causes=[row.opening_key],
            data={"attested_by": row.attested_by, "second_attested_by": row.second_attested_by},
        )
    return new
