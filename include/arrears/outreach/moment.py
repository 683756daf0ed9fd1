"""Load what the gates ask about a batch of claimed contacts: one query a table, never one an account."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select

from arrears.core.clock import local_date, utc_text
from arrears.core.errors import GateHeld
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balances
from arrears.ladder.evidence import ANSWERED
from arrears.ladder.in_force import run_in_force
from arrears.ladder.policy import Policy
from arrears.outreach.audience import contact_point, fault_of, listed
from arrears.outreach.claims import Claim
from arrears.outreach.gates import ItemFacts, SendFacts
from arrears.outreach.item_facts import load_items
from arrears.outreach.slots import local_day
from arrears.outreach.zones import Zones, zones_of
from arrears.store.tables.feeds import outcome
from arrears.store.tables.outreach import contact
from arrears.store.tables.people import party
from arrears.store.tables.runs import run

REACHING = ("sending", "sent", "in_doubt")
HISTORY = timedelta(days=31)
NOT_ATTEMPTS = ("letter_served", "letter_refused", "letter_returned", "bounced", "not_delivered", "no_contact_point")
"""Outcomes that tell how an earlier attempt ended, and are none themselves."""

_SOME: BindParameter[str] = bindparam("people", expanding=True)
_SINCE: BindParameter[str] = bindparam("since")
_PEOPLE = select(party).where(party.c.party_id.in_(_SOME))
_SENT = select(contact.c.party_id, contact.c.channel, contact.c.intent_at.label("at")).where(
    contact.c.party_id.in_(_SOME), contact.c.state.in_(REACHING), contact.c.intent_at >= _SINCE
)
_TOLD = (
    select(outcome.c.party_id, outcome.c.channel, outcome.c.at)
    .distinct()  # one call, many accounts
    .where(outcome.c.party_id.in_(_SOME), outcome.c.at >= _SINCE, outcome.c.outcome.not_in(NOT_ATTEMPTS))
)
_WORDS = (
    select(outcome.c.party_id, func.max(outcome.c.at).label("at"))
    .where(outcome.c.party_id.in_(_SOME), outcome.c.at >= _SINCE)
    .group_by(outcome.c.party_id)
)
_TALKS = _WORDS.where(outcome.c.channel == "call", outcome.c.outcome.in_(ANSWERED))
_REFUSALS = _WORDS.where(outcome.c.outcome == "refused")


def load(
    connection: Connection, rt: Runtime, claims: Sequence[Claim], policy: Policy, balances: Balances
) -> dict[str, SendFacts]:
    """Return the facts of each claimed contact as they stand now."""
    now = rt.clock.now()
    people = _people(connection, {claim.row.party_id for claim in claims})
    today = local_date(now, policy.time_zone)
    items = load_items(connection, [claim.contact_id for claim in claims], policy, today, balances)
    history = _history(connection, people, policy, now)
    quiet = policy.contact.quiet_after_conversation_days, policy.contact.quiet_after_refusal_days
    talks = _newest_words(connection, _TALKS, people, policy, now, quiet[0])
    called = {
        key: people[key] for claim in claims if claim.row.channel == "call" and (key := claim.row.party_id) in people
    }
    refused = _newest_words(connection, _REFUSALS, called, policy, now, quiet[1]) if called else {}
    return {
        claim.contact_id: _facts(
            claim,
            people.get(claim.row.party_id),
            items.get(claim.contact_id, []),
            history.get(claim.row.party_id, {}),
            talks.get(claim.row.party_id),
            refused.get(claim.row.party_id),
            policy,
        )
        for claim in claims
    }


def refuse_what_stands(connection: Connection, business_date: date, policy: Policy) -> None:
    """Refuse to send by decisions whose sums do not tie, or which another policy made.

    Under this policy they may be too much, too early or too often; and where sums do not tie somebody may have paid.

    Raises:
        GateHeld: the run by which the decisions of the day stand does not add up, or was under another policy.
    """
    newest = run_in_force(business_date).with_only_columns(run.c.run_id, run.c.policy_sha256, run.c.untied)
    found = connection.execute(newest).one_or_none()
    if found is None:
        return
    if found.untied:
        raise GateHeld(
            f"{found.run_id} does not add up, nothing was sent: {found.untied}. Let it end or run {business_date} again"
        )
    if found.policy_sha256 != policy.sha256:
        raise GateHeld(
            f"policy {policy.policy_id} {policy.version} ({policy.sha256[:12]}) is not the one {business_date} was "
            f"decided under ({found.policy_sha256[:12]}): nothing was sent. Run the date again, or restore that policy "
            "file"
        )


def _facts(
    claim: Claim,
    person: Row[Any] | None,
    items: list[ItemFacts],
    history: Mapping[str, Mapping[date, int]],
    last_talk: date | None,
    last_refusal: date | None,
    policy: Policy,
) -> SendFacts:
    channel = claim.row.channel
    point = contact_point(channel, person) if person is not None else ""
    return SendFacts(
        contact_id=claim.contact_id,
        channel=channel,
        business_date=claim.row.business_date,
        zones=_zones(person, policy) if person is not None else (policy.time_zone,),
        point=point,
        opted_out=person is not None and channel in listed(person.opt_outs),
        consents=listed(person.consents) if person is not None else frozenset(),
        fault=fault_of(channel, point, policy.calendar.country),
        items=tuple(items),
        history=history,
        last_talk=last_talk,
        last_refusal=last_refusal,
        party=person,
    )


def _zones(person: Row[Any], policy: Policy) -> Zones:
    return zones_of(person.time_zone, person.mobile, policy)


def _people(connection: Connection, party_ids: set[str]) -> dict[str, Row[Any]]:
    rows = connection.execute(_PEOPLE, {"people": list(party_ids)})
    return {row.party_id: row for row in rows}


def _history(
    connection: Connection, people: Mapping[str, Row[Any]], policy: Policy, now: datetime
) -> dict[str, dict[str, dict[date, int]]]:
    """Count attempts by person, channel and local day; an issued item and its outcome are one attempt."""
    counts = (defaultdict(int), defaultdict(int))  # type: tuple[dict[tuple[str, str, date], int], dict[tuple[str, str, date], int]]
    asked = {"people": list(people), "since": utc_text(now - HISTORY)}
    for count, query in zip(counts, (_SENT, _TOLD), strict=True):
        for row in connection.execute(query, asked):
            zones = _zones(people[row.party_id], policy)
            count[row.party_id, row.channel, local_day(datetime.fromisoformat(row.at), zones, policy)] += 1
    history: dict[str, dict[str, dict[date, int]]] = defaultdict(lambda: defaultdict(dict))
    for party_id, channel, day in counts[0].keys() | counts[1].keys():
        history[party_id][channel][day] = max(counts[0][party_id, channel, day], counts[1][party_id, channel, day])
    return history


def _newest_words(
    connection: Connection, query: Select[Any], people: Mapping[str, Row[Any]], policy: Policy, now: datetime, days: int
) -> dict[str, date]:
    """Return the local day of each person's newest outcome of a kind, if it lies within so many days of quiet."""
    asked = {"people": list(people), "since": utc_text(now - timedelta(days=days + 1))}
    return {
        row.party_id: local_day(datetime.fromisoformat(row.at), _zones(people[row.party_id], policy), policy)
        for row in connection.execute(query, asked)
    }
