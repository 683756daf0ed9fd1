"""Legal work: packets with what they lack, what waits for approval, and the orders."""

from typing import Any

from sqlalchemy import func, select

from arrears.core.runtime import Runtime
from arrears.reports.story import lacking_of
from arrears.reports.wording import Words
from arrears.repossession.approvals import list_open
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.legal import packet
from arrears.store.tables.people import subject
from arrears.store.tables.repossession import repossession_order

SHOWN = 200


def legal(rt: Runtime, words: Words) -> dict[str, Any]:
    """Return the packets nearest to hand-over first, the questions put to people, and the newest orders."""
    engine = existing_store(rt)
    current = packet.c.superseded_on.is_(None)
    states = select(packet.c.state, func.count().label("packets")).where(current).group_by(packet.c.state)
    names = ("account_id", "state", "missing", "reasons", "open_remedies", "chosen_remedy", "built_on")
    packets = select(*(packet.c[name] for name in names), subject.c.subject_ref).join(
        subject, subject.c.account_id == packet.c.account_id
    )
    order_names = ("order_no", "kind", "state", "proposed_on", "expires_on", "recall_reason", "blocked_by")
    orders = select(*(repossession_order.c[name] for name in order_names), subject.c.subject_ref).join(
        subject, subject.c.account_id == repossession_order.c.account_id
    )
    with reading(engine) as connection:
        counted = connection.execute(states.order_by(packet.c.state)).all()
        found = connection.execute(
            packets.where(current).order_by(packet.c.state.desc(), packet.c.account_id).limit(SHOWN)
        )
        lines = [(row, lacking_of(row.reasons or [], row.missing or [], words)) for row in found]
        newest = connection.execute(orders.order_by(repossession_order.c.order_no.desc()).limit(SHOWN)).all()
        waiting = list_open(engine)
        refs = _refs(connection, [one.account_id for one in waiting if one.account_id])
    return {
        "packets": counted,
        "lines": sorted(lines, key=lambda line: (len(line[1]), line[0].account_id)),
        "orders": [(row, _note(row, words)) for row in newest],
        "approvals": [(one, refs.get(one.account_id or "")) for one in waiting],
    }


def _note(order: Any, words: Words) -> str:
    """Say why an order came back; what blocks one that has not left is said check by check (C1 to C14)."""
    reason = order.recall_reason
    if not reason:
        return "; ".join(_check(one, words) for one in str(order.blocked_by or "").split("; "))
    return words.reason(reason) if reason.startswith("hold_") else words.label("order_note", reason)


def _check(said: str, words: Words) -> str:
    """Say a failed check (``C3 hold_promise``) with its hold in words."""
    code, _, detail = said.partition(" ")
    return f"{code} {words.reason(detail)}" if detail.startswith("hold_") else said


def _refs(connection: Any, account_ids: list[str]) -> dict[str, str]:
    query = select(subject.c.account_id, subject.c.subject_ref).where(subject.c.account_id.in_(account_ids))
    return {row.account_id: row.subject_ref for row in connection.execute(query)}
