"""New contacts of a day as rows: what each says altogether, when it may leave, and in which batch it is claimed."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
MOST_BATCHES = 32
PAST_DATE = "past_date"
NOBODY = Seat(None)

Contacts = Sequence[tuple[dict[str, Any], list[Wanted]]]
"""Rows of contacts, each with its wishes."""


class NewContacts:
    """What the contacts of one run share; ``stages`` counts all of them, for batches are cut over the whole day."""

    def __init__(self, run_id: str, day: date, policy: Policy, stages: Counter[int], *, is_past: bool) -> None:
        """Count the batches of each stage."""
        self._run_id, self._day, self._policy, self._is_past = run_id, day, policy, is_past
        self._slots = Slots(day, policy)
        self._batches = {stage: min(MOST_BATCHES, -(-count // CONTACTS_PER_BATCH)) for stage, count in stages.items()}

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
