"""Legal work: packets with what they lack, what waits for approval, and the orders."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from arrears.audit.access import record_access
from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.desk.today import business_date_of
from arrears.reports.deadlines import deadlines_of
from arrears.reports.story import lacking_of
from arrears.reports.wording import Words
from arrears.repossession.approvals import list_open
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.feeds import staff
from arrears.store.tables.legal import packet
from arrears.store.tables.people import subject
from arrears.store.tables.repossession import repossession_order

SHOWN = 200
READERS_OF_PACKETS = {"legal", "risk", "manager"}


def legal(rt: Runtime, words: Words) -> dict[str, Any]:
    """Return the packets nearest to hand-over first, the questions put to people, and the newest orders."""
    engine = existing_store(rt)
    current = packet.c.superseded_on.is_(None)
    states = select(packet.c.state, func.count().label("packets")).where(current).group_by(packet.c.state)
    day = business_date_of(rt)
    names = ("account_id", "pdf_path", "state", "missing", "reasons", "open_remedies", "chosen_remedy", "built_on")
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
        last_days = _last_days(connection, day, rt, words) if day else []
    return {
        "packets": counted,
        "deadlines": last_days,
        "lines": sorted(lines, key=lambda line: (len(line[1]), line[0].account_id)),
        "orders": [(row, _note(row, words)) for row in newest],
        "approvals": [(one, refs.get(one.account_id or "")) for one in waiting],
    }


def packet_pdf(rt: Runtime, subject_ref: str, user: str) -> bytes:
    """Return the current packet of an account for the people who decide on it; the download is recorded.

    Raises:
        CannotTell: the user is not on the staff as lawyer, risk officer or manager, or there is no such packet.
    """
    import fsspec

    engine = existing_store(rt)
    query = (
        select(packet.c.pdf_path, packet.c.pdf_sha256)
        .join(subject, subject.c.account_id == packet.c.account_id)
        .where(subject.c.subject_ref == subject_ref, packet.c.superseded_on.is_(None), packet.c.pdf_path.is_not(None))
    )
    with reading(engine) as connection:
        roles = connection.execute(select(staff.c.roles).where(staff.c.staff_id == user)).scalar_one_or_none() or ""
        found = connection.execute(query).first()
    if found is None or not set(roles.split(";")) & READERS_OF_PACKETS:
        raise CannotTell("no packet for you")
    files, root = fsspec.core.url_to_fs(rt.settings.artifacts_url)
    content = bytes(files.cat_file(f"{root}/{found.pdf_path}"))
    record_access(rt, engine, "packet", actor=user, subject_ref=subject_ref, data={"sha256": found.pdf_sha256})
    return content


def _last_days(connection: Connection, day: date, rt: Runtime, words: Words) -> list[tuple[str, str, date, str, bool]]:
    """Return what ends next: kind, whom it concerns, the last day, the days left in words, and whether it is over."""
    found = deadlines_of(connection, day, policy_of(rt.settings))[:SHOWN]
    lines = []
    for line in found:
        left = line.days_left(day)
        said = words("days", n=left) if left >= 0 else words("days_over", n=-left)
        lines.append((words.label("clock", line.kind), line.subject, line.on, said, left < 0))
    return lines


def _note(order: Any, words: Words) -> str:
    """Say why an order came back; what blocks one that has not left is said check by check (C1 to C14)."""
    reason = order.recall_reason
    if not reason:
        return words("list_mark").join(_check(one, words) for one in str(order.blocked_by or "").split("; "))
    return words.reason(reason) if reason.startswith("hold_") else words.label("order_note", reason)


def _check(said: str, words: Words) -> str:
    """Say a failed check (``C3 hold_promise, hold_dispute``) in words, without its number."""
    details = [part for part in said.partition(" ")[2].split(", ") if part]
    return words("list_mark").join(
        words.reason(part) if part.startswith("hold_") else words.label("check", part) for part in details
    )


def _refs(connection: Any, account_ids: list[str]) -> dict[str, str]:
    query = select(subject.c.account_id, subject.c.subject_ref).where(subject.c.account_id.in_(account_ids))
    return {row.account_id: row.subject_ref for row in connection.execute(query)}
