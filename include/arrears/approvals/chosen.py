"""The row that says which remedy is chosen, or that a choice is taken back: what a packet is made from."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from arrears.approvals.questions import subject_of
from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.store.tables.feeds import court_case

KIND = "remedy"


def keep_choice(
    connection: Connection,
    rt: Runtime,
    *,
    account_id: str,
    packet_id: str,
    remedy: str | None,
    staff_id: str,
    run_id: str,
    business_date: date,
    data: dict[str, Any],
    note: str,
) -> None:
    """Write down what a person chose about an account, or with no ``remedy`` that a choice is taken back."""
    at, state = _moment(connection, rt, account_id), "chosen" if remedy else "withdrawn"
    key = natural_key(account_id, packet_id, KIND, state, at)
    row = {
        "court_case_key": key,
        "account_id": account_id,
        "case_id": packet_id,
        "kind": KIND,
        "state": state,
        "at": at,
        "remedy": remedy,
        "staff_id": staff_id,
    }
    connection.execute(insert(court_case), row)
    record(connection, rt, run_id=run_id, type=f"remedy.{state}", key=key, business_date=business_date,
           subject_ref=subject_of(connection, account_id), actor=staff_id, causes=[packet_id],
           data={"remedy": remedy, **data}, detail={"note": note})  # fmt: skip


def _moment(connection: Connection, rt: Runtime, account_id: str) -> str:
    """Return a moment after the choice before this one, even if the clock stands."""
    newest = select(func.max(court_case.c.at)).where(court_case.c.account_id == account_id, court_case.c.kind == KIND)
    now, last = rt.clock.now(), connection.execute(newest).scalar_one_or_none()
    return utc_text(now if last is None else max(now, datetime.fromisoformat(last) + timedelta(seconds=1)))
