"""What keeps a packet from leaving although its facts stand: a hold, or money that no ledger tells of yet."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, func, or_, select

from arrears.ladder.holds import Holds, holds_in_force
from arrears.ladder.policy import Policy
from arrears.ladder.told import is_unbooked
from arrears.store.tables.feeds import payment
from arrears.store.tables.runs import run

PRESERVATION = "preservation"
"""The approval of a preservation before the gates are open: it covers nothing else."""
SUITS_IT = frozenset({"asset_loss", "placement"})
"""Hard holds in spite of which a machine may be preserved: what is lost is looked for, what an agency collects may be
secured."""
OF_TODAY = frozenset({"litigation", "part_payment", "placement"})
"""Holds that say nothing about a filing of an earlier day: the suit itself, and what the store knows of today alone."""
AT_ONCE = 1_000
"""Accounts named in one question: a database takes no more than some ten thousands of values."""


def in_the_way(
    connection: Connection, on: date, policy: Policy, kind: str, accounts: Collection[str]
) -> dict[str, str]:
    """Return by account why what two people approve or approved may not leave on a day: ``hold_<kind>`` or ``payment``.

    Any hold keeps a packet; of an application for preservation only a hard one does, and not those that suit it.
    """
    found: dict[str, str] = {}
    ordered = sorted(accounts)
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        found |= dict.fromkeys(_paid(connection, on, some), "payment")
        for account_id, holds in holds_in_force(connection, on, policy, some).items():
            if kinds := _that_keep(kind, holds):
                found[account_id] = f"hold_{min(kinds)}"
    return found


def was_held(connection: Connection, on: date, policy: Policy, kind: str, account_id: str) -> bool:
    """Say whether a hold was in force on the day of a filing; a hold is known by its days, not by the hour."""
    holds = holds_in_force(connection, on, policy, [account_id]).get(account_id, ((), ()))
    return bool(_that_keep(kind, holds) - OF_TODAY)


def _that_keep(kind: str, holds: Holds) -> frozenset[str]:
    hard, soft = holds
    return frozenset(hard) - SUITS_IT if kind == PRESERVATION else frozenset(hard + soft)


def _paid(connection: Connection, on: date, accounts: Collection[str]) -> set[str]:
    """Return the accounts that paid something since the newest ledger was frozen, or before and it does not hold it."""
    ledgers = run.c.kind == "daily", run.c.snapshot_id.is_not(None)
    newest = select(func.max(run.c.business_date)).where(*ledgers)
    order = run.c.business_date.desc(), run.c.ordinal.desc()
    snapshot_id = select(run.c.snapshot_id).where(*ledgers).order_by(*order).limit(1)
    query = select(payment.c.account_id).where(
        payment.c.account_id.in_(accounts), payment.c.amount_minor > 0, payment.c.paid_on <= on,
        or_(payment.c.business_date >= newest.scalar_subquery(), is_unbooked(snapshot_id.scalar_subquery())),
    )  # fmt: skip
    return set(connection.execute(query).scalars())
