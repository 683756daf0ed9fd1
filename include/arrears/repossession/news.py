"""What became known of accounts with orders since they were decided on: money that came, and what they owe now."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from arrears.core.clock import local_date
from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balance, Balances
from arrears.ladder.policy import Policy
from arrears.store.tables.feeds import delivery, payment

LAST_STAGE = 3
Ledger = Mapping[str, Mapping[str, Any]]


def with_news(
    connection: Connection, rt: Runtime, on: date, policy: Policy, subjects: Mapping[str, str], ledger: Ledger
) -> dict[str, Mapping[str, Any]]:
    """Return the ledger's rows of some accounts with what is known by now; ``subjects`` are their ``subject_ref``.

    ``last_paid_on`` becomes the last day on which money came, and the arrears are staged again where a payment or a
    later ledger came since.
    """
    came = _money_came_on(connection, on, policy, ledger)
    owed = _owed_now(connection, rt, on, policy, {name: subjects[name] for name in ledger})
    return {name: {**row, **_paid(row, came.get(name)), **_staged(owed.get(name))} for name, row in ledger.items()}


def _money_came_on(connection: Connection, on: date, policy: Policy, ledger: Ledger) -> dict[str, date]:
    """Return for each account that paid during a day the last day on which money came, its own or ours.

    A bank's statement tells today of yesterday's money: a payment came on its day, or on the later one on which it
    reached us. A reversal takes nothing back here: what was paid today and bounced is tomorrow's ledger's business.
    """
    query = (
        select(payment.c.account_id, payment.c.paid_on, payment.c.business_date, delivery.c.received_at)
        .outerjoin(delivery, delivery.c.delivery_id == payment.c.delivery_id)
        .where(payment.c.account_id.in_(ledger), payment.c.amount_minor > 0, payment.c.paid_on <= on)
    )
    found: dict[str, date] = {}
    for row in connection.execute(query):
        days = [row.paid_on, row.business_date]
        if row.received_at is not None:
            days.append(local_date(datetime.fromisoformat(row.received_at), policy.time_zone))
        found[row.account_id] = max(*days, found.get(row.account_id, date.min))
    return found


def _owed_now(
    connection: Connection, rt: Runtime, on: date, policy: Policy, subjects: Mapping[str, str]
) -> dict[str, Balance]:
    with suppress(CannotTell):  # a ledger that is gone proves nothing
        return Balances(rt, on, policy, of_few=True).of(connection, subjects)
    return {}


def _paid(row: Mapping[str, Any], came_on: date | None) -> dict[str, Any]:
    return {} if came_on is None else {"last_paid_on": max(row["last_paid_on"] or came_on, came_on)}


def _staged(owed: Balance | None) -> dict[str, Any]:
    if owed is None:
        return {}
    return {
        "stage": min(LAST_STAGE, owed.overdue_instalments),
        "overdue_instalments": owed.overdue_instalments,
        "overdue_minor": owed.overdue_minor,
    }
