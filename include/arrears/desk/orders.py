"""The orders of the house, or of a branch, the newest first, each with what became of it and why."""

from sqlalchemy import Connection, func, select

from arrears.desk.order_papers import has_document
from arrears.desk.paging import SHOWN, Leaf, start_of
from arrears.reports.order_notes import note_of
from arrears.reports.scope import of_branch
from arrears.reports.wording import Words
from arrears.store.tables.people import subject
from arrears.store.tables.repossession import repossession_order

NAMES = ("order_no", "kind", "state", "proposed_on", "expires_on", "recall_reason", "closed_reason", "blocked_by",
         "document_sha256")  # fmt: skip


def orders(connection: Connection, number: int, words: Words, branch: str | None) -> Leaf:
    """Return a leaf of the orders: why each came back, was closed or is kept back, and whether it has a document."""
    mine = of_branch(repossession_order.c.account_id, branch)
    query = (
        select(*(repossession_order.c[name] for name in NAMES), subject.c.subject_ref)
        .outerjoin(subject, subject.c.account_id == repossession_order.c.account_id)
        .where(mine)
        .order_by(repossession_order.c.order_no.desc())
    )
    found = connection.execute(query.offset(start_of(number)).limit(SHOWN)).all()
    total = connection.execute(select(func.count()).select_from(repossession_order).where(mine)).scalar_one()
    told = [
        (
            row,
            note_of(row.recall_reason, row.closed_reason, row.blocked_by, words),
            row.subject_ref is not None and has_document(row.state, row.document_sha256),
        )
        for row in found
    ]
    return Leaf(told, total, number)
