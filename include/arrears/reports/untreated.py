"""Arrears that nobody has taken up: overdue for more than a working day, contacted by nobody, on no list, not on hold.

Source: the seed's first principle, no waiting without a reason.
"""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from arrears.ladder.policy import Policy
from arrears.reports.scope import CARRIED, in_force
from arrears.store.tables.decisions import decision, evidence, fact_set
from arrears.store.tables.outreach import contact, item, suppression

WAS_CONTACTED = '"(sent|attempts)":[1-9]'
"""What the frozen facts say of somebody who was contacted in the episode before the day."""

MOST_NAMES = 500
"""So many sets of facts are asked for at once."""


def untreated(
    connection: Connection, business_date: date, branch: str | None, policy: Policy
) -> list[tuple[date, str]]:
    """Return since when, and which, overdue accounts nobody has contacted in their episode, the longest first.

    They are counted from one working day after the miss. Who is on hold, or owes only a trifle, is not waited for
    without a reason. Most accounts were contacted by what decide() was told; only the others are looked up one by one.
    """
    last = policy.business_calendar().working_days_before(business_date, 2)
    late = (in_force(business_date, branch), decision.c.entitled_rung > 1, decision.c.oldest_unpaid_due <= last)
    told = select(decision.c.facts_sha256).where(*late).distinct()
    query = select(fact_set.c.facts_sha256).where(
        fact_set.c.facts_sha256.in_(told), ~fact_set.c.body.regexp_match(WAS_CONTACTED)
    )
    untouched = sorted(connection.execute(query).scalars())
    found: list[tuple[date, str]] = []
    for first in range(0, len(untouched), MOST_NAMES):
        mine = decision.c.facts_sha256.in_(untouched[first : first + MOST_NAMES])
        rows = connection.execute(_unheard(business_date).where(*late, mine))
        found += [(row.oldest_unpaid_due, row.account_id) for row in rows]
    return sorted(found)


def _unheard(business_date: date) -> Any:
    """Ask for accounts without a contact carried out, or on a list of today, in their episode, and without a hold."""
    went = exists(
        select(item.c.item_key)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(
            item.c.account_id == decision.c.account_id,
            item.c.business_date > decision.c.episode_due,
            item.c.dropped_reason.is_(None),
            or_(contact.c.state == "sent", and_(item.c.business_date == business_date, contact.c.state.in_(CARRIED))),
        )
    )
    proved = exists().where(
        evidence.c.account_id == decision.c.account_id,
        evidence.c.counts,
        evidence.c.local_date >= decision.c.episode_due,
    )
    query = select(decision.c.oldest_unpaid_due, decision.c.account_id)
    return query.where(~went, ~proved, ~is_held(business_date))


def is_held(business_date: date) -> ColumnElement[bool]:
    """Say whether the account of a decision was left alone on a day because of a hold."""
    return exists().where(
        suppression.c.account_id == decision.c.account_id,
        suppression.c.business_date == business_date,
        suppression.c.reason.startswith("hold_", autoescape=True),
    )
