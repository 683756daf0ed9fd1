"""New contacts of a day as rows: what each says altogether, when it may leave, and in which batch it is claimed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from arrears.ladder.policy import Policy
from arrears.outreach.contact_total import headline
from arrears.outreach.desks import Seat
from arrears.outreach.planned import TONES, said
from arrears.outreach.slots import Slot, Slots
from arrears.outreach.wanted import Wanted

CONTACTS_PER_BATCH = 5_000
"""A task costs Airflow over half a CPU second; five thousand calls cost two and a half to issue, mails twenty."""
MESSAGES_PER_BATCH = 500
"""A message waits for its gateway, a second each at a slow one: more than these are shared by the mail slots."""
MAIL_SLOTS = 4
"""Slots of the pool ``arrears_mail`` as it begins (``orchestration/pools.json``)."""
MOST_BATCHES = 32
PAST_DATE = "past_date"
NOBODY = Seat(None)

Contacts = Sequence[tuple[dict[str, Any], list[Wanted]]]
"""Rows of contacts, each with its wishes."""


@dataclass
class Stages:
    """How many contacts each stage of a whole day has, and how many of these are messages sent over a network."""

    contacts: Counter[int] = field(default_factory=Counter)
    messages: Counter[int] = field(default_factory=Counter)

    def batches(self) -> dict[int, int]:
        """Return the batches of each stage: few for what is issued, as many as mail slots for many messages."""
        return {stage: _batches(count, self.messages[stage]) for stage, count in self.contacts.items()}


def _batches(contacts: int, messages: int) -> int:
    shared = min(MAIL_SLOTS, -(-messages // MESSAGES_PER_BATCH))
    return min(MOST_BATCHES, max(-(-contacts // CONTACTS_PER_BATCH), shared))


class NewContacts:
    """What the contacts of one run share; ``stages`` counts all of them, for batches are cut over the whole day."""

    def __init__(self, run_id: str, day: date, policy: Policy, stages: Stages, *, is_past: bool) -> None:
        """Count the batches of each stage."""
        self._run_id, self._day, self._policy, self._is_past = run_id, day, policy, is_past
        self._slots = Slots(day, policy)
        self._batches = stages.batches()

    def of(self, groups: Mapping[str, list[Wanted]], seats: Mapping[str, Seat]) -> Contacts:
        """Return the contacts of a portion in the order in which they are claimed: neighbours share pages."""
        rows = ((self._contact(contact_id, wishes, seats), wishes) for contact_id, wishes in groups.items())
        return sorted(rows, key=lambda one: (one[0]["slot_opens_at"], one[0]["contact_id"]))

    def _contact(self, contact_id: str, wishes: list[Wanted], seats: Mapping[str, Seat]) -> dict[str, Any]:
        seat, person, channel = seats.get(contact_id), wishes[0].person, wishes[0].channel
        lead = max(wishes, key=lambda wish: (wish.stage, wish.amount_minor, wish.account_id))
        language = person.language or self._policy.language
        slot = self._slot(wishes[0])
        currency, total = headline(map(said, wishes), lead.currency)
        return {
            "contact_id": contact_id,
            "business_date": self._day,
            "party_id": person.party_id,
            "channel": channel,
            "language": language,
            "audience": "borrower" if any(wish.audience == "borrower" for wish in wishes) else "guarantors",
            "tone": max((wish.tone for wish in wishes), key=TONES.index),
            "template": f"{language}/{channel}",
            "staff_id": seat.staff_id if seat else lead.owner,
            "stage": lead.stage,
            "batch_no": int(contact_id[:8], 16) % self._batches[lead.stage],
            "total_minor": total,
            "currency": currency,
            "slot_opens_at": slot.opens_at,
            "slot_closes_at": slot.closes_at,
            "run_id": self._run_id,
            "state": "withheld" if self._is_past else "planned",
            "state_run_id": self._run_id,
            "reason": PAST_DATE if self._is_past else None,
        }

    def _slot(self, wish: Wanted) -> Slot:
        return self._slots.of(wish.channel, wish.person.zones, wish.person.preferred_time)
