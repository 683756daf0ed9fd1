"""Payments told of during a day: which ledgers name payments, and how long one counts that none has brought."""

import json
from datetime import date

from sqlalchemy import BindParameter, ColumnElement, ScalarSelect, exists

from arrears.core.calendar import ONE_DAY
from arrears.ladder.policy import Policy
from arrears.store.tables.feeds import payment, unbooked_payment


def is_open_items(facts: str) -> bool:
    """Say by the kept facts of a frozen ledger whether it holds what is paid of each instalment, and no payments."""
    return bool(json.loads(facts).get("form") == "open_items")


def told_since(on: date, policy: Policy) -> date:
    """Return the first day whose payments count on ``on`` without standing in the ledger.

    A payment told of and not booked is money in flight (policy ``holds.in_flight_working_days``): for that many working
    days its payer is believed. One that the ledger never brings was no payment, or is booked under another id.
    """
    return policy.business_calendar().working_days_before(on, policy.holds.in_flight_working_days + 1) + ONE_DAY


def is_unbooked(snapshot_id: BindParameter[str] | ScalarSelect[str]) -> ColumnElement[bool]:
    """Say of a payment that a frozen ledger did not hold it, though it had been told of before."""
    return exists().where(
        unbooked_payment.c.snapshot_id == snapshot_id,
        unbooked_payment.c.account_id == payment.c.account_id,
        unbooked_payment.c.payment_id == payment.c.payment_id,
    )
