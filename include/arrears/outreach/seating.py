"""Give the day's new work to people, most pressing first, and say by when each piece of it is due."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import date, timedelta
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection

from arrears.core.clock import at_local, utc_text
from arrears.ladder.policy import Policy
from arrears.outreach.desks import Desks, Seat, Task, load_of, members_of
from arrears.outreach.slots import WORK_LIST
from arrears.outreach.wanted import Wanted
from arrears.outreach.zones import Zones
from arrears.store.sorted_runs import SortedRuns

LANES = ("good_faith", "high_risk", "habitual", "aged")
"""The order of the day: the easy ones first, then those who move the machine, then the long work (the seed)."""

Groups = Mapping[str, Sequence[Wanted]]
"""Wishes by the key of their contact."""

FILED = 8_192
"""Seats in memory at a time before they wait on disk."""


class _Place(NamedTuple):
    """A staffed contact in the order of the day: what decides it comes first, and person and channel are its own."""

    lane: int
    stage: int
    amount: int
    party_id: str
    channel: str
    portion: int
    contact_id: str
    owner: str | None
    branch: str
    task_lane: str
    dialect: str | None
    language: str | None

    @property
    def task(self) -> Task:
        """Return it as somebody's work."""
        return Task(self.channel, self.owner, self.branch, self.task_lane, self.dialect, self.language)


class Seating:
    """The staffed contacts of a whole day: taken in portion by portion, seated together, and handed back by portion."""

    def __init__(self, connection: Connection, day: date, policy: Policy) -> None:
        """Begin before the first portion."""
        self._connection, self._day, self._policy = connection, day, policy
        self._asked, self._seats = SortedRuns(), SortedRuns()

    def ask(self, portion: int, groups: Groups) -> None:
        """Take in the staffed contacts of a portion."""
        self._asked.add(_place(portion, contact_id, wishes) for contact_id, wishes in groups.items())

    def seat_all(self) -> Counter[int]:
        """Give each to somebody, the most pressing first, or leave it out; count by stage what is carried out."""
        desks = Desks(members_of(self._connection, self._day), load_of(self._connection, self._day))
        places, stages = map(_Place._make, self._asked.merged()), Counter[int]()
        while some := list(islice(places, FILED)):
            seated = [(place, self._seat(desks, place.task)) for place in some]
            self._seats.add((place.portion, place.contact_id, *astuple(seat)) for place, seat in seated)
            stages.update(-place.stage for place, seat in seated if not seat.refusal)
        return stages

    def _seat(self, desks: Desks, task: Task) -> Seat:
        return desks.seat(task, self._policy.contact.visit_people if task.channel == "visit" else 1)

    def by_portion(self) -> Iterator[dict[str, Seat]]:
        """Yield of each portion in its order who carries out its contacts, or why nobody does; never ends."""
        seats, number, own = self._seats.merged(), 0, dict[str, Seat]()
        for portion, contact_id, *seat in seats:
            while number < portion:
                yield own
                number, own = number + 1, {}
            own[contact_id] = Seat(*seat)
        while True:
            yield own
            own = {}


def _place(portion: int, contact_id: str, wishes: Sequence[Wanted]) -> _Place:
    lead = max(wishes, key=lambda wish: (wish.stage, wish.amount_minor, wish.account_id))
    person = lead.person
    return _Place(
        lane=min(LANES.index(wish.lane) if wish.lane in LANES else len(LANES) for wish in wishes),
        stage=-lead.stage,
        amount=-sum(wish.amount_minor for wish in wishes),
        party_id=person.party_id,
        channel=lead.channel,
        portion=portion,
        contact_id=contact_id,
        owner=lead.owner,
        branch=lead.branch,
        task_lane="high_risk" if any(wish.lane == "high_risk" for wish in wishes) else lead.lane,
        dialect=person.dialect,
        language=person.language,
    )


def work_items(
    rows: Sequence[tuple[dict[str, Any], Sequence[Wanted]]], seats: Mapping[str, Seat], policy: Policy
) -> list[dict[str, Any]]:
    """Return the work item of each new contact that people carry out; its texts are written when the lists are."""
    found = []
    for row, wishes in rows:
        if row["channel"] not in WORK_LIST - {"debit", "placement"}:
            continue
        seat = seats.get(row["contact_id"])
        found.append(
            {
                "contact_id": row["contact_id"],
                "business_date": row["business_date"],
                "party_id": row["party_id"],
                "staff_id": row["staff_id"],
                "companion_id": seat.companion_id if seat else None,
                "due_at": _due_at(row, wishes[0].person.zones, policy),
            }
        )
    return found


def _due_at(row: Mapping[str, Any], zones: Zones, policy: Policy) -> str:
    """Return by when it must be done: inside the person's hours of the day, a letter by the next working evening.

    A visit is announced first where the policy asks for notice (policy ``contact.visit_notice_days``); the hour by
    which a letter is posted is ``clocks.posted_by``.
    """
    zone, notice = zones[0] if zones else policy.time_zone, policy.contact.visit_notice_days
    if row["channel"] == "visit" and notice:
        visited_on = policy.business_calendar().next_working_day(row["business_date"] + timedelta(days=notice))
        return utc_text(at_local(visited_on, policy.contact.window.closes, zone))
    if row["channel"] not in ("letter", "credit_notice"):
        return str(row["slot_closes_at"])
    posted_on = policy.business_calendar().add_working_days(row["business_date"], 1)
    return utc_text(at_local(posted_on, policy.clocks.posted_by, zone))
