"""A customer who disputes, asks for help or has died is left alone from that day, until a person ends the hold.

Nobody talks to the dead about another contract either: a death holds every open account that the person owes.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from arrears.core.clock import local_date
from arrears.core.keys import natural_key
from arrears.ladder.holds import DEATH
from arrears.ladder.policy import Policy
from arrears.ladder.sureties import DEBTORS
from arrears.store.bulk import insert_new
from arrears.store.tables.feeds import account, hold
from arrears.store.tables.people import account_party

CLAIMS = {"dispute_raised": "dispute", "hardship_claimed": "hardship", "deceased_reported": DEATH}
"""Which outcome of a contact opens which hold; the ``holds`` feed ends it with ``until_on`` on the same key."""

Row = dict[str, Any]


def hold_what_was_claimed(connection: Connection, outcomes: list[Row], policy: Policy) -> list[Row]:
    """Open a hold for each claim in new outcomes and return the new ones; a hold that stands already is left alone."""
    opened = []
    for outcome in outcomes:
        kind = CLAIMS.get(outcome["outcome"])
        if kind is None:
            continue
        others = _owed_by(connection, outcome["party_id"]) if kind == DEATH else []
        for account_id in dict.fromkeys([outcome["account_id"], *others]):
            row = _hold(outcome | {"account_id": account_id}, kind, policy)
            if insert_new(connection, hold, [row]):
                opened.append(row)
    return opened


def _owed_by(connection: Connection, party_id: str) -> list[str]:
    """Return the open accounts of which a person is borrower or co-borrower."""
    query = (
        select(account_party.c.account_id)
        .join(account, account.c.account_id == account_party.c.account_id)
        .where(account_party.c.party_id == party_id, account_party.c.role.in_(DEBTORS), account.c.closed_on.is_(None))
    )
    return list(connection.execute(query.order_by(account_party.c.account_id)).scalars())


def _hold(outcome: Row, kind: str, policy: Policy) -> Row:
    from_on = local_date(datetime.fromisoformat(outcome["at"]), policy.time_zone)
    return {
        "hold_key": natural_key(outcome["account_id"], kind, from_on.isoformat()),
        "account_id": outcome["account_id"],
        "kind": kind,
        "from_on": from_on,
        "until_on": None,
        "reason": outcome["outcome"],
        "approved_by": outcome["staff_id"],
        "delivery_id": outcome["delivery_id"],
        "row_no": outcome["row_no"],
        "row_sha256": outcome["row_sha256"],
    }
