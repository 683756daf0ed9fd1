"""Invariants over the whole store, each a search that must find nothing; what it finds is named."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Literal

from sqlalchemy import Connection, Engine, and_, exists, func, select

from arrears.approvals.filings import is_unapproved
from arrears.core.progress import tell
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.proof.conserve import contact_sum
from arrears.proof.earned import unearned
from arrears.proof.handed import unapproved
from arrears.proof.held import EFFECTS, contacted_under_hold
from arrears.proof.hours import outside_hours
from arrears.proof.told_actions import days_of, untold_of_all
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import snapshot
from arrears.store.tables.legal import court_filing, packet
from arrears.store.tables.outreach import contact, contact_attempt, item
from arrears.store.tables.runs import policy_text, run

WINDOWS = (1, 7, 30)
"""Days that the three caps of a channel count (policy ``contact.caps``)."""

NAMED = 5
"""So many of what breaks an invariant are named; for a person to begin with, the count tells of the rest."""

Caps = Mapping[str, Sequence[int]]
Kind = Literal["account", "contact", "day", "person"]


@dataclass(frozen=True)
class Check:
    """One invariant, how often it is broken, and the first of what breaks it: ``account A1``, ``day 2026-11-12``."""

    name: str
    violations: int
    rule: str
    first: tuple[str, ...] = ()


def prove(engine: Engine, policy: Policy) -> list[Check]:
    """Run every check over the whole store; 0 violations is the claim."""
    with reading(engine) as connection:
        found = []
        for done, (name, rule, kind, search) in enumerate(CHECKS):
            tell(done, len(CHECKS), "checks")
            broken = iter(search(connection, policy))
            first = list(islice(broken, NAMED))
            count = len(first) + sum(1 for _ in broken)
            found.append(Check(name, count, rule, tuple(_named(connection, kind, key) for key in first)))
    return found


def _named(connection: Connection, kind: Kind, key: str) -> str:
    """Return what to look at: of a contact its account, which `arrears explain` tells about."""
    if kind == "contact":
        whose = select(func.min(item.c.account_id)).where(item.c.contact_id == key)
        account_id = connection.execute(whose).scalar()
        return f"account {account_id}" if account_id else f"contact {key}"
    return f"{kind} {key}"


def _conservation(connection: Connection, _policy: Policy) -> Iterator[str]:
    """Days whose contacts do not add up."""
    days = connection.execute(select(contact.c.business_date).distinct()).scalars().all()
    yield from (day.isoformat() for day in sorted(days) if not contact_sum(connection, day).holds)


def _at_most_once(connection: Connection, _policy: Policy) -> Iterable[str]:
    """Contacts with more than one attempt that went out or may have."""
    out = contact_attempt.c.outcome.in_(EFFECTS) | contact_attempt.c.outcome.is_(None)
    query = select(contact_attempt.c.contact_id).where(out).group_by(contact_attempt.c.contact_id)
    return connection.execute(query.having(func.count() > 1)).scalars()


def _budgets(connection: Connection, policy: Policy) -> Iterator[str]:
    """Person, channel and window of days in which a cap was exceeded: that of the policy under which each contact left.

    Source: policy ``contact.caps``. A policy that was tightened later makes nothing wrong of what was right.
    """
    caps = _caps_of_runs(connection)
    left = run.alias("left")  # a doubt that a person resolved has no run of its own
    under = func.coalesce(left.c.policy_sha256, run.c.policy_sha256).label("policy_sha256")
    query = (
        select(contact.c.party_id, contact.c.channel, contact.c.business_date, under)
        .join(run, run.c.run_id == contact.c.run_id)
        .outerjoin(left, left.c.run_id == contact.c.state_run_id)
        .where(contact.c.state.in_(EFFECTS))
        .order_by(contact.c.party_id, contact.c.channel, contact.c.business_date)
    )
    recent: list[date] = []
    whose = None
    for row in connection.execute(query):
        month = row.business_date - timedelta(days=WINDOWS[-1])
        recent = [day for day in recent if day > month] if whose == (row.party_id, row.channel) else []
        whose = (row.party_id, row.channel)
        recent.append(row.business_date)
        for days, cap in zip(
            WINDOWS, caps.get(row.policy_sha256, policy.contact.caps).get(row.channel, ()), strict=False
        ):
            if sum(day > row.business_date - timedelta(days=days) for day in recent) > cap:
                yield str(row.party_id)


def _caps_of_runs(connection: Connection) -> dict[str, Caps]:
    """Return the caps of each policy that a run worked under, read from its kept text."""
    ran = select(run.c.policy_sha256)
    texts = connection.execute(select(policy_text).where(policy_text.c.policy_sha256.in_(ran)))
    return {row.policy_sha256: json.loads(row.body)["contact"]["caps"] for row in texts}


def _decided(connection: Connection, _policy: Policy) -> Iterable[str]:
    """Overdue decisions of days with a frozen ledger that lack the frozen ledger behind them."""
    frozen = exists().where(snapshot.c.business_date == decision.c.business_date)
    return connection.execute(select(decision.c.account_id).where(~frozen)).scalars()


def _packets(connection: Connection, _policy: Policy) -> Iterator[str]:
    """Stage-three accounts of the newest day without a current packet, and accounts with two."""
    newest = connection.execute(select(func.max(decision.c.business_date))).scalar()
    if newest is None:
        return
    decided = decisions_in_force(newest)
    current = and_(packet.c.account_id == decided.c.account_id, packet.c.superseded_on.is_(None))
    missing = select(decided.c.account_id).where(decided.c.stage == 3, ~exists().where(current))
    twice = select(packet.c.account_id).where(packet.c.superseded_on.is_(None)).group_by(packet.c.account_id)
    yield from connection.execute(missing).scalars()
    yield from connection.execute(twice.having(func.count() > 1)).scalars()


def _filings(connection: Connection, _policy: Policy) -> Iterable[str]:
    """Suits and preservations that no approval stood behind when they were filed."""
    return connection.execute(select(court_filing.c.account_id).where(is_unapproved())).scalars()


def _told(connection: Connection, _policy: Policy) -> Iterator[str]:
    """Contacts and suppressions that stand otherwise than the log was told, or are missing on one side."""
    yield from (one.account_id for day in days_of(connection) for one in untold_of_all(connection, day))


Search = Callable[[Connection, Policy], Iterable[str]]
CHECKS: tuple[tuple[str, str, Kind, Search], ...] = (
    ("ladder", "no action above the rung that evidence had opened", "account", unearned),
    (
        "conservation",
        "planned = sent + rejected + withheld + in doubt + withdrawn + expired + open",
        "day",
        _conservation,
    ),
    ("at_most_once", "no contact went out twice", "contact", _at_most_once),
    ("budgets", "no person above a cap of any channel and window", "person", _budgets),
    ("holds", "nobody under a known hard hold was contacted", "contact", contacted_under_hold),
    ("hours", "no message left outside the hours of its reader", "contact", outside_hours),
    ("lineage", "every decision stands on a frozen ledger", "account", _decided),
    ("packets", "exactly one current packet for every stage-three account", "account", _packets),
    (
        "orders",
        "no order left without the approvals of its own facts, by the roles of the policy",
        "account",
        unapproved,
    ),
    (
        "filings",
        "nothing was filed at court without an approval in force, unless two people attested it since",
        "account",
        _filings,
    ),
    ("told", "every contact ended, and every step was left out, as the log was told", "account", _told),
)
