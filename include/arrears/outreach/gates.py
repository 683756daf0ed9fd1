"""The gates of a contact at the moment of sending: what was right at dawn may be wrong by noon."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from arrears.core.clock import local_date
from arrears.ladder.policy import Policy
from arrears.outreach.budgets import caps_of
from arrears.outreach.slots import WORK_LIST, in_window, zone_of

MESSAGES = frozenset({"sms", "email"})


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One account of a contact, as it stands now; ``still_due`` is the newest decision's word."""

    item_key: str
    account_id: str
    subject_ref: str
    audience: str
    tone: str
    rung: int
    amount_minor: int
    currency: str
    due_on: date | None
    overdue_instalments: int
    is_closed: bool
    is_missing: bool
    data_incomplete: bool
    holds: tuple[str, ...]
    has_open_promise: bool
    still_due: bool
    paid_since: bool


@dataclass(frozen=True, slots=True)
class SendFacts:
    """One contact at the moment of sending. ``history``: channel -> local day -> attempts of the person, 30 days."""

    contact_id: str
    channel: str
    business_date: date
    time_zone: str | None
    point: str
    opted_out: bool
    is_usable: bool
    items: tuple[ItemFacts, ...]
    history: Mapping[str, Mapping[date, int]]
    party: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the gates say: a reason to withhold the contact, or the items that stay behind while it goes."""

    reason: str | None
    dropped: Mapping[str, str]


def check(facts: SendFacts, policy: Policy, now: datetime) -> Checked:
    """Ask every gate of one contact; the first that refuses names the reason.

    An item on hold or paid stays behind and the others go; a contact without items is withheld.
    """
    reason = _person_gate(facts, policy, now)
    if reason:
        return Checked(reason, {})
    dropped = {item.item_key: found for item in facts.items if (found := _item_gate(item, facts, policy))}
    if len(dropped) == len(facts.items):
        reasons = set(dropped.values())
        return Checked(reasons.pop() if len(reasons) == 1 else "every_item_held", dropped)
    return Checked(_cap_gate(facts, policy, now), dropped)


def _person_gate(facts: SendFacts, policy: Policy, now: datetime) -> str | None:
    if facts.business_date < local_date(now, policy.time_zone):
        return "past_date"
    if facts.channel not in WORK_LIST and not in_window(now, facts.time_zone, policy):
        return "window_closed"
    if not facts.point:
        return "no_contact_point"
    if facts.opted_out:
        return "opted_out"
    return None if facts.is_usable else "invalid"


def _item_gate(item: ItemFacts, facts: SendFacts, policy: Policy) -> str | None:
    hard = [kind for kind in item.holds if kind in policy.holds.hard]
    soft = [kind for kind in item.holds if kind in policy.holds.soft]
    refusals = (
        (item.is_closed, "account_closed"),
        (item.is_missing, "account_missing"),
        (item.data_incomplete, "hold_data_incomplete"),
        (bool(hard), f"hold_{min(hard, default='')}"),
        (item.paid_since, "paid"),
        (not item.still_due, "no_longer_due"),
        ((bool(soft) or item.has_open_promise) and facts.channel not in MESSAGES, "promise_open"),
    )
    return next((reason for refused, reason in refusals if refused), None)


def _cap_gate(facts: SendFacts, policy: Policy, now: datetime) -> str | None:
    """Count the attempts of the person, over all contracts (policy ``contact.caps``, days of the person's zone)."""
    today = local_date(now, zone_of(facts.time_zone, policy))
    days = facts.history.get(facts.channel, {})
    spans = ((1, "cap_day"), (7, "cap_7_days"), (30, "cap_30_days"))
    for cap, (span, reason) in zip(caps_of(facts.channel, policy), spans, strict=True):
        first = today - timedelta(days=span - 1)
        if sum(count for day, count in days.items() if first <= day <= today) >= cap:
            return reason
    gap = timedelta(days=policy.contact.min_gap_days)
    if facts.channel in MESSAGES and any(today - gap < day <= today for day in days):
        return "min_gap"
    spent = sum(counts.get(today, 0) for counts in facts.history.values())
    return "daily_cap" if spent >= policy.contact.daily_cap_per_person else None
