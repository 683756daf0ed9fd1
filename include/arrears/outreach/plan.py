"""Plan today's contacts: one per person, channel and day, however many contracts stand behind it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, text

from arrears.audit.record import Event, record_many
from arrears.core.clock import local_date
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.outreach.conflicts import conflicts
from arrears.outreach.desks import Seat
from arrears.outreach.owners import assign_owners
from arrears.outreach.planned import TONES, contact_key, contacts_of, items_among, open_items, refresh_totals
from arrears.outreach.seating import seat_all, work_items
from arrears.outreach.slots import slot_of
from arrears.outreach.wanted import Unwanted, Wanted, wanted_today
from arrears.store.bulk import insert_all, insert_new
from arrears.store.engine import writing
from arrears.store.tables.outreach import contact, item, suppression, work_item

CONTACTS_PER_BATCH = 250
MOST_BATCHES = 32
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
        self._day, self._policy, self._policy_sha256 = business_date, policy, policy.sha256
        self._is_past = business_date < local_date(rt.clock.now(), policy.time_zone)
        self._wanted: list[Wanted] = []
        self._unwanted: list[Unwanted] = []
        self._there = contacts_of(connection, business_date)
        self._new: dict[tuple[str, str], list[Wanted]] = {}
        self._absorbed: dict[str, list[Wanted]] = {}
        self._kept: dict[str, Wanted] = {}
        self._seats: dict[tuple[str, str], Seat] = {}

    def gather(self) -> None:
        """Sort every wish into new contacts, contacts still open for more, and what is left out."""
        assign_owners(self._connection, self._rt, self._run_id, self._day, self._policy)
        for wish in wanted_today(self._connection, self._rt, self._run_id, self._day, self._policy):
            if isinstance(wish, Wanted):
                self._wanted.append(wish)
            else:
                self._unwanted.append(wish)
        known = items_among(self._connection, [wish.item_key for wish in self._wanted])
        for wish in self._wanted:
            planned_on = known.get(wish.item_key)
            if planned_on == self._day:
                self._kept[wish.item_key] = wish
            elif planned_on is not None:
                self._leave_out(wish, "already_done")
            else:
                self._place(wish)
        self._seats = seat_all(self._connection, self._day, self._policy, self._new)
        for key, seat in self._seats.items():
            if seat.refusal:
                for wish in self._new.pop(key):
                    self._leave_out(wish, seat.refusal)

    def _place(self, wish: Wanted) -> None:
        there = self._there.get((wish.person.party_id, wish.channel))
        if there is None:
            self._new.setdefault((wish.person.party_id, wish.channel), []).append(wish)
        elif there.state == "planned":
            self._absorbed.setdefault(there.contact_id, []).append(wish)
        else:
            self._leave_out(wish, "already_contacted_today")

    def _leave_out(self, wish: Wanted, reason: str) -> None:
        party_id = wish.person.party_id
        self._unwanted.append(Unwanted(wish.account_id, wish.subject_ref, wish.step, wish.channel, party_id, reason))

    def store(self) -> PlanResult:
        """Write contacts, items, suppressions and their events."""
        touched = self._correct_kept()
        contacts = self._contacts()
        items = [wish.as_item(row["contact_id"], self._day) for row, wishes in contacts for wish in wishes]
        items += [wish.as_item(key, self._day) for key, wishes in self._absorbed.items() for wish in wishes]
        insert_all(self._connection, contact, (row for row, _ in contacts))
        insert_all(self._connection, item, items)
        insert_all(self._connection, work_item, work_items(contacts, self._seats, self._policy))
        touched |= set(self._absorbed)
        refresh_totals(self._connection, touched)
        withdrawn = self._withdraw_empty(touched)
        self._record(contacts)
        otherwise = conflicts(self._connection, self._day, self._kept)
        record_many(self._connection, self._rt, run_id=self._run_id, events=otherwise)
        return PlanResult(
            planned=len(contacts),
            items=len(items),
            withheld=len(contacts) if self._is_past else 0,
            withdrawn=withdrawn,
            suppressed=self._suppress(),
        )

    def _contacts(self) -> list[tuple[dict[str, Any], list[Wanted]]]:
        stages = Counter(max(wish.stage for wish in wishes) for wishes in self._new.values())
        batches = {stage: min(MOST_BATCHES, -(-count // CONTACTS_PER_BATCH)) for stage, count in stages.items()}
        contacts = [(self._contact(wishes, batches), wishes) for wishes in self._new.values()]
        contacts.sort(
            key=lambda one: (one[0]["slot_opens_at"], one[0]["contact_id"])
        )  # as claimed: neighbours share pages
        return contacts

    def _contact(self, wishes: list[Wanted], batches: dict[int, int]) -> dict[str, Any]:
        seat = self._seats.get((wishes[0].person.party_id, wishes[0].channel))
        person, channel, day = wishes[0].person, wishes[0].channel, self._day
        lead = max(wishes, key=lambda wish: (wish.stage, wish.amount_minor, wish.account_id))
        contact_id = contact_key(person.party_id, channel, day)
        language = person.language or self._policy.language
        slot = slot_of(day, channel, person.time_zone, person.preferred_time, self._policy)
        return {
            "contact_id": contact_id,
            "business_date": day,
            "party_id": person.party_id,
            "channel": channel,
            "language": language,
            "audience": "borrower" if any(wish.audience == "borrower" for wish in wishes) else "guarantors",
            "tone": max((wish.tone for wish in wishes), key=TONES.index),
            "template": f"{language}/{channel}",
            "staff_id": seat.staff_id if seat else lead.owner,
            "stage": lead.stage,
            "batch_no": int(contact_id[:8], 16) % batches[lead.stage],
            "total_minor": sum(wish.amount_minor for wish in wishes if wish.currency == lead.currency),
            "currency": lead.currency,
            "slot_opens_at": slot.opens_at,
            "slot_closes_at": slot.closes_at,
            "run_id": self._run_id,
            "state": "withheld" if self._is_past else "planned",
            "state_run_id": self._run_id,
            "reason": PAST_DATE if self._is_past else None,
        }

    def _correct_kept(self) -> set[str]:
        """Bring items of contacts that have not left up to date; drop those the decisions no longer want."""
        touched = set()
        changes = []
        for row in open_items(self._connection, self._day):
            wish = self._kept.get(row.item_key)
            if wish is None:
                changes.append(
                    {"key": row.item_key, "amount": row.amount_minor, "due": row.due_on, "reason": SUPERSEDED}
                )
            elif (wish.amount_minor, wish.due_on) != (row.amount_minor, row.due_on):
                changes.append({"key": row.item_key, "amount": wish.amount_minor, "due": wish.due_on, "reason": None})
            else:
                continue
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
        live = select(item.c.contact_id).where(item.c.dropped_reason.is_(None))
        statement = (
            contact.update()
            .where(
                contact.c.business_date == self._day, contact.c.state == "planned", contact.c.contact_id.not_in(live)
            )
            .values(state="withdrawn", reason=SUPERSEDED, state_run_id=self._run_id)
            .returning(contact.c.contact_id)
        )
        gone = sorted(self._connection.execute(statement).scalars())
        events = (self._event("action.withdrawn", key, key, data={"reason": SUPERSEDED}) for key in gone)
        return record_many(self._connection, self._rt, run_id=self._run_id, events=events)

    def _record(self, contacts: list[tuple[dict[str, Any], list[Wanted]]]) -> None:
        placed = [(row["contact_id"], wish) for row, wishes in contacts for wish in wishes]
        placed += [(key, wish) for key, wishes in self._absorbed.items() for wish in wishes]
        record_many(self._connection, self._rt, run_id=self._run_id, events=self._planned_events(placed))
        if self._is_past:
            withheld = (
                self._event("action.withheld", row["contact_id"], row["contact_id"], data={"reason": PAST_DATE})
                for row, _ in contacts
            )
            record_many(self._connection, self._rt, run_id=self._run_id, events=withheld)

    def _planned_events(self, placed: Iterable[tuple[str, Wanted]]) -> Iterator[Event]:
        for contact_id, wish in placed:
            data = {
                "channel": wish.channel,
                "step": wish.step,
                "tone": wish.tone,
                "rung": wish.rung,
                "ordinal": wish.ordinal,
                "occasion": wish.occasion,
                "audience": wish.audience,
                "amount_minor": wish.amount_minor,
                "currency": wish.currency,
            }
            yield self._event("action.planned", wish.item_key, contact_id, wish.subject_ref, data, [wish.cause])

    def _suppress(self) -> dict[str, int]:
        day = self._day
        rows = {(w.account_id, w.step, w.channel, w.party_id, w.reason): w for w in self._unwanted}
        names = ("account_id", "step", "channel", "party_id", "reason")
        columns = [suppression.c[name] for name in names]
        known = {
            tuple(row) for row in self._connection.execute(select(*columns).where(suppression.c.business_date == day))
        }
        new = {key: wish for key, wish in rows.items() if key not in known}
        insert_new(
            self._connection,
            suppression,
            (
                {
                    "business_date": day,
                    "account_id": account_id,
                    "step": step,
                    "channel": channel,
                    "party_id": party_id,
                    "reason": reason,
                    "run_id": self._run_id,
                }
                for account_id, step, channel, party_id, reason in new
            ),
        )
        record_many(
            self._connection,
            self._rt,
            run_id=self._run_id,
            events=(
                self._event(
                    "action.suppressed",
                    natural_key(day.isoformat(), *key),
                    None,
                    wish.subject_ref,
                    {"step": wish.step, "channel": wish.channel, "reason": wish.reason},
                )
                for key, wish in new.items()
            ),
        )
        return dict(sorted(Counter(reason for *_, reason in rows).items()))

    def _event(
        self,
        kind: str,
        key: str,
        action_id: str | None,
        subject_ref: str | None = None,
        data: dict[str, Any] | None = None,
        causes: Iterable[str] = (),
    ) -> Event:
        return Event(
            type=kind,
            key=key,
            business_date=self._day,
            subject_ref=subject_ref,
            action_id=action_id,
            data=data or {},
            causes=list(causes),
            policy_sha256=self._policy_sha256,
        )
