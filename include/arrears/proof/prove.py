"""Invariants over the whole store, each a query that must find nothing."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, exists, func, select

from arrears.approvals.filings import is_unapproved
from arrears.core.progress import tell
from arrears.ladder.policy import Policy
from arrears.proof.conserve import contact_sum
from arrears.proof.earned import unearned
from arrears.proof.handed import unapproved
from arrears.proof.held import EFFECTS, contacted_under_hold
from arrears.proof.hours import outside_hours
from arrears.proof.told_actions import count_untold, days_of
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import snapshot
from arrears.store.tables.legal import court_filing, packet
from arrears.store.tables.outreach import contact, contact_attempt
from arrears.store.tables.runs import policy_text, run

WINDOWS = (1, 7, 30)
"""Days that the three caps of a channel count (policy ``contact.caps``)."""

Caps = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Check:
    """One invariant and how often it is broken."""

    name: str
    violations: int
    rule: str


def prove(engine: Engine, policy: Policy) -> list[Check]:
    """Run every check over the whole store; 0 violations is the claim."""
    with reading(engine) as connection:
        found = []
        for done, (name, rule, check) in enumerate(CHECKS):
            tell(done, len(CHECKS), "checks")
            found.append(Check(name, check(connection, policy), rule))
    return found


def _conservation(connection: Connection, _policy: Policy) -> int:
    """Days whose contacts do not add up."""
    days = connection.execute(select(contact.c.business_date).distinct()).scalars().all()
    return sum(not contact_sum(connection, day).holds for day in days)


def _at_most_once(connection: Connection, _policy: Policy) -> int:
    """Contacts with more than one attempt that went out or may have."""
    out = contact_attempt.c.outcome.in_(EFFECTS) | contact_attempt.c.outcome.is_(None)
    query = select(contact_attempt.c.contact_id).where(out).group_by(contact_attempt.c.contact_id)
    return _count(connection, query.having(func.count() > 1))


def _budgets(connection: Connection, policy: Policy) -> int:
    """Person, channel and window of days in which a cap was exceeded: that of the policy under which each contact left.

    Source: policy ``contact.caps``. A policy that was tightened later makes nothing wrong of what was right.
    """
    caps = _caps_of_runs(connection)
    query = (
        select(contact.c.party_id, contact.c.channel, contact.c.business_date, run.c.policy_sha256)
        .join(run, run.c.run_id == contact.c.run_id)
        .where(contact.c.state.in_(EFFECTS))
        .order_by(contact.c.party_id, contact.c.channel, contact.c.business_date)
    )
    recent: list[date] = []
    over, whose = 0, None
    for row in connection.execute(query):
        month = row.business_date - timedelta(days=WINDOWS[-1])
        recent = [day for day in recent if day > month] if whose == (row.party_id, row.channel) else []
        whose = (row.party_id, row.channel)
        recent.append(row.business_date)
        for days, cap in zip(
            WINDOWS, caps.get(row.policy_sha256, policy.contact.caps).get(row.channel, ()), strict=False
        ):
            over += sum(day > row.business_date - timedelta(days=days) for day in recent) > cap
    return over


def _caps_of_runs(connection: Connection) -> dict[str, Caps]:
    """Return the caps of each policy that a run worked under, read from its kept text."""
    ran = select(run.c.policy_sha256)
    texts = connection.execute(select(policy_text).where(policy_text.c.policy_sha256.in_(ran)))
    return {row.policy_sha256: json.loads(row.body)["contact"]["caps"] for row in texts}


def _decided(connection: Connection, _policy: Policy) -> int:
    """Overdue decisions of days with a frozen ledger that lack the frozen ledger behind them."""
    frozen = exists().where(snapshot.c.business_date == decision.c.business_date)
    return _count(connection, select(decision.c.account_id).where(~frozen))


def _packets(connection: Connection, _policy: Policy) -> int:
    """Stage-three accounts of the newest day without a current packet, and accounts with two."""
    newest = connection.execute(select(func.max(decision.c.business_date))).scalar()
    current = and_(packet.c.account_id == decision.c.account_id, packet.c.superseded_on.is_(None))
    missing = (
        select(decision.c.account_id)
        .distinct()
        .where(decision.c.business_date == newest, decision.c.stage == 3, ~exists().where(current))
    )
    twice = select(packet.c.account_id).where(packet.c.superseded_on.is_(None)).group_by(packet.c.account_id)
    return _count(connection, missing) + _count(connection, twice.having(func.count() > 1))


def _filings(connection: Connection, _policy: Policy) -> int:
    """Suits and preservations that no approval stood behind when they were filed."""
    return _count(connection, select(court_filing.c.filing_key).where(is_unapproved()))


def _told(connection: Connection, _policy: Policy) -> int:
    """Contacts and suppressions that stand otherwise than the log was told, or are missing on one side."""
    return sum(count_untold(connection, day) for day in days_of(connection))


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


Counter = Callable[[Connection, Policy], int]
CHECKS: tuple[tuple[str, str, Counter], ...] = (
    ("ladder", "no action above the rung that evidence had opened", unearned),
    ("conservation", "planned = sent + rejected + withheld + in doubt + withdrawn + expired + open", _conservation),
    ("at_most_once", "no contact went out twice", _at_most_once),
    ("budgets", "no person above a cap of any channel and window", _budgets),
    ("holds", "nobody under a known hard hold was contacted", contacted_under_hold),
    ("hours", "no message left outside the hours of its reader", outside_hours),
    ("lineage", "every decision stands on a frozen ledger", _decided),
    ("packets", "exactly one current packet for every stage-three account", _packets),
    ("orders", "no order left without the approvals of its own facts, by the roles of the policy", unapproved),
    (
        "filings",
        "nothing was filed at court without an approval in force, unless two people attested it since",
        _filings,
    ),
    ("told", "every contact ended, and every step was left out, as the log was told", _told),
)
