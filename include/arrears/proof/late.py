"""Two times: what a fact says of a day, and when we knew it; what that made wrong is found, told and given a remedy."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, func, select

from arrears.audit.record import Event, record_many
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.store import snapshot as frozen
from arrears.store.bulk import insert_new
from arrears.store.engine import writing
from arrears.store.tables.feeds import snapshot
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.oversight import late_payment, overtaken
from arrears.store.tables.people import subject

LOOK_BACK = timedelta(days=31)
"""So far back a payment may lie that a new ledger tells for the first time."""
VIEW = "q21_what_came_too_late"


def report_overtaken(rt: Runtime, engine: Engine, run_id: str, on: date) -> int:
    """Find the actions that a later fact made wrong, record each once as ``action.overtaken``, return how many are new.

    The remedy is a sentence for a person: nothing is sent because of it.
    """
    with writing(engine) as connection:
        insert_new(connection, late_payment, _late_payments(connection, rt))
        found = list(_overtaken(connection, on))
        known = set(connection.execute(select(overtaken.c.overtaken_key)).scalars())
        new = [row for row in found if row["overtaken_key"] not in known]
        insert_new(connection, overtaken, new)
        named = connection.execute(select(subject.c.account_id, subject.c.subject_ref)) if new else ()
        refs = {row.account_id: row.subject_ref for row in named}
        record_many(connection, rt, run_id=run_id, events=(_event(row, refs[row["account_id"]]) for row in new))
    return len(new)


def _overtaken(connection: Connection, on: date) -> Iterator[dict[str, Any]]:
    view = Table(VIEW, MetaData(), autoload_with=connection)
    seen = set()
    for row in connection.execute(select(view).order_by(view.c.account_id, view.c.action_id, view.c.known_at)):
        key = natural_key(row.account_id, row.action_id, row.fact, row.fact_date.isoformat())
        if key not in seen:
            seen.add(key)
            same = {name: getattr(row, name) for name in ("account_id", "action_id", "fact", "fact_date", "known_at")}
            yield {"overtaken_key": key, **same, "remedy": row.remedy, "found_on": on}


def _event(row: dict[str, Any], subject_ref: str) -> Event:
    return Event(
        type="action.overtaken",
        key=natural_key(row["action_id"], subject_ref, row["fact"], row["fact_date"].isoformat()),
        business_date=row["fact_date"],
        subject_ref=subject_ref,
        action_id=row["action_id"],
        data={"fact": row["fact"], "known_at": row["known_at"], "remedy": row["remedy"]},
        causes=[row["action_id"]],
    )


def _late_payments(connection: Connection, rt: Runtime) -> Iterator[dict[str, Any]]:
    """Yield the payments of the newest ledger that the one before did not have, of accounts contacted since."""
    ledgers = _two_newest(connection)
    if len(ledgers) < 2:
        return
    newest, before = ledgers
    since = newest.business_date - LOOK_BACK
    contacted = _contacted(connection, since, newest.created_at)
    url = rt.settings.artifacts_url
    new = {(row["subject_ref"], row["payment_id"]): row for row in frozen.payments_since(url, newest.snapshot_id, since)
           if row["subject_ref"] in contacted and row["paid_on"] <= contacted[row["subject_ref"]][1]}  # fmt: skip
    for row in frozen.payments_since(url, before.snapshot_id, since) if new else ():
        new.pop((row["subject_ref"], row["payment_id"]), None)
    for (ref, payment_id), row in new.items():
        yield {"account_id": contacted[ref][0], "payment_id": payment_id, "paid_on": row["paid_on"],
               "amount_minor": row["amount_minor"], "business_date": newest.business_date,
               "snapshot_id": newest.snapshot_id, "known_at": newest.created_at}  # fmt: skip


def _two_newest(connection: Connection) -> list[Any]:
    """Return the newest accepted ledger and the one accepted before it, whatever its date, as far as there are any."""
    query = select(snapshot.c.snapshot_id, snapshot.c.business_date, snapshot.c.created_at)
    order = (snapshot.c.business_date.desc(), snapshot.c.delivery_no.desc())
    return list(connection.execute(query.where(snapshot.c.accepted_at.is_not(None)).order_by(*order).limit(2)))


def _contacted(connection: Connection, since: date, until: str) -> dict[str, tuple[str, date]]:
    """Return, by random name, the accounts contacted before a moment, each with the last such business date."""
    query = (
        select(subject.c.subject_ref, subject.c.account_id, func.max(item.c.business_date))
        .join(subject, subject.c.account_id == item.c.account_id)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(item.c.business_date >= since, contact.c.state.in_(("sent", "in_doubt")), contact.c.sent_at < until)
        .group_by(subject.c.subject_ref, subject.c.account_id)
    )
    return {ref: (account_id, day) for ref, account_id, day in connection.execute(query)}
