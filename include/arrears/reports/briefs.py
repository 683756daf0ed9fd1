"""What somebody should know before a call or a visit, and what must come back: from the record, in the desk's language.

The seed: think before you go (when, how they pay, what they promised), explain the debt, and bring back evidence of
the debt and the place of the machine.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, and_, func, select

from arrears.ladder.policy import Policy
from arrears.reports.assessment import advised, rated
from arrears.reports.conduct import conduct
from arrears.reports.money_text import exact
from arrears.reports.owed import OverdueInstalments
from arrears.reports.scope import CARRIED, STAFFED, in_force
from arrears.reports.wording import Words
from arrears.store.tables.decisions import decision, episode, verdict
from arrears.store.tables.feeds import account, document, location, outcome, promise, staff
from arrears.store.tables.outreach import contact, item, work_item
from arrears.store.tables.people import party

YEAR = timedelta(days=365)
MOST_OUTCOMES, MOST_INSTALMENTS = 3, 6
PEOPLE = 500
"""People whose records are in memory at a time."""

TRIGGERS = ("V1_no_effect", "V2_habitual", "V3_broken_promise", "V4_lost_contact", "V5_approved")
CHECKLIST = {
    "call": ("reason", "promise", "next_step"),
    "visit": (
        "identification",
        "statement",
        "statement_signed",
        "agreement",
        "machine_location",
        "photos",
        "next_step",
    ),
    "letter": ("letter_sent", "proof_of_service", "two_people"),
    "senior_contact": ("reason", "promise", "agreement", "next_step"),
    "credit_notice": ("letter_sent", "proof_of_service", "two_people"),
    "asset_search": ("machine_location", "assets", "lawful_source", "next_step"),
}
"""What each kind of work must bring back; a visit without debt evidence and machine location needs a reason."""

ON_FILE = {"statement_signed": "statement_signed", "agreement": "agreement", "proof_of_service": "proof_of_service"}
"""Which entries a document on file has settled already."""


@dataclass(frozen=True)
class Card:
    """One contact as a person carries it out: what to say, what to know, what to bring back."""

    party_id: str
    channel: str
    script: str
    brief: str
    checklist: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """What the store knows about the accounts of some people on a day's lists, read once for all of them."""

    accounts: Mapping[str, Row[Any]]
    decided: Mapping[str, Row[Any]]
    episodes: Mapping[str, int]
    promises: Mapping[str, Sequence[Row[Any]]]
    outcomes: Mapping[str, Sequence[Row[Any]]]
    places: Mapping[str, Row[Any]]
    documents: Mapping[str, frozenset[str]]
    schedules: Mapping[str, Sequence[Any]]
    names: Mapping[str, str]


def cards_of(
    connection: Connection, schedules: OverdueInstalments, business_date: date, say: Words, policy: Policy,
    people: Collection[str],
) -> dict[tuple[str, str], Card]:  # fmt: skip
    """Return the card of every call, visit and letter of a day to some people, by person and channel."""
    asked, cards = sorted(people), dict[tuple[str, str], Card]()
    for start in range(0, len(asked), PEOPLE):
        rows = _tasks(connection, business_date, asked[start : start + PEOPLE])
        record = _record(connection, schedules, business_date, rows)
        tasks: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in rows:
            tasks[row.contact_id].append(row)
        made = (_card(members, record, business_date, say, policy) for members in tasks.values())
        cards |= {(card.party_id, card.channel): card for card in made}
    return cards


def _tasks(connection: Connection, on: date, people: Sequence[str]) -> Sequence[Row[Any]]:
    """Return one row for each contract of each contact on the lists."""
    query = (
        select(
            contact.c.contact_id, contact.c.party_id, contact.c.channel, contact.c.tone,
            item.c.account_id, item.c.amount_minor, item.c.currency, party.c.name, party.c.preferred_time,
            party.c.time_zone, work_item.c.script, work_item.c.companion_id, work_item.c.due_at, work_item.c.documents,
        )
        .join(item, item.c.contact_id == contact.c.contact_id)
        .outerjoin(party, party.c.party_id == contact.c.party_id)
        .outerjoin(work_item, work_item.c.contact_id == contact.c.contact_id)
        .where(contact.c.business_date == on, contact.c.channel.in_(STAFFED), contact.c.state.in_(CARRIED))
        .where(item.c.dropped_reason.is_(None), contact.c.party_id.in_(people))
        .order_by(contact.c.contact_id, item.c.account_id, item.c.step)
    )  # fmt: skip
    rows: dict[tuple[str, str], Any] = {(row.contact_id, row.account_id): row for row in connection.execute(query)}
    return list(rows.values())


def _record(connection: Connection, schedules: OverdueInstalments, on: date, rows: Sequence[Row[Any]]) -> Record:
    accounts = sorted({row.account_id for row in rows})
    people = sorted({row.party_id for row in rows})
    known = {row.account_id: row for row in _of(connection, account, accounts)}
    decided = select(decision, verdict.c.body).join(
        verdict, verdict.c.verdict_sha256 == decision.c.verdict_sha256
    ).where(in_force(on, None), decision.c.account_id.in_(accounts))  # fmt: skip
    late = select(episode.c.account_id, func.count()).where(
        episode.c.account_id.in_(accounts), episode.c.opened_on >= on - YEAR
    ).group_by(episode.c.account_id)  # fmt: skip
    newest_first = (outcome.c.at.desc(), outcome.c.outcome_key)  # the record only grows: what is shown of it does not
    place = func.row_number().over(partition_by=outcome.c.party_id, order_by=newest_first).label("place")
    told = select(outcome, place).where(outcome.c.party_id.in_(people)).subquery()
    shown = select(told).where(told.c.place <= MOST_OUTCOMES).order_by(told.c.party_id, told.c.place)
    newest = (
        select(location.c.account_id, func.max(location.c.at).label("at"))
        .where(location.c.account_id.in_(accounts))
        .group_by(location.c.account_id)
        .subquery()
    )
    places = select(location).join(
        newest, and_(newest.c.account_id == location.c.account_id, newest.c.at == location.c.at)
    ).where(location.c.account_id.in_(accounts))  # fmt: skip
    papers: dict[str, set[str]] = defaultdict(set)
    for row in _of(connection, document, accounts):
        papers[row.account_id].add(row.kind)
    return Record(
        accounts=known,
        decided={row.account_id: row for row in connection.execute(decided)},
        episodes={row[0]: row[1] for row in connection.execute(late)},
        promises=_grouped(_of(connection, promise, accounts), "account_id"),
        outcomes=_grouped(connection.execute(shown), "party_id"),
        places={row.account_id: row for row in connection.execute(places)},
        documents={account_id: frozenset(kinds) for account_id, kinds in papers.items()},
        schedules=schedules.of({account_id: row.subject_ref for account_id, row in known.items()}),
        names={row.staff_id: row.name for row in connection.execute(select(staff.c.staff_id, staff.c.name))},
    )


def _of(connection: Connection, table: Any, accounts: Sequence[str]) -> Sequence[Row[Any]]:
    return connection.execute(select(table).where(table.c.account_id.in_(accounts)).order_by(*table.primary_key)).all()


def _grouped(rows: Any, key: str) -> dict[str, Sequence[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[getattr(row, key)].append(row)
    return dict(found)


def _card(rows: Sequence[Row[Any]], record: Record, on: date, say: Words, policy: Policy) -> Card:
    lead, zone = rows[0], policy.time_zone
    rules = conduct(lead.channel, on, policy, say)
    lines = [_when(lead, record, say, zone), *rules, *_history(lead, record, say, zone)]
    for row in rows:
        lines += _about(row, record, on, say, zone)
    return Card(
        lead.party_id,
        lead.channel,
        _said(rows, say),
        "\n".join(line for line in lines if line),
        _checklist(rows, record, say),
    )


def _said(rows: Sequence[Row[Any]], say: Words) -> str:
    """Return the script, or for a letter its numbers and files; what could not be written says so."""
    lead = rows[0]
    if lead.channel != "letter":
        return lead.script or say("brief.no_script")
    letters = json.loads(lead.documents) if lead.documents else []
    told = [say("brief.letter", contract=one["account_id"], number=one["number"], file=one["path"]) for one in letters]
    return "\n".join(told) or say("brief.no_letter")


def _when(lead: Row[Any], record: Record, say: Words, zone: str) -> str:
    if lead.due_at is None:
        return ""
    local = datetime.fromisoformat(lead.due_at).astimezone(ZoneInfo(lead.time_zone or zone))
    parts = [say("brief.due", time=f"{local:%Y-%m-%d %H:%M}")]
    if lead.preferred_time:
        parts.append(say("brief.preferred", time=lead.preferred_time))
    if lead.companion_id:
        parts.append(say("brief.companion", name=record.names.get(lead.companion_id, lead.companion_id)))
    return " ".join(parts)


def _history(lead: Row[Any], record: Record, say: Words, zone: str) -> list[str]:
    """Return what came of the last contacts with this person, and the follow-up that was agreed."""
    told = record.outcomes.get(lead.party_id, ())
    if not told:
        return [say("brief.never")]
    lines = []
    for row in told:
        day = datetime.fromisoformat(row.at).astimezone(ZoneInfo(zone)).date().isoformat()
        follow = say("brief.follow", date=row.next_action_on.isoformat()) if row.next_action_on else ""
        channel, result = say.label("channel", row.channel), say.label("outcome", row.outcome)
        lines.append(say("brief.last", date=day, channel=channel, outcome=result) + follow)
    return lines


def _about(row: Row[Any], record: Record, on: date, say: Words, zone: str) -> list[str]:
    """Return what there is to know of one contract: its machine, its habit, its promises and what is owed."""
    held, decided = record.accounts.get(row.account_id), record.decided.get(row.account_id)
    lines = [say("brief.contract", contract=row.account_id, amount=exact(row.amount_minor, row.currency))]
    if decided is not None and decided.days_past_due:
        times = record.episodes.get(row.account_id, 0)
        lines.append(say("brief.habit", days=decided.days_past_due, times=times, lane=say.label("lane", decided.lane)))
        reasons = json.loads(decided.body).get("reasons", ())
        why = [say(f"brief.trigger.{code}") for code in TRIGGERS if code in reasons]
        if why and row.channel == "visit":
            lines.append(say("brief.why", why=", ".join(why)))
        lines += rated(reasons, say)
    lines += advised(record.outcomes.get(row.party_id, ()), row.account_id, say)
    lines += _promised(record.promises.get(row.account_id, ()), row.currency, say)
    lines += owed_lines(record.schedules.get(row.account_id, ()), row.currency, on, say)
    return lines + _machine(row, held, record, say, zone)


def _promised(rows: Sequence[Row[Any]], currency: str, say: Words) -> list[str]:
    if not rows:
        return []
    states = Counter(row.state for row in rows)
    lines = [say("brief.promises", kept=states["kept"], broken=states["broken"] + states["partly_kept"])]
    return lines + [
        say("brief.open_promise", date=row.due_on.isoformat(), amount=exact(row.amount_minor, currency))
        for row in rows
        if row.state == "open"
    ]


def owed_lines(instalments: Sequence[Any], currency: str, on: date, say: Words) -> list[str]:
    """Return the instalments overdue, oldest first, each with what it is made of: the visitor can explain the debt."""
    overdue = [one for one in instalments if one.due_date < on and one.amount_due_minor > one.paid_minor]
    lines = []
    for one in overdue[:MOST_INSTALMENTS]:
        parts = {
            "principal": one.principal_due_minor,
            "interest": one.interest_due_minor,
            "penalty": one.penalty_due_minor,
        }
        split = [say(f"brief.{name}", amount=exact(minor, currency)) for name, minor in parts.items() if minor]
        unpaid, due = exact(one.amount_due_minor - one.paid_minor, currency), exact(one.amount_due_minor, currency)
        line = say(
            "brief.instalment", number=one.instalment_no, date=one.due_date.isoformat(), amount=due, unpaid=unpaid
        )
        lines.append(line + (f" ({', '.join(split)})" if split else ""))
    more = len(overdue) - MOST_INSTALMENTS
    return lines + ([say("brief.more", n=more)] if more > 0 else [])


def _machine(row: Row[Any], held: Row[Any] | None, record: Record, say: Words, zone: str) -> list[str]:
    if row.channel not in ("visit", "asset_search") or held is None:
        return []
    marks = [held.asset_make, held.asset_model, held.asset_serial, held.plate]
    lines = [say("brief.machine", machine=" ".join(mark for mark in marks if mark) or say("brief.unnamed"))]
    place = record.places.get(row.account_id)
    if place is None:
        return [*lines, say("brief.no_place")]
    seen = datetime.fromisoformat(place.at).astimezone(ZoneInfo(zone))
    return [
        *lines,
        say("brief.place", at=f"{seen:%Y-%m-%d %H:%M}", lat=place.lat, lon=place.lon, source=place.source),
    ]


def _checklist(rows: Sequence[Row[Any]], record: Record, say: Words) -> tuple[str, ...]:
    """Return what must come back; what is on file for every contract already is marked as there."""
    lead = rows[0]
    accounts = {row.account_id for row in rows}
    names = list(CHECKLIST[lead.channel])
    if lead.channel == "visit" and lead.tone == "legal":
        names.insert(1, "letter_copy")
    found = []
    for name in names:
        there = name in ON_FILE and all(ON_FILE[name] in record.documents.get(one, ()) for one in accounts)
        found.append(f"{'☑' if there else '☐'} {say(f'brief.check.{name}')}")
    return tuple(found)
