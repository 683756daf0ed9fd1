"""Load what the gates ask about a batch of claimed contacts: one query a table, never one an account."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from arrears.core.clock import local_date, utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.promises import holding
from arrears.outreach.audience import contact_point, is_usable, opt_outs
from arrears.outreach.gates import ItemFacts, SendFacts
from arrears.outreach.outbox import Claim
from arrears.outreach.slots import zone_of
from arrears.store.tables.decisions import decision, verdict
from arrears.store.tables.feeds import account, hold, outcome, snapshot
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import party
from arrears.store.tables.runs import run

REACHING = ("sending", "sent", "in_doubt")
HISTORY = timedelta(days=31)
NOT_ATTEMPTS = ("letter_served", "letter_refused", "letter_returned", "bounced", "not_delivered", "no_contact_point")
"""Outcomes that tell how an earlier attempt ended, and are none themselves."""

Balances = Mapping[str, tuple[int, int]]


def balances_since(connection: Connection, rt: Runtime, business_date: date) -> Balances | None:
    """Return (overdue, next due) by subject of a ledger that came after the day's plan, or None when there is none."""
    newest = (
        select(snapshot.c.snapshot_id)
        .where(snapshot.c.business_date == business_date, snapshot.c.accepted_at.is_not(None))
        .order_by(snapshot.c.delivery_no.desc())
        .limit(1)
    )
    snapshot_id = connection.execute(newest).scalar_one_or_none()
    planned_on = select(run.c.run_id).where(run.c.snapshot_id == snapshot_id, run.c.kind == "daily").limit(1)
    if snapshot_id is None or connection.execute(planned_on).first() is not None:
        return None
    from arrears.store import snapshot as frozen

    columns = ("subject_ref", "overdue_minor", "next_due_minor")
    found: dict[str, tuple[int, int]] = {}
    for batch in frozen.accounts(rt.settings.artifacts_url, snapshot_id, columns):
        refs, overdue, upcoming = (batch.column(name).to_pylist() for name in columns)
        found.update({ref: (owed or 0, due or 0) for ref, owed, due in zip(refs, overdue, upcoming, strict=True)})
    return found


def load(
    connection: Connection, rt: Runtime, claims: Sequence[Claim], policy: Policy, balances: Balances | None
) -> dict[str, SendFacts]:
    """Return the facts of each claimed contact as they stand now."""
    now = rt.clock.now()
    people = _people(connection, {claim.row.party_id for claim in claims})
    items = _items(
        connection, [claim.contact_id for claim in claims], policy, local_date(now, policy.time_zone), balances
    )
    history = _history(connection, people, policy, now)
    return {
        claim.contact_id: _facts(
            claim, people.get(claim.row.party_id), items.get(claim.contact_id, []), history.get(claim.row.party_id, {})
        )
        for claim in claims
    }


def _facts(
    claim: Claim, person: Row[Any] | None, items: list[ItemFacts], history: Mapping[str, Mapping[date, int]]
) -> SendFacts:
    channel = claim.row.channel
    point = contact_point(channel, person) if person is not None else ""
    return SendFacts(
        contact_id=claim.contact_id,
        channel=channel,
        business_date=claim.row.business_date,
        time_zone=person.time_zone if person is not None else None,
        point=point,
        opted_out=person is not None and channel in opt_outs(person.opt_outs),
        is_usable=is_usable(channel, point),
        items=tuple(items),
        history=history,
        party=person,
    )


def _people(connection: Connection, party_ids: set[str]) -> dict[str, Row[Any]]:
    rows = connection.execute(select(party).where(party.c.party_id.in_(party_ids)))
    return {row.party_id: row for row in rows}


def _items(
    connection: Connection, contact_ids: list[str], policy: Policy, today: date, balances: Balances | None
) -> dict[str, list[ItemFacts]]:
    query = (
        select(item, account.c.subject_ref, account.c.closed_on, account.c.is_missing, account.c.data_incomplete)
        .join(account, account.c.account_id == item.c.account_id)
        .where(item.c.contact_id.in_(contact_ids), item.c.dropped_reason.is_(None))
        .order_by(item.c.account_id, item.c.step)
    )
    rows = connection.execute(query).all()
    accounts = {row.account_id for row in rows}
    holds = _holds(connection, accounts, today)
    promised = holding(connection, today, policy, accounts)
    due = _still_due(connection, accounts, {row.business_date for row in rows})
    found: dict[str, list[ItemFacts]] = defaultdict(list)
    for row in rows:
        overdue, upcoming = (1, 1) if balances is None else balances.get(row.subject_ref, (0, 0))
        owed = overdue if row.overdue_instalments else upcoming
        found[row.contact_id].append(
            ItemFacts(
                item_key=row.item_key,
                account_id=row.account_id,
                subject_ref=row.subject_ref,
                audience=row.audience,
                tone=row.tone,
                rung=row.rung,
                amount_minor=row.amount_minor,
                currency=row.currency,
                due_on=row.due_on,
                overdue_instalments=row.overdue_instalments,
                is_closed=row.closed_on is not None and row.closed_on <= today,
                is_missing=row.is_missing,
                data_incomplete=row.data_incomplete,
                holds=holds.get(row.account_id, ()),
                has_open_promise=row.account_id in promised,
                still_due=(row.account_id, row.step, row.channel, row.audience) in due,
                paid_since=owed == 0,
            )
        )
    return found


def _holds(connection: Connection, accounts: set[str], today: date) -> dict[str, tuple[str, ...]]:
    query = select(hold.c.account_id, hold.c.kind).where(
        hold.c.account_id.in_(accounts),
        hold.c.from_on <= today,
        or_(hold.c.until_on.is_(None), hold.c.until_on >= today),
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(query):
        found[row.account_id] = (*found.get(row.account_id, ()), row.kind)
    return found


def _still_due(connection: Connection, accounts: set[str], days: set[date]) -> set[tuple[str, str, str, str]]:
    """Return (account, step, channel, audience) that the newest decision of the day still wants."""
    query = (
        select(decision.c.account_id, verdict.c.body)
        .join(verdict, verdict.c.verdict_sha256 == decision.c.verdict_sha256)
        .where(decision.c.business_date.in_(days), decision.c.account_id.in_(accounts))
        .order_by(decision.c.account_id, decision.c.business_date, decision.c.revision)
    )
    newest = {row.account_id: row.body for row in connection.execute(query)}
    actions = {body: json.loads(body)["actions"] for body in set(newest.values())}
    return {
        (account_id, action["step"], action["channel"], action["audience"])
        for account_id, body in newest.items()
        for action in actions[body]
    }


def _history(
    connection: Connection, people: Mapping[str, Row[Any]], policy: Policy, now: datetime
) -> dict[str, dict[str, dict[date, int]]]:
    """Count attempts by person, channel and local day; an issued item and its outcome are one attempt."""
    counts = (defaultdict(int), defaultdict(int))  # type: tuple[dict[tuple[str, str, date], int], dict[tuple[str, str, date], int]]
    since = utc_text(now - HISTORY)
    sent = select(contact.c.party_id, contact.c.channel, contact.c.intent_at.label("at")).where(
        contact.c.party_id.in_(people), contact.c.state.in_(REACHING), contact.c.intent_at >= since
    )
    told = (
        select(outcome.c.party_id, outcome.c.channel, outcome.c.at)
        .distinct()
        .where(  # one call, many accounts
            outcome.c.party_id.in_(people), outcome.c.at >= since, outcome.c.outcome.not_in(NOT_ATTEMPTS)
        )
    )
    for count, query in zip(counts, (sent, told), strict=True):
        for row in connection.execute(query):
            zone = zone_of(people[row.party_id].time_zone, policy)
            count[row.party_id, row.channel, local_date(datetime.fromisoformat(row.at), zone)] += 1
    history: dict[str, dict[str, dict[date, int]]] = defaultdict(lambda: defaultdict(dict))
    for party_id, channel, day in counts[0].keys() | counts[1].keys():
        history[party_id][channel][day] = max(counts[0][party_id, channel, day], counts[1][party_id, channel, day])
    return history
