"""The gates of a contact at the moment of sending: what was right at dawn may be wrong by noon."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from arrears.ladder.contact_days import INTERNAL, refused_on
from arrears.ladder.cycle import calendar_steps
from arrears.ladder.decide import OWN_REMINDER
from arrears.ladder.policy import Policy
from arrears.outreach.budgets import caps_of
from arrears.outreach.slots import WORK_LIST, in_window, local_day
from arrears.outreach.zones import Zones

MESSAGES = frozenset({"sms", "email"})
APART = ("promise", "cured")
"""What items speak of beside the arrears and the next payment: what was promised, and what was paid."""


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One account of a contact, as it stands now.

    ``about``: the arrears of an ``episode``, the payment of a ``cycle``, a ``promise``, or arrears that were ``cured``.
    ``still_due``: the newest decision wants the step, and what is owed now still entitles to its rung. ``is_refused``:
    somebody on the borrower's side refused so lately that the policy leaves them in peace.
    """

    item_key: str
    account_id: str
    subject_ref: str
    audience: str
    tone: str
    rung: int
    planned_minor: int
    amount_minor: int
    currency: str
    due_on: date | None
    overdue_instalments: int
    is_closed: bool
    is_missing: bool
    data_incomplete: bool
    hard_holds: tuple[str, ...]
    soft_holds: tuple[str, ...]
    about: str
    is_tied: bool
    still_due: bool
    paid_since: bool
    is_refused: bool


@dataclass(frozen=True, slots=True)
class SendFacts:
    """One contact at the moment of sending.

    ``fault``: what is wrong with the number or address, empty if nothing. ``history``: channel -> local day -> attempts
    of the person, 30 days.
    """

    contact_id: str
    channel: str
    business_date: date
    zones: Zones
    point: str
    opted_out: bool
    consents: frozenset[str]
    fault: str
    items: tuple[ItemFacts, ...]
    history: Mapping[str, Mapping[date, int]]
    last_talk: date | None
    last_refusal: date | None
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
    dropped = {item.item_key: found for item in facts.items if (found := _item_gate(item, facts))}
    if len(dropped) == len(facts.items):
        reasons = set(dropped.values())
        return Checked(reasons.pop() if len(reasons) == 1 else "every_item_held", dropped)
    left = [item for item in facts.items if item.item_key not in dropped]
    reason = _cap_gate(facts, policy, now)
    if reason is None and all(item.about in APART for item in left) and _crowds_out(facts, policy, now):
        reason = "cap_reserved"
    return Checked(reason, dropped)


def _person_gate(facts: SendFacts, policy: Policy, now: datetime) -> str | None:
    """Ask what concerns the person as a whole: the day and the hour where they are, and whether they may be reached."""
    on_list = facts.channel in WORK_LIST
    today = local_day(now, facts.zones, policy)
    other_day = refused_on(facts.channel, today, policy, policy.business_calendar())
    refusals = (
        (not facts.zones, "time_zone_unknown"),
        (facts.business_date < today, "past_date"),
        (other_day is not None, other_day or ""),
        (not on_list and not in_window(now, facts.zones, policy), "window_closed"),
        (not facts.point, "no_contact_point"),
        (facts.opted_out, "opted_out"),
        (facts.channel in policy.contact.consent_required and facts.channel not in facts.consents, "no_consent"),
        (bool(facts.fault), facts.fault),
        (facts.channel == "call" and _talked_lately(facts, policy, today), "recent_conversation"),
        (facts.channel == "call" and _refused_lately(facts, policy, today), "recent_refusal"),
    )
    return next((reason for refused, reason in refusals if refused), None)


def _talked_lately(facts: SendFacts, policy: Policy, today: date) -> bool:
    """Say whether a conversation of the last days leaves the person in peace, unless this step is a guarantor's."""
    borrower = any(item.audience == "borrower" for item in facts.items)
    quiet = timedelta(days=policy.contact.quiet_after_conversation_days)
    return borrower and facts.last_talk is not None and today - facts.last_talk < quiet


def _refused_lately(facts: SendFacts, policy: Policy, today: date) -> bool:
    """Say whether the person refused so lately that no call repeats the question, whichever contract it was about."""
    quiet = timedelta(days=policy.contact.quiet_after_refusal_days)
    return facts.last_refusal is not None and today - facts.last_refusal < quiet


def _item_gate(item: ItemFacts, facts: SendFacts) -> str | None:
    paused = _pausing(item, facts.channel)
    held = [kind for kind in item.hard_holds if (item.about, kind) != OWN_REMINDER]
    refusals = (
        (item.is_closed, "account_closed"),
        (item.is_missing, "account_missing"),
        (not item.is_tied, "no_longer_a_party"),
        (item.data_incomplete, "hold_data_incomplete"),
        (bool(held), f"hold_{min(held, default='')}"),
        (item.paid_since, "paid"),
        (not item.still_due, "no_longer_due"),
        (item.is_refused and facts.channel == "call" and item.audience == "borrower", "recent_refusal"),
        (bool(paused), "promise_open" if "promise" in paused else f"hold_{min(paused, default='')}"),
    )
    return next((reason for refused, reason in refusals if refused), None)


def _pausing(item: ItemFacts, channel: str) -> tuple[str, ...]:
    """Return the soft holds that stop an item: none a courtesy message or thanks, a promise not its own reminder."""
    if item.about == "cured" or (item.about == "cycle" and channel in MESSAGES):
        return ()
    return tuple(kind for kind in item.soft_holds if (item.about, kind) != ("promise", "promise"))


def _cap_gate(facts: SendFacts, policy: Policy, now: datetime) -> str | None:
    """Count the attempts of the person, over all contracts (policy ``contact.caps``, days of the person's zone)."""
    if facts.channel in INTERNAL:
        return None
    today = local_day(now, facts.zones, policy)
    days = facts.history.get(facts.channel, {})
    spans = ((1, "cap_day"), (7, "cap_7_days"), (30, "cap_30_days"))
    for cap, (span, reason) in zip(caps_of(facts.channel, policy), spans, strict=True):
        first = today - timedelta(days=span - 1)
        if sum(count for day, count in days.items() if first <= day <= today) >= cap:
            return reason
    gap = timedelta(days=policy.contact.min_gap_days)
    if facts.channel in MESSAGES and any(today - gap < day <= today for day in days):
        return "min_gap"
    spent = sum(counts.get(today, 0) for name, counts in facts.history.items() if name not in INTERNAL)
    return "daily_cap" if spent >= policy.contact.daily_cap_per_person else None


def _crowds_out(facts: SendFacts, policy: Policy, now: datetime) -> bool:
    """Say whether one more attempt today leaves too few of the week for the fixed days of the month (12、13日短信)."""
    today, days = local_day(now, facts.zones, policy), facts.history.get(facts.channel, {})
    calendar, week = policy.business_calendar(), timedelta(days=6)
    own = {step.name for step in policy.steps if step.channel == facts.channel}
    planned = 0
    for day in (today + timedelta(days=count) for count in range(1, 7)):
        if own.intersection(calendar_steps(day, policy, calendar)):
            planned += 1
            had = sum(count for earlier, count in days.items() if day - week <= earlier <= today)
            if had + 1 + planned > caps_of(facts.channel, policy)[1]:
                return True
    return False
