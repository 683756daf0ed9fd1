"""What changed since the last decided day: whose arrears went down, and whom nobody may call today."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, select

from arrears.reports.scope import CARRIED, in_force, last_decided, owned_by
from arrears.reports.stopped import protected_steps
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account
from arrears.store.tables.outreach import contact, item, suppression
from arrears.store.tables.people import account_party, party


@dataclass(frozen=True)
class Paid:
    """An account whose arrears are lower than on the last decided day."""

    account_id: str
    party_name: str | None
    less_minor: int
    left_minor: int
    currency: str


@dataclass(frozen=True)
class Spared:
    """An account nobody may call or visit today, with every reason."""

    account_id: str
    party_name: str | None
    reasons: tuple[str, ...]


def paid_since(connection: Connection, day: date, branch: str | None, staff_id: str | None, limit: int) -> list[Paid]:
    """Return the accounts whose arrears went down since the last decided day, the largest sums first.

    An account that needs no decision any more owes nothing; one that has left the ledger is not counted as paid.
    """
    last = last_decided(connection, day)
    if last is None:
        return []
    then = (
        select(decision.c.account_id, decision.c.overdue_minor, decision.c.currency)
        .where(in_force(last, branch), decision.c.overdue_minor > 0, owned_by(decision.c.account_id, staff_id, day))
        .subquery("then")
    )
    now = select(decision.c.account_id, decision.c.overdue_minor).where(in_force(day, None)).subquery("now")
    left = func.coalesce(now.c.overdue_minor, 0)
    rows = connection.execute(
        select(then.c.account_id, (then.c.overdue_minor - left).label("less"), left, then.c.currency)
        .join(account, and_(account.c.account_id == then.c.account_id, account.c.is_missing.is_(False)))
        .outerjoin(now, now.c.account_id == then.c.account_id)
        .where(then.c.overdue_minor > left)
        .order_by((then.c.overdue_minor - left).desc(), then.c.account_id)
        .limit(limit)
    ).all()
    names = _borrowers(connection, [row[0] for row in rows])
    return [Paid(row[0], names.get(row[0]), row[1], row[2], row[3]) for row in rows]


def spared(connection: Connection, day: date, branch: str | None, staff_id: str | None, limit: int) -> list[Spared]:
    """Return the accounts whose calls and visits are stopped to protect somebody; one that is on a list is none."""
    listed = (
        select(item.c.account_id)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(
            item.c.business_date == day,
            item.c.dropped_reason.is_(None),
            contact.c.channel.in_(("call", "visit")),
            contact.c.state.in_(CARRIED),
        )
    )
    steps = protected_steps(day, branch, staff_id).where(suppression.c.account_id.not_in(listed)).subquery()
    accounts = connection.execute(
        select(steps.c.account_id).distinct().order_by(steps.c.account_id).limit(limit)
    ).scalars()
    chosen = list(accounts)
    reasons: dict[str, set[str]] = defaultdict(set)
    found = protected_steps(day, branch, staff_id).add_columns(suppression.c.reason)
    for row in connection.execute(found.where(suppression.c.account_id.in_(chosen))):
        reasons[row.account_id].add(row.reason)
    names = _borrowers(connection, chosen)
    return [Spared(one, names.get(one), tuple(sorted(reasons[one]))) for one in chosen]


def _borrowers(connection: Connection, accounts: list[str]) -> dict[str, Any]:
    query = (
        select(account_party.c.account_id, party.c.name)
        .join(party, party.c.party_id == account_party.c.party_id)
        .where(account_party.c.account_id.in_(accounts), account_party.c.role == "borrower")
        .order_by(account_party.c.party_id.desc())
    )
    return {row.account_id: row.name for row in connection.execute(query)}
