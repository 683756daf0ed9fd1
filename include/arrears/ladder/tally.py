"""Tally the counting evidence of each open episode: what opens the next rung."""

from collections import defaultdict
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from arrears.ladder.facts import Evidence
from arrears.ladder.sureties import SURETIES, owes
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode, evidence
from arrears.store.tables.people import account_party

CALLS = ("call_attempt", "call_answered")
LETTERS = ("letter_served", "letter_refused", "letter_returned")
REMINDERS = ("message_delivered", "call_answered", "demand_served", *LETTERS)
DEAD = "call_failed"
"""No evidence that anybody was reached, yet it tells that the number leads to nobody."""

MOST_EARLIER = 2
"""Contacts before go-live that set the tone of the first one after it: from the third on it is the same."""


def tally_evidence(
    connection: Connection, on: date, episodes: dict[str, date], among: AccountRange = EVERY
) -> dict[str, Evidence]:
    """Sum up the counting evidence of each open episode; an account without any or guarantors is left out."""
    guarantors = _guarantors(connection, among)
    rows: dict[str, list[Any]] = defaultdict(list)
    columns = (evidence.c.account_id, evidence.c.party_id, evidence.c.kind, evidence.c.local_date, evidence.c.channel,
               evidence.c.source)  # fmt: skip
    query = (
        select(*columns)
        .join(episode, and_(episode.c.account_id == evidence.c.account_id, episode.c.cured_on.is_(None)))
        .where(
            or_(evidence.c.counts, evidence.c.kind == DEAD),
            evidence.c.local_date <= on,
            evidence.c.local_date >= episode.c.first_unpaid_due,
        )
    )
    for row in connection.execute(among.of(connection, query, evidence.c.account_id)):
        rows[row.account_id].append(row)
    return {
        account_id: _sum_up(rows.get(account_id, []), guarantors.get(account_id, frozenset()), on)
        for account_id in episodes
        if account_id in rows or account_id in guarantors
    }


def _sum_up(found: list[Any], guarantors: frozenset[str], on: date) -> Evidence:
    rows = [row for row in found if row.kind != DEAD]
    own = [row for row in rows if row.party_id not in guarantors]
    calls = [row for row in own if row.kind in CALLS]
    days = [row.local_date for row in rows]
    letters = [row.local_date for row in own if row.kind in LETTERS]
    return Evidence(
        reminders=sum(row.kind in REMINDERS for row in own),
        call_attempts=len(calls),
        call_days=len({row.local_date for row in calls}),
        calls_answered=sum(row.kind == "call_answered" for row in calls),
        guarantors=len(guarantors),
        guarantors_tried=len({row.party_id for row in rows if row.party_id in guarantors}),
        attempts=len(rows),
        channels=len({row.channel for row in rows}),
        span_days=(max(days) - min(days)).days if days else 0,
        visits=sum(row.kind == "visit_reported" for row in own),
        visits_failed=sum(row.kind == "visit_failed" for row in own),
        letter_age_days=(on - min(letters)).days if letters else None,
        no_contact_point=any(row.kind == "no_contact_point" for row in own),
        before_go_live=min(sum(row.source == "opening" for row in own), MOST_EARLIER),
        dead_number=any(row.kind == DEAD and row.party_id not in guarantors for row in found),
    )


def _guarantors(connection: Connection, among: AccountRange) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    tie = account_party.c
    query = select(tie.account_id, tie.party_id).where(tie.role.in_(SURETIES), ~owes(tie.account_id, tie.party_id))
    for row in connection.execute(among.of(connection, query, account_party.c.account_id)):
        found[row.account_id].add(row.party_id)
    return {account_id: frozenset(parties) for account_id, parties in found.items()}
