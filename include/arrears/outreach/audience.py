"""Who is meant by a step, and whether and how they can be reached."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from sys import intern

from sqlalchemy import Connection, Row, Select, exists, select

from arrears.ladder.policy import Policy
from arrears.outreach.land_lines import is_land_line
from arrears.outreach.slots import has_an_hour
from arrears.outreach.zones import Zones, zones_of
from arrears.store.account_range import AccountRange
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import outcome
from arrears.store.tables.people import account_party, party

POINTS = {
    "sms": ("mobile",),
    "call": ("mobile",),
    "email": ("email",),
    "visit": ("address", "service_address"),
    "letter": ("service_address", "address"),
    "senior_contact": ("mobile", "address"),
    "credit_notice": ("service_address", "address"),
    "debit": ("party_id",),
    "asset_search": ("party_id",),
    "placement": ("party_id",),
}
"""Which contact points serve a channel, the better one first."""

ON_PAPER = ("visit", "letter", "credit_notice", "debit", "asset_search", "placement")
"""Channels that need no hour at which a telephone may ring."""

DEAD_NUMBER = ("invalid_number", "wrong_number")
DEAD_MAILBOX = ("bounced",)
REACHED = ("delivered", "contacted", "promised", "refused", "no_answer", "busy", "switched_off", "callback_requested")

_MOBILE = re.compile(r"\+?[0-9][0-9 -]{4,18}[0-9]")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,189}$)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")


@dataclass(frozen=True, slots=True)
class Person:
    """What planning needs to know about a person; no name."""

    party_id: str
    language: str | None
    zones: Zones
    preferred_time: str | None
    dialect: str | None
    unreachable: dict[str, str]
    prefers: str | None = None


class Audience:
    """The people behind the accounts decided on a day; what is told of nobody's number any more is read once."""

    def __init__(self, connection: Connection, business_date: date, policy: Policy) -> None:
        """Look up on which channels nobody is there any more."""
        self._day, self._policy = business_date, policy
        self._roles = {role: audience for audience, names in policy.contact.audience_roles.items() for role in names}
        self._dead = _dead_points(connection)
        self._unreachable: dict[tuple[str, ...], dict[str, str]] = {}
        self._hours: dict[Zones, tuple[str, ...]] = {}

    def people_of(self, connection: Connection, among: AccountRange) -> dict[tuple[str, str], list[Person]]:
        """Return the people behind (account, audience) for the decided accounts of a range, each once.

        Who is borrower and guarantor of one contract at once counts as borrower.
        """
        people: dict[str, Person] = {}
        found: dict[tuple[str, str], dict[str, Person]] = defaultdict(dict)
        query = among.of(connection, _parties(self._day, tuple(self._roles)), account_party.c.account_id)
        for row in connection.execute(query):
            person = people.get(row.party_id)
            if person is None:
                person = people[row.party_id] = self._person(row)
            found[row.account_id, self._roles[row.role]][row.party_id] = person
        for (account_id, audience), members in found.items():
            if audience != "borrower":
                for party_id in found.get((account_id, "borrower"), {}):
                    members.pop(party_id, None)
        return {key: [members[party_id] for party_id in sorted(members)] for key, members in found.items()}

    def _person(self, row: Row[tuple[object, ...]]) -> Person:
        zones = zones_of(row.time_zone, row.mobile, self._policy)
        reasons = _reasons(row, self._dead, self._policy, reached=self._hour_for(zones))
        unreachable = self._unreachable.get(reasons)
        if unreachable is None:  # most people are like many others
            unreachable = {channel: reason for channel, reason in zip(POINTS, reasons, strict=True) if reason}
            self._unreachable[reasons] = unreachable
        language = row.language and intern(row.language)
        prefers = row.preferred_channel and intern(row.preferred_channel)
        return Person(row.party_id, language, zones, row.preferred_time, row.dialect, unreachable, prefers)

    def _hour_for(self, zones: Zones) -> tuple[str, ...]:
        """Return the channels on which somebody of these zones can be asked at a lawful hour."""
        if zones not in self._hours:
            anywhere = bool(zones) and has_an_hour(self._day, zones, self._policy)
            self._hours[zones] = tuple(POINTS) if anywhere else ON_PAPER if zones else ()
        return self._hours[zones]


def _parties(business_date: date, roles: tuple[str, ...]) -> Select[tuple[object, ...]]:
    decided = exists().where(
        decision.c.business_date == business_date, decision.c.account_id == account_party.c.account_id
    )
    return (
        select(account_party.c.account_id, account_party.c.role, party)
        .join(party, party.c.party_id == account_party.c.party_id)
        .where(account_party.c.role.in_(roles), decided)
    )


def _reasons(
    row: Row[tuple[object, ...]], dead: dict[str, set[str]], policy: Policy, *, reached: tuple[str, ...]
) -> tuple[str, ...]:
    """Return for each channel why a person cannot be reached on it, or an empty text."""
    opted_out, consents = listed(row.opt_outs), listed(row.consents)
    reasons = []
    for channel in POINTS:
        point = contact_point(channel, row)
        reason = ""
        if not point:
            reason = "no_contact_point"
        elif channel not in reached:
            reason = "time_zone_unknown"
        elif channel in opted_out:
            reason = "opted_out"
        elif channel in policy.contact.consent_required and channel not in consents:
            reason = "no_consent"
        elif channel in dead.get(row.party_id, ()):
            reason = "invalid"
        else:
            reason = fault_of(channel, point, policy.calendar.country)
        reasons.append(reason)
    return tuple(reasons)


def listed(text: str | None) -> frozenset[str]:
    """Return the channels in a ``;``-separated list of the parties feed, such as those a person has refused."""
    return frozenset(part.strip() for part in (text or "").split(";") if part.strip())


def contact_point(channel: str, row: Row[tuple[object, ...]]) -> str:
    """Return the number or address of a party row that serves ``channel``, or an empty text."""
    return next((value.strip() for name in POINTS[channel] if (value := getattr(row, name))), "")


def fault_of(channel: str, point: str, country: str) -> str:
    """Return what is wrong with a contact point, or an empty text: mail headers and URLs take nothing but its form.

    A line that takes no text is a fault for an SMS alone.
    """
    if channel in ("sms", "call"):
        if _MOBILE.fullmatch(point) is None:
            return "invalid"
        return "land_line" if channel == "sms" and is_land_line(point, country) else ""
    if channel == "email" and (_MAIL.fullmatch(point) is None or ".." in point):
        return "invalid"
    return ""


def _dead_points(connection: Connection) -> dict[str, set[str]]:
    """Return the channels on which the newest word about a person is that nobody is there."""
    dead = (*DEAD_NUMBER, *DEAD_MAILBOX)
    suspects = select(outcome.c.party_id).where(outcome.c.outcome.in_(dead))
    query = (
        select(outcome.c.party_id, outcome.c.channel, outcome.c.outcome)
        .where(outcome.c.outcome.in_((*dead, *REACHED)), outcome.c.channel.in_(("sms", "call", "email")))
        .where(outcome.c.party_id.in_(suspects))
        .order_by(outcome.c.at, outcome.c.outcome_key)
    )
    return _newest_is_dead((row.party_id, row.channel, row.outcome) for row in connection.execute(query))


def _newest_is_dead(rows: Iterable[tuple[str, str, str]]) -> dict[str, set[str]]:
    dead: dict[str, set[str]] = defaultdict(set)
    for party_id, channel, result in rows:
        shared = {"email"} if channel == "email" else {"sms", "call"}
        if result in DEAD_NUMBER or result in DEAD_MAILBOX:
            dead[party_id] |= shared
        else:
            dead[party_id] -= shared
    return dead
