"""Plan today's contacts: one per person, channel and day, however many contracts stand behind it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, exists, text

from arrears.audit.record import Event, record_many
from arrears.core.clock import local_date
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.outreach.conflicts import conflicts
from arrears.outreach.contact_total import headline
from arrears.outreach.desks import Seat
from arrears.outreach.owners import assign_owners
from arrears.outreach.planned import TONES, contact_key, contacts_of, items_among, open_items, refresh_totals, said
from arrears.outreach.planned_rows import store_items
from arrears.outreach.seating import seat_all, work_items
from arrears.outreach.slots import Slot, Slots
from arrears.outreach.unplanned import Suppressions
from arrears.outreach.wanted import Unwanted, Wanted, wanted_today
from arrears.store.account_range import AccountRange
from arrears.store.bulk import insert_all
from arrears.store.engine import writing
from arrears.store.tables.outreach import contact, item, work_item

CONTACTS_PER_BATCH = 1_000
"""A task costs Airflow some two CPU seconds; a thousand calls cost half a one to issue, a thousand mails four."""
MOST_BATCHES = 32
STORED = 8_192
"""Contacts whose rows and events are in memory at a time."""

PAST_DATE = "past_date"
SUPERSEDED = "superseded"
_PLAN_LOCK = 4_715_002


@dataclass
class PlanResult:
    """What one run planned: contacts (withheld ones included), the withdrawn, and every suppressed step by reason."""

    planned: int = 0
    items: int = 0
    withheld: int = 0
    withdrawn: int = 0
    suppressed: dict[str, int] = field(default_factory=dict)


def plan_contacts(rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy) -> PlanResult:
    """Turn the decisions in force of a day into items and contacts, in one transaction.

    A second run of the day plans only what a correction added, withdraws what it took away, and touches nothing
    that has left. A past day is planned and withheld as ``past_date``: late news never sends late messages.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PLAN_LOCK})
        plan = _Plan(connection, rt, run_id, business_date, policy)
        plan.gather()
        return plan.store()


class _Plan:
    """The work of one planning transaction."""

    def __init__(self, connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy) -> None:
        self._connection, self._rt, self._run_id = connection, rt, run_id
        self._day, self._policy = business_date, policy
        self._is_past = business_date < local_date(rt.clock.now(), policy.time_zone)
        self._there = contacts_of(connection, business_date)
        self._slots = Slots(business_date, policy)
        self._suppressions = Suppressions(connection, rt, run_id, business_date, policy.sha256)
        self._new: dict[tuple[str, str], list[Wanted]] = {}
        self._absorbed: dict[str, list[Wanted]] = {}
        self._kept: dict[str, Wanted] = {}
        self._seats: dict[tuple[str, str], Seat] = {}

    def gather(self) -> None:
        """Sort every wish into new contacts, contacts still open for more, and what is left out."""
        assign_owners(self._connection, self._rt, self._run_id, self._day, self._policy)
        for among, wishes in wanted_today(self._connection, self._rt, self._run_id, self._day, self._policy):
            self._sort(among, wishes)
        self._seats = seat_all(self._connection, self._day, self._policy, self._new)
        refused = {key: seat.refusal for key, seat in self._seats.items() if seat.refusal}
        left_out = [_unwanted(wish, reason) for key, reason in refused.items() for wish in self._new.pop(key)]
        self._suppressions.store_sorted(left_out)

    def _sort(self, among: AccountRange, wishes: Sequence[Wanted | Unwanted]) -> None:
        """Place the wishes of a range of accounts, and write down at once what is left out of it."""
        wanted = [wish for wish in wishes if isinstance(wish, Wanted)]
        left_out = [wish for wish in wishes if isinstance(wish, Unwanted)]
        known = items_among(self._connection, [wish.item_key for wish in wanted])
        for wish in wanted:
            planned_on = known.get(wish.item_key)
            if planned_on == self._day:
                self._kept[wish.item_key] = wish
            elif reason := "already_done" if planned_on is not None else self._place(wish):
                left_out.append(_unwanted(wish, reason))
        self._suppressions.store(among, left_out)

    def _place(self, wish: Wanted) -> str:
        """Put a wish on its contact, or say why it is on none."""
        there = self._there.get((wish.person.party_id, wish.channel))
        if there is None:
            self._new.setdefault((wish.person.party_id, wish.channel), []).append(wish)
            return ""
        contact_id, state = there
        if state != "planned":
            return "already_contacted_today"
        self._absorbed.setdefault(contact_id, []).append(wish)
        return ""

    def store(self) -> PlanResult:
        """Write contacts, items and their events."""
        touched = self._correct_kept() | self._absorbed.keys()
        planned = items = 0
        for contacts in self._contacts():
            insert_all(self._connection, contact, (row for row, _ in contacts))
            insert_all(self._connection, work_item, work_items(contacts, self._seats, self._policy))
            items += self._store_items([(row["contact_id"], wish) for row, wishes in contacts for wish in wishes])
            self._withhold([row["contact_id"] for row, _ in contacts])
            planned += len(contacts)
        items += self._store_items([(key, wish) for key, wishes in self._absorbed.items() for wish in wishes])
        refresh_totals(self._connection, touched)
        otherwise = conflicts(self._connection, self._day, self._kept)
        record_many(self._connection, self._rt, run_id=self._run_id, events=otherwise)
        return PlanResult(
            planned=planned,
            items=items,
            withheld=planned if self._is_past else 0,
            withdrawn=self._withdraw_empty(touched),
            suppressed=self._suppressions.by_reason(),
        )

    def _contacts(self) -> Iterator[Sequence[tuple[dict[str, Any], list[Wanted]]]]:
        """Yield the new contacts, some at a time, in the order in which they are claimed: neighbours share pages."""
        stages = Counter(max(wish.stage for wish in wishes) for wishes in self._new.values())
        batches = {stage: min(MOST_BATCHES, -(-count // CONTACTS_PER_BATCH)) for stage, count in stages.items()}
        groups = sorted(
            (self._slot(wishes[0]).opens_at, contact_key(party_id, channel, self._day), wishes)
            for (party_id, channel), wishes in self._new.items()
        )  # the second is unique: wishes are never compared
        for start in range(0, len(groups), STORED):
            part = groups[start : start + STORED]
            yield [(self._contact(key, wishes, batches), wishes) for _, key, wishes in part]

    def _contact(self, contact_id: str, wishes: list[Wanted], batches: dict[int, int]) -> dict[str, Any]:
        seat = self._seats.get((wishes[0].person.party_id, wishes[0].channel))
        person, channel = wishes[0].person, wishes[0].channel
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
            "batch_no": int(contact_id[:8], 16) % batches[lead.stage],
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

    def _store_items(self, placed: Sequence[tuple[str, Wanted]]) -> int:
        store_items(self._connection, self._rt, self._run_id, self._day, self._policy.sha256, placed)
        return len(placed)

    def _withhold(self, contact_ids: Sequence[str]) -> None:
        if self._is_past:
            events = (self._event("action.withheld", key, PAST_DATE) for key in contact_ids)
            record_many(self._connection, self._rt, run_id=self._run_id, events=events)

    def _correct_kept(self) -> set[str]:
        """Bring items of contacts that have not left up to date; drop those the decisions no longer want."""
        touched = set()
        changes = []
        for row in open_items(self._connection, self._day):
            wish = self._kept.get(row.item_key)
            amount, due = (wish.amount_minor, wish.due_on) if wish else (row.amount_minor, row.due_on)
            reason = None if wish else SUPERSEDED
            if wish and (amount, due) == (row.amount_minor, row.due_on):
                continue
            changes.append({"key": row.item_key, "amount": amount, "due": due, "reason": reason})
            touched.add(row.contact_id)
        if changes:
            statement = (
                item.update()
                .where(item.c.item_key == bindparam("key"))
                .values(amount_minor=bindparam("amount"), due_on=bindparam("due"), dropped_reason=bindparam("reason"))
            )
            self._connection.execute(statement, changes)
        return touched

    def _withdraw_empty(self, touched: set[str]) -> int:
        """Withdraw contacts whose every item was dropped; the one lawful change of mind before sending."""
        if not touched:
            return 0
        live = exists().where(item.c.contact_id == contact.c.contact_id, item.c.dropped_reason.is_(None))
        statement = (
            contact.update()
            .where(contact.c.business_date == self._day, contact.c.state == "planned", ~live)
            .values(state="withdrawn", reason=SUPERSEDED, state_run_id=self._run_id)
            .returning(contact.c.contact_id)
        )
        gone = sorted(self._connection.execute(statement).scalars())
        events = (self._event("action.withdrawn", key, SUPERSEDED) for key in gone)
        return record_many(self._connection, self._rt, run_id=self._run_id, events=events)

    def _event(self, kind: str, contact_id: str, reason: str) -> Event:
        return Event(
            type=kind,
            key=contact_id,
            business_date=self._day,
            action_id=contact_id,
            data={"reason": reason},
            policy_sha256=self._policy.sha256,
        )


def _unwanted(wish: Wanted, reason: str) -> Unwanted:
    return Unwanted(wish.account_id, wish.subject_ref, wish.step, wish.channel, wish.person.party_id, reason)
