"""Reasons to leave an account alone, as of a day: asked when the day is decided and again at the moment of sending."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from arrears.ladder.policy import Policy
from arrears.ladder.promises import holding
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.feeds import debit, hold, plan

Holds = tuple[tuple[str, ...], tuple[str, ...]]
"""The hard and the soft holds of one account, by kind."""


def holds_in_force(
    connection: Connection,
    on: date,
    policy: Policy,
    accounts: Collection[str] | None = None,
    *,
    among: AccountRange = EVERY,
) -> dict[str, Holds]:
    """Return the holds of each held account: imported ones, open promises, kept plans and debits in flight.

    ``accounts`` limits the question to some, ``among`` to a range. A kind that the policy does not call soft is hard
    (policy ``holds``).
    """
    kinds: dict[str, set[str]] = defaultdict(set)
    held = select(hold.c.account_id, hold.c.kind).where(
        hold.c.from_on <= on, or_(hold.c.until_on.is_(None), hold.c.until_on >= on)
    )
    for account_id, kind in connection.execute(
        among.of(connection, _of(held, hold.c.account_id, accounts), hold.c.account_id)
    ):
        kinds[account_id].add(kind)
    for account_id in holding(connection, on, policy, accounts, among=among):
        kinds[account_id].add("promise")
    in_flight = select(debit.c.account_id).where(debit.c.result == "pending")
    for account_id in connection.execute(
        among.of(connection, _of(in_flight, debit.c.account_id, accounts), debit.c.account_id)
    ).scalars():
        kinds[account_id].add("payment_in_flight")
    agreed = select(plan.c.account_id).where(
        plan.c.approved_by.is_not(None), plan.c.signed_on <= on, plan.c.first_due_on >= on
    )
    for account_id in connection.execute(
        among.of(connection, _of(agreed, plan.c.account_id, accounts), plan.c.account_id)
    ).scalars():
        kinds[account_id].add("plan")
    hard, soft = set(policy.holds.hard), set(policy.holds.soft)
    return {
        account_id: (tuple(sorted(found - soft)), tuple(sorted(found & soft - hard)))
        for account_id, found in kinds.items()
    }


def _of(query: Select[Any], column: Any, accounts: Collection[str] | None) -> Select[Any]:
    return query if accounts is None else query.where(column.in_(accounts))
