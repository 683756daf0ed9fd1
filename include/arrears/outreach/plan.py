"""Plan today's contacts: one per person, channel and day, however many contracts stand behind it.

Wishes come in the order of accounts and wait on disk by contact; only then are contacts made, a portion of them at a
time. What concerns the whole day (who has room for which call, how large a batch is) is counted in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine, bindparam, exists, text

from arrears.audit.record import Event, record_many
from arrears.core.clock import local_date
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.outreach.conflicts import conflicts
from arrears.outreach.desks import ROLES, Seat
from arrears.outreach.earlier import earlier_contacts
from arrears.outreach.new_contacts import PAST_DATE, NewContacts, Stages
from arrears.outreach.owners import assign_owners
from arrears.outreach.planned import SUPERSEDED, items_among, refresh_totals
from arrears.outreach.planned_rows import store_items
from arrears.outreach.seating import Seating, work_items
from arrears.outreach.slots import WORK_LIST
from arrears.outreach.unplanned import Suppressions
from arrears.outreach.wanted import Unwanted, Wanted, wanted_today
from arrears.outreach.wishes import Portion, Waiting, rows_of, wishes_of
from arrears.store.account_range import AccountRange
from arrears.store.bulk import insert_all
from arrears.store.engine import writing
from arrears.store.tables.outreach import contact, item, work_item

TAKEN_BACK = "taken_back"
"""Of what a correction withdrew before it left: a contact that has ended is not begun again."""
_PLAN_LOCK = 4_715_002
_CORRECT = (
    item.update()
    .where(item.c.item_key == bindparam("key"))
    .values(amount_minor=bindparam("amount"), due_on=bindparam("due"), dropped_reason=bindparam("why"))
)


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
    with writing(engine) as connection, Waiting() as waiting:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PLAN_LOCK})
        plan = _Plan(connection, rt, run_id, business_date, policy, waiting)
        plan.gather()
        return plan.store(plan.seat())


class _Plan:
    """The work of one planning transaction."""

    def __init__(
        self, connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy, waiting: Waiting
    ) -> None:
        self._connection, self._rt, self._run_id = connection, rt, run_id
        self._day, self._policy, self._waiting = business_date, policy, waiting
        self._is_past = business_date < local_date(rt.clock.now(), policy.time_zone)
        self._suppressions = Suppressions(connection, rt, run_id, business_date, policy.sha256)
        self._seating = Seating(connection, business_date, policy)
        self._result, self._is_corrected = PlanResult(), False

    def gather(self) -> None:
        """Let every wish wait for its contact, and write down what is left out."""
        for rows in earlier_contacts(self._connection, self._day):
            self._waiting.add_earlier(rows)
        assign_owners(self._connection, self._rt, self._run_id, self._day, self._policy)
        for among, wishes in wanted_today(self._connection, self._rt, self._run_id, self._day, self._policy):
            self._sort(among, wishes)

    def _sort(self, among: AccountRange, wishes: Sequence[Wanted | Unwanted]) -> None:
        """Put the wishes of a range of accounts aside, but those that an earlier day carried out."""
        wanted = [wish for wish in wishes if isinstance(wish, Wanted)]
        left_out = [wish for wish in wishes if isinstance(wish, Unwanted)]
        if wanted:
            rows = rows_of(wanted, self._day)
            known = items_among(self._connection, rows["item_key"].to_pylist())
            planned_on = [known.get(key) for key in rows["item_key"].to_pylist()]
            is_open = [one is None or one[0] == self._day for one in planned_on]
            left_out += [
                _unwanted(wish, TAKEN_BACK if one[1] else "already_done")
                for wish, one in zip(wanted, planned_on, strict=True)
                if one is not None and one[0] != self._day
            ]
            rows["is_kept"] = pa.array([one is not None for one in planned_on])
            rows["is_dropped"] = pa.array([one is not None and one[1] for one in planned_on])
            self._waiting.add(pa.RecordBatch.from_pydict(rows).filter(pa.array(is_open)))
        self._suppressions.store(among, left_out)

    def seat(self) -> Stages:
        """Bring the wishes of each contact together, give the day's work to people, and count contacts by stage."""
        stages = Stages()
        for number, portion in enumerate(self._waiting.bring_together()):
            new = portion.new()
            is_staffed = pc.is_in(new.column("channel"), pa.array(list(ROLES)))
            self._seating.ask(number, _by_contact(new.filter(is_staffed)))
            others = new.filter(pc.invert(is_staffed))
            is_message = pc.invert(pc.is_in(others.column("channel"), pa.array(list(WORK_LIST))))
            stages.contacts.update(_highest_stages(others))
            stages.messages.update(_highest_stages(others.filter(is_message)))
        stages.contacts += self._seating.seat_all()
        return stages

    def store(self, stages: Stages) -> PlanResult:
        """Write contacts, items and their events, portion by portion; ``stages`` counts the new contacts of the day."""
        contacts = NewContacts(self._run_id, self._day, self._policy, stages, is_past=self._is_past)
        for portion, seats in zip(self._waiting.portions(), self._seating.by_portion(), strict=False):
            touched = self._correct(portion)
            refusals = {contact_id: seat.refusal for contact_id, seat in seats.items() if seat.refusal}
            self._store_new(self._leave_out(portion, refusals), contacts, seats)
            absorbed = portion.absorbed()
            self._store_items(absorbed)
            refresh_totals(self._connection, touched | set(absorbed.column("contact_id").to_pylist()))
            self._is_corrected = self._is_corrected or bool(touched or len(absorbed))
            otherwise = conflicts(portion, self._day)
            record_many(self._connection, self._rt, run_id=self._run_id, events=otherwise)
        self._result.withheld = self._result.planned if self._is_past else 0
        self._result.withdrawn = self._withdraw_empty() if self._is_corrected else 0
        self._result.suppressed = self._suppressions.by_reason()
        return self._result

    def _leave_out(self, portion: Portion, refusals: dict[str, str]) -> pa.RecordBatch:
        """Write down the wishes whose contact left today and those that nobody has room for; return the others."""
        late = [
            _unwanted(wish, TAKEN_BACK if state == "withdrawn" else "already_contacted_today")
            for rows, states in [portion.too_late()]
            for wish, state in zip(wishes_of(rows), states, strict=True)
        ]
        new = portion.new()
        is_refused = pc.is_in(new.column("contact_id"), pa.array(refusals, pa.string()))
        refused = _by_contact(new.filter(is_refused))
        left_out = [_unwanted(wish, refusals[key]) for key, wishes in refused.items() for wish in wishes]
        self._suppressions.store_scattered(late + left_out)
        return new.filter(pc.invert(is_refused))

    def _store_new(self, wishes: pa.RecordBatch, contacts: NewContacts, seats: dict[str, Seat]) -> None:
        made = contacts.of(_by_contact(wishes), seats)
        insert_all(self._connection, contact, (row for row, _ in made))
        insert_all(self._connection, work_item, work_items(made, seats, self._policy))
        places = pc.index_in(wishes.column("contact_id"), pa.array([row["contact_id"] for row, _ in made], pa.string()))
        self._store_items(wishes.take(pc.sort_indices(places)))
        self._result.planned += len(made)
        if self._is_past:
            events = (self._event("action.withheld", row["contact_id"], PAST_DATE) for row, _ in made)
            record_many(self._connection, self._rt, run_id=self._run_id, events=events)

    def _store_items(self, wishes: pa.RecordBatch) -> None:
        self._result.items += store_items(
            self._connection, self._rt, self._run_id, self._day, self._policy.sha256, wishes
        )

    def _correct(self, portion: Portion) -> set[str]:
        """Bring items of contacts that have not left up to date; drop those the decisions no longer want."""
        differing = portion.items(("planned",))
        changes = [
            {"key": item["item_key"], "amount": now["amount_minor"], "due": now["due_on"], "why": why}
            for item, wish in differing
            for now, why in [(wish, None) if wish else (item, SUPERSEDED)]
        ]
        again = portion.wanted_again().to_pylist()
        changes += [
            {"key": wish["item_key"], "amount": wish["amount_minor"], "due": wish["due_on"], "why": None}
            for wish in again
        ]
        if changes:
            self._connection.execute(_CORRECT, changes)
        return {one["contact_id"] for one in (*(item for item, _ in differing), *again)}

    def _withdraw_empty(self) -> int:
        """Withdraw contacts whose every item was dropped; the one lawful change of mind before sending."""
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


def _highest_stages(rows: pa.RecordBatch) -> list[int]:
    """Return the stage of each contact: the highest of its wishes."""
    highest = pa.Table.from_batches([rows]).group_by("contact_id").aggregate([("stage", "max")])
    return [int(stage) for stage in highest.column("stage_max").to_pylist()]


def _by_contact(rows: pa.RecordBatch) -> dict[str, list[Wanted]]:
    """Return wishes by the key of their contact, of each in the order of accounts."""
    found: dict[str, list[Wanted]] = {}
    for contact_id, wish in zip(rows.column("contact_id").to_pylist(), wishes_of(rows), strict=True):
        found.setdefault(contact_id, []).append(wish)
    return found


def _unwanted(wish: Wanted, reason: str) -> Unwanted:
    return Unwanted(wish.account_id, wish.subject_ref, wish.step, wish.channel, wish.person.party_id, reason)
