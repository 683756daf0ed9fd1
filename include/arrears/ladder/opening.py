"""What happened before go-live: rows of the feed ``opening`` count once two people of the staff have attested them.

In a live store a file proves nobody's identity: there each delivery also waits until a supervisor and a lawyer, logged
in as themselves, have attested it. Source: identity of a human decision counts.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from arrears.store.tables.feeds import delivery, opening, staff
from arrears.store.tables.repossession import approval

KIND = "attestation"
AGREED = ("approved", "used")


def is_attested() -> ColumnElement[bool]:
    """Return the condition under which an opening row counts."""
    known = select(staff.c.staff_id)
    return and_(
        opening.c.attested_by != opening.c.second_attested_by,
        opening.c.attested_by.in_(known),
        opening.c.second_attested_by.in_(known),
        or_(opening.c.delivery_id.is_(None), opening.c.delivery_id.not_in(_asked_and_not_agreed())),
    )


def _asked_and_not_agreed() -> Select[Any]:
    agreed = select(approval.c.subject_key).where(approval.c.kind == KIND, approval.c.state.in_(AGREED))
    return select(approval.c.subject_key).where(approval.c.kind == KIND, approval.c.subject_key.not_in(agreed))


def unattested_deliveries(connection: Connection) -> list[tuple[str, str]]:
    """Return key and hash of each opening file that nobody was asked to attest yet."""
    asked = select(approval.c.subject_key).where(approval.c.kind == KIND)
    query = select(delivery.c.delivery_id, delivery.c.sha256).where(
        delivery.c.feed == "opening", delivery.c.accepted > 0, delivery.c.delivery_id.not_in(asked)
    )
    return [(row.delivery_id, row.sha256) for row in connection.execute(query.order_by(delivery.c.delivery_id))]
