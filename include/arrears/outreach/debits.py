"""Ask the bank to debit what is overdue, once: the file out, the hold while it is in flight, the result in.

A debit is an item like any other: planned once per occasion and ordinal, gated when it is issued. Issuing writes the
request as ``pending`` in the same transaction, and a pending debit is a hard hold: nobody is contacted until the
bank's answer arrives as the feed ``debits``.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from arrears.audit.record import Event, record_many
from arrears.core.keys import natural_key, sha256
from arrears.core.money import digits_of, format_minor
from arrears.core.runtime import Runtime
from arrears.outreach.judging import Ready
from arrears.store.bulk import insert_new
from arrears.store.engine import writing
from arrears.store.tables.feeds import account, debit
from arrears.store.whole_files import is_there, write_whole

CHANNEL = "debit"
HEADER = ("debit_id", "account_id", "mandate", "amount", "currency", "requested_on")


def request_debits(connection: Connection, rt: Runtime, run_id: str, going: Sequence[Ready], on: date) -> int:
    """Write the requests of issued debit items, in the transaction that issues them, and return how many are new."""
    rows: list[dict[str, Any]] = []
    events: list[Event] = []
    for one in going:
        if one.claim.row.channel != CHANNEL:
            continue
        for item in one.facts.items:
            if item.item_key in one.dropped:
                continue
            debit_id = f"D-{natural_key('debit', item.item_key)[:20].upper()}"
            rows.append({"debit_id": debit_id, "account_id": item.account_id, "requested_on": on,
                         "amount_minor": item.amount_minor, "result": "pending"})  # fmt: skip
            data = {"amount_minor": item.amount_minor, "currency": item.currency}
            events.append(
                Event("debit.requested", debit_id, on, item.subject_ref, one.claim.contact_id, data=data,
                      causes=[item.item_key])
            )  # fmt: skip
    if not rows:
        return 0
    new = insert_new(connection, debit, rows)
    record_many(connection, rt, run_id=run_id, events=events)
    return new


def write_debit_file(rt: Runtime, engine: Engine, run_id: str) -> str | None:
    """Write the requests that are in no file yet into one of their own, and return its path; None when there are none.

    The name is fixed in the store before the file appears, and a file that a crash left unwritten is written again
    with the same bytes: the bank never finds one request in two files.
    """
    path = f"debits/{run_id}.csv"
    with writing(engine) as connection:
        connection.execute(update(debit).where(debit.c.delivery_id.is_(None), debit.c.file.is_(None)).values(file=path))
        rows = connection.execute(
            select(debit, account.c.debit_mandate, account.c.currency)
            .join(account, account.c.account_id == debit.c.account_id)
            .where(debit.c.file.is_not(None), debit.c.result == "pending")
            .order_by(debit.c.file, debit.c.debit_id)
        ).all()
    files: dict[str, list[Any]] = {}
    for row in rows:
        files.setdefault(row.file, []).append(row)
    for name, members in files.items():
        _keep(rt, engine, run_id, name, _csv(members))
    return path if path in files else None


def _csv(rows: Iterable[Any]) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        amount = format_minor(row.amount_minor, digits_of(row.currency))
        writer.writerow((row.debit_id, row.account_id, row.debit_mandate, amount, row.currency, row.requested_on))
    return target.getvalue().encode()


def _keep(rt: Runtime, engine: Engine, run_id: str, path: str, content: bytes) -> None:
    """Write a file that is not there yet, and tell of it."""
    if is_there(rt.settings.artifacts_url, path):
        return
    write_whole(rt.settings.artifacts_url, path, content)
    with writing(engine) as connection:
        record_many(connection, rt, run_id=run_id, events=[
            Event("debit.file_written", natural_key("debit_file", path), None, data={"sha256": sha256(content)})
        ])  # fmt: skip
