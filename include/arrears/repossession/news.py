"""What became known of accounts with orders since they were decided on: money that came, and what they owe now."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balance, Balances
from arrears.ladder.policy import Policy
from arrears.repossession.told_money import Ledgers, Told, told_money

LAST_STAGE = 3
Line = Mapping[str, Any]
Ledger = Mapping[str, Line]


def with_news(
    connection: Connection,
    rt: Runtime,
    on: date,
    policy: Policy,
    accounts: Mapping[str, Row[Any]],
    ledger: Ledger,
    since: Mapping[str, date],
) -> Ledger:
    """Return the ledger's rows of some accounts with what is known by now; ``since`` says from when news matter.

    ``last_paid_on`` becomes the last day on which money came, and the arrears are staged again where a payment or a
    later ledger came since. Money that the row's ledger does not hold counts as paid, and where it reaches an
    instalment as a whole one. An account whose rows were refused is not staged: what is missing was not paid.
    """
    subjects = {name: accounts[name].subject_ref for name in ledger}
    rows = _with_money(connection, rt, on, policy, subjects, ledger, since)
    whole = {name: ref for name, ref in subjects.items() if not accounts[name].data_incomplete}
    owed = _owed_now(connection, rt, on, policy, whole)
    return {name: {**row, **_staged(owed.get(name))} for name, row in rows.items()}


def _with_money(
    connection: Connection,
    rt: Runtime,
    on: date,
    policy: Policy,
    subjects: Mapping[str, str],
    ledger: Ledger,
    since: Mapping[str, date],
) -> Ledger:
    told = told_money(connection, on, policy, ledger)
    if not told:
        return ledger
    ledgers = Ledgers(connection, rt, policy, subjects)
    new = _by_account(ledgers.news([one for one in told if one.amount_minor > 0], since))
    unbooked = _by_account(ledgers.unbooked(told, {name: row["snapshot_id"] for name, row in ledger.items()}, on))
    return {
        name: {**row, **_came(row, new.get(name, ())), **_paid(row, unbooked.get(name, ()))}
        for name, row in ledger.items()
    }


def _by_account(told: Iterable[Told]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for one in told:
        found.setdefault(one.account_id, []).append(one)
    return found


def _came(row: Line, new: Iterable[Told]) -> dict[str, Any]:
    """Return the last day on which money came; a reversal takes nothing back: it is tomorrow's ledger's business."""
    return {"last_paid_on": _latest(row["last_paid_on"], (one.came_on for one in new))}


def _paid(row: Line, unbooked: Iterable[Told]) -> dict[str, Any]:
    """Count what the ledger does not hold; as in the ledger, a day's money is whole when it reaches one instalment."""
    by_day: Counter[date] = Counter()
    for one in unbooked:
        by_day[one.came_on] += one.amount_minor
    whole = (day for day, amount in by_day.items() if amount >= _instalment(row) and amount > 0)
    paid = max(0, (row["paid_minor"] or 0) + by_day.total())
    return {"paid_minor": paid, "whole_paid_on": _latest(row["whole_paid_on"], whole)}


def _instalment(row: Line) -> int:
    """Return the amount of the oldest overdue instalment; of an older release's ledger what is unpaid of one."""
    amounts = row.get("overdue_amount_minor")
    return int(amounts[0] if amounts else row["overdue_minor"] // max(1, row["overdue_instalments"]))


def _latest(day: date | None, others: Iterable[date]) -> date | None:
    return max([*others, *([] if day is None else [day])], default=None)


def _owed_now(
    connection: Connection, rt: Runtime, on: date, policy: Policy, subjects: Mapping[str, str]
) -> dict[str, Balance]:
    with suppress(CannotTell):  # a ledger that is gone proves nothing
        return Balances(rt, on, policy, of_few=True).of(connection, subjects)
    return {}


def _staged(owed: Balance | None) -> dict[str, Any]:
    if owed is None:
        return {}
    return {
        "stage": min(LAST_STAGE, owed.overdue_instalments),
        "overdue_instalments": owed.overdue_instalments,
        "overdue_minor": owed.overdue_minor,
    }
