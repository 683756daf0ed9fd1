"""The document of an order for the people who approve it: what the agency has, or what it would get if it left now."""

from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from arrears.audit.access import record_access
from arrears.core.errors import CannotTell
from arrears.core.keys import sha256
from arrears.core.runtime import Runtime
from arrears.desk.reach import may_read_papers
from arrears.repossession.document import order_data, printed_order, read_document, sheet_of
from arrears.repossession.handoff import expires_on_of
from arrears.repossession.sources import read_sources
from arrears.steps.approvals import day_of_decisions
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.people import subject
from arrears.store.tables.repossession import ORDER_UNSENT, repossession_order


def has_document(state: str, document_sha256: str | None) -> bool:
    """Say whether an order has a document to read: it left from here, or may still leave."""
    return document_sha256 is not None or state in ORDER_UNSENT


def orders_with_document(connection: Connection, account_id: str) -> set[str]:
    """Return the numbers of those orders of an account that have a document to read."""
    found = connection.execute(select(repossession_order).where(repossession_order.c.account_id == account_id))
    return {row.order_no for row in found if has_document(row.state, row.document_sha256)}


def order_sheet(rt: Runtime, order_no: str, user: str) -> bytes:
    """Return the sheet of an order as PDF; the download is recorded.

    Raises:
        CannotTell: there is no such document, or it is not for this user.
    """
    found = sheet_of(_given(rt, order_no, user))
    if found is None:
        raise CannotTell("this order was handed over without a sheet")
    return found[1]


def order_document(rt: Runtime, order_no: str, user: str) -> bytes:
    """Return the data of an order with its sheet, as the agency's system gets it; the download is recorded.

    Raises:
        CannotTell: there is no such document, or it is not for this user.
    """
    return _given(rt, order_no, user)


def _given(rt: Runtime, order_no: str, user: str) -> bytes:
    engine = existing_store(rt)
    with reading(engine) as connection:
        order = _readable(connection, order_no, user)
    content = _kept(rt, order.document_sha256) if order.document_sha256 else _as_of_now(rt, engine, order)
    record_access(rt, engine, "order", actor=user, subject_ref=order.subject_ref,
                  data={"order_no": order_no, "sha256": sha256(content)})  # fmt: skip
    return content


def _readable(connection: Connection, order_no: str, user: str) -> Row[Any]:
    query = (
        select(repossession_order, subject.c.subject_ref)
        .join(subject, subject.c.account_id == repossession_order.c.account_id)
        .where(repossession_order.c.order_no == order_no)
    )
    order = connection.execute(query).one_or_none()
    known = order is not None and has_document(order.state, order.document_sha256)
    if order is None or not known or not may_read_papers(connection, user, order.account_id):
        raise CannotTell("no order for you")
    return order


def _kept(rt: Runtime, name: str) -> bytes:
    try:
        return read_document(rt.settings.artifacts_url, name)
    except FileNotFoundError:
        raise CannotTell("the document of this order is erased") from None


def _as_of_now(rt: Runtime, engine: Engine, order: Row[Any]) -> bytes:
    """Make the document of an order that has not left: its data as it would leave today, its sheet marked as such."""
    from arrears.legal.work_order import print_order

    policy, day = policy_of(rt.settings), day_of_decisions(rt)
    with reading(engine) as connection:
        sources = read_sources(connection, rt, day, policy, [order.account_id])
    ready = sources.packets.get(order.account_id)
    another = order.target_sha256 != sources.targets.get(order.account_id)
    if another or ready is None or ready.facts_sha256 != order.facts_sha256:
        raise CannotTell("the facts have changed: the next run voids this order")
    data = order_data(sources, order, day, expires_on_of(day, policy), policy)
    return printed_order(data, lambda document: print_order(rt.settings.home, document, policy, released=False))
