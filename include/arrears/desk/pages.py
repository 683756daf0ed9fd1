"""What each page of the desk shows, read from the store in a few set-based queries."""

import json
from datetime import date
from typing import Any

from sqlalchemy import func, select

from arrears.audit.log import last_checkpoint
from arrears.audit.receipt import write_receipt
from arrears.core.errors import BadInput, CannotTell
from arrears.core.money import digits_of, format_minor
from arrears.core.runtime import Runtime
from arrears.proof.explain import explain
from arrears.steps import summary
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.audit import audit_checkpoint
from arrears.store.tables.legal import packet
from arrears.store.tables.people import subject
from arrears.store.tables.repossession import repossession_order
from arrears.store.tables.runs import gate, run

RECENT_RUNS = 60
OPEN_ORDERS = 200


def today(rt: Runtime) -> dict[str, Any]:
    """Return the newest daily run: its summary, gates and where accounts stand."""
    engine = existing_store(rt)
    newest = select(run.c.run_id).where(run.c.kind == "daily")
    with reading(engine) as connection:
        order = (run.c.business_date.desc(), run.c.ordinal.desc())
        run_id = connection.execute(newest.order_by(*order).limit(1)).scalar()
    if run_id is None:
        return {"summary": None}
    document = summary.read(rt, str(run_id))
    totals = document["ledger"]["control_total_minor"]
    unpaid = [f"{format_minor(minor, digits_of(code), grouped=True)} {code}" for code, minor in sorted(totals.items())]
    largest = max(1, *document["stages"].values())
    flow = [(stage, count, round(100 * count / largest)) for stage, count in document["stages"].items()]
    return {"summary": document, "unpaid": unpaid, "flow": flow}


def runs(rt: Runtime) -> dict[str, Any]:
    """Return the newest runs with their failed gates."""
    columns = (run.c.run_id, run.c.kind, run.c.business_date, run.c.status, run.c.started_at, run.c.code_id)
    with reading(existing_store(rt)) as connection:
        found = connection.execute(select(*columns).order_by(run.c.started_at.desc()).limit(RECENT_RUNS)).all()
        failed = select(gate.c.run_id, gate.c.name, gate.c.detail, gate.c.overridden_by).where(~gate.c.passed)
        gates: dict[str, list[Any]] = {}
        for row in connection.execute(failed.where(gate.c.run_id.in_([r.run_id for r in found]))):
            gates.setdefault(row.run_id, []).append(row)
    return {"runs": found, "gates": gates}


def legal(rt: Runtime) -> dict[str, Any]:
    """Return packets by state, and the orders that are open."""
    states = select(packet.c.state, func.count().label("packets")).where(packet.c.superseded_on.is_(None))
    names = ("order_no", "kind", "state", "proposed_on", "expires_on", "recall_reason", "blocked_by")
    orders = select(*(repossession_order.c[name] for name in names), subject.c.subject_ref).join(
        subject, subject.c.account_id == repossession_order.c.account_id
    )
    with reading(existing_store(rt)) as connection:
        counted = connection.execute(states.group_by(packet.c.state).order_by(packet.c.state)).all()
        found = connection.execute(orders.order_by(repossession_order.c.order_no.desc()).limit(OPEN_ORDERS)).all()
    return {"packets": counted, "orders": found}


def audit(rt: Runtime) -> dict[str, Any]:
    """Return the newest signed checkpoint and those before it."""
    columns = (audit_checkpoint.c.size, audit_checkpoint.c.root, audit_checkpoint.c.created_at)
    with reading(existing_store(rt)) as connection:
        head = last_checkpoint(connection)
        earlier = connection.execute(select(*columns).order_by(audit_checkpoint.c.size.desc()).limit(RECENT_RUNS)).all()
    return {"checkpoint": head.note if head else "", "earlier": earlier}


def subject_of(rt: Runtime, account_id: str) -> str | None:
    """Return the random name under which an account has its page."""
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.subject_ref).where(subject.c.account_id == account_id)
        return connection.execute(query).scalar_one_or_none()


def account(rt: Runtime, subject_ref: str) -> dict[str, Any]:
    """Return the story of one account on its newest decided day.

    Raises:
        CannotTell: there is no such subject.
    """
    engine = existing_store(rt)
    story = explain(engine, _account_of(rt, subject_ref), None)
    standing = story["standing"]
    currency = standing.get("currency")
    owed = (
        f"{format_minor(standing['overdue_minor'], digits_of(currency), grouped=True)} {currency}" if currency else ""
    )
    return {"story": story, "owed": owed, "facts": json.dumps(story["decision"], ensure_ascii=False, indent=1)}


def receipt(rt: Runtime, subject_ref: str, business_date: str) -> str:
    """Return the proof that an account's decision of a day is in the log.

    Raises:
        BadInput: the date cannot be read.
        CannotTell: no sealed decision of that day.
    """
    try:
        day = date.fromisoformat(business_date)
    except ValueError:
        raise BadInput("the date is written as YYYY-MM-DD") from None
    return write_receipt(existing_store(rt), subject_ref, day)


def _account_of(rt: Runtime, subject_ref: str) -> str:
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.account_id).where(subject.c.subject_ref == subject_ref)
        found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise CannotTell("no such subject")
    return str(found)
