"""What people found out in an open episode: who refused to pay, how they are rated, who is malicious.

Source: the seed's willingness and ability, and its respect for a refusal.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, select

from arrears.core.clock import local_date
from arrears.ladder.policy import Policy
from arrears.ladder.sureties import is_only_surety
from arrears.ladder.visit_requests import supervisors
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import outcome

MALICE = "malice"
MONTH_DAYS = 30
TREATMENTS = {
    ("high", "high"): "remind",
    ("high", "low"): "plan",
    ("low", "high"): "press",
    ("low", "low"): "secure",
}
"""Willingness and ability to treatment: remind and offer direct debit; offer a plan or a part payment; shortest gaps
and an early demand; look for the machine and turn to the guarantors."""

_REFUSED = (
    select(outcome.c.account_id, outcome.c.at, episode.c.first_unpaid_due)
    .join(episode, and_(episode.c.account_id == outcome.c.account_id, episode.c.cured_on.is_(None)))
    .where(outcome.c.outcome == "refused", ~is_only_surety(outcome.c.account_id, outcome.c.party_id))
)
_REFUSED_OF_SOME = _REFUSED.where(outcome.c.account_id.in_(bindparam("accounts", expanding=True)))


def refusals(
    connection: Connection,
    on: date,
    policy: Policy,
    accounts: Collection[str] | None = None,
    *,
    among: AccountRange = EVERY,
) -> dict[str, int]:
    """Return the days since the borrower last refused, counted up to policy ``contact.quiet_after_refusal_days``.

    ``accounts`` limits the question to some, ``among`` to a range.
    """
    query = _REFUSED if accounts is None else _REFUSED_OF_SOME
    asked = {} if accounts is None else {"accounts": list(accounts)}
    found: dict[str, int] = {}
    most = policy.contact.quiet_after_refusal_days
    for row in connection.execute(among.of(connection, query, outcome.c.account_id), asked):
        day = local_date(datetime.fromisoformat(row.at), policy.time_zone)
        if row.first_unpaid_due <= day <= on:
            found[row.account_id] = min((on - day).days, most, found.get(row.account_id, most))
    return found


def treatments(connection: Connection, on: date, policy: Policy, among: AccountRange = EVERY) -> dict[str, str]:
    """Return what the newest rating of each open episode asks for; a rating without both halves says nothing."""
    query = (
        select(outcome.c.account_id, outcome.c.at, outcome.c.willingness, outcome.c.ability,
               episode.c.first_unpaid_due)
        .join(episode, and_(episode.c.account_id == outcome.c.account_id, episode.c.cured_on.is_(None)))
        .where(outcome.c.willingness.is_not(None), outcome.c.ability.is_not(None))
        .order_by(outcome.c.at, outcome.c.outcome_key)
    )  # fmt: skip
    found: dict[str, str] = {}
    for row in connection.execute(among.of(connection, query, outcome.c.account_id)):
        day = local_date(datetime.fromisoformat(row.at), policy.time_zone)
        if row.first_unpaid_due <= day <= on:
            found[row.account_id] = TREATMENTS[row.willingness, row.ability]
    return found


def late_episodes(connection: Connection, on: date, policy: Policy, among: AccountRange = EVERY) -> dict[str, int]:
    """Count the episodes of the last months (policy ``visit_triggers.habitual_months``)."""
    since = on - timedelta(days=MONTH_DAYS * policy.visit_triggers.habitual_months)
    query = (
        select(episode.c.account_id, func.count().label("times"))
        .where(episode.c.opened_on >= since)
        .group_by(episode.c.account_id)
    )
    return dict(connection.execute(among.of(connection, query, episode.c.account_id)).all())


def malicious(connection: Connection, on: date, policy: Policy, among: AccountRange = EVERY) -> set[str]:
    """Return the accounts whose arrears are called malicious in their open episode, by a supervisor too.

    One collector's word marks nobody: somebody else says it as well, and one of them is a supervisor. The newest reason
    wins, whoever gave it, and with the episode the word is over.
    """
    query = (
        select(outcome.c.account_id, outcome.c.at, outcome.c.reason, outcome.c.staff_id, episode.c.first_unpaid_due)
        .join(episode, and_(episode.c.account_id == outcome.c.account_id, episode.c.cured_on.is_(None)))
        .where(outcome.c.reason.is_not(None))
        .where(outcome.c.account_id.in_(select(outcome.c.account_id).where(outcome.c.reason == MALICE)))
        .order_by(outcome.c.at, outcome.c.outcome_key)
    )
    newest: dict[str, str] = {}
    said_by: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(among.of(connection, query, outcome.c.account_id)):
        if row.first_unpaid_due <= local_date(datetime.fromisoformat(row.at), policy.time_zone) <= on:
            newest[row.account_id] = row.reason
            if row.reason == MALICE and row.staff_id:
                said_by[row.account_id].add(row.staff_id)
    trusted = set(supervisors(connection)) if newest else set()
    return {
        account_id
        for account_id, reason in newest.items()
        if reason == MALICE and len(said_by[account_id]) > 1 and said_by[account_id] & trusted
    }
