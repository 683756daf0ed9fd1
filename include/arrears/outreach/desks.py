"""Who does the work of a day: by the account's owner, branch, skill, dialect and load, as far as the day reaches.

An absent owner is stood in for by the deputy, then by the branch; an expired certificate gives nobody any work; what no
day's capacity holds is left out as ``not_reached_capacity`` and comes back tomorrow, for it was never done.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from arrears.store.tables.feeds import staff
from arrears.store.tables.outreach import contact, work_item

ROLES = {
    "call": ("collector",),
    "visit": ("field", "collector"),
    "asset_search": ("field", "collector"),
    "senior_contact": ("manager", "supervisor"),
}
"""Who does the work of a channel, the first role first; letters and the other channels are a desk's, not a person's."""

OWN = frozenset({"call"})
"""Channels in which the customer hears one voice: the owner of the account."""

NO_CAPACITY, NO_STAFF = "not_reached_capacity", "no_certified_staff"
SENIOR_LANE, SENIOR_SKILL = "high_risk", "difficult"


SKILL = {"call": "phone", "visit": "field", "asset_search": "field", "senior_contact": "negotiation"}
"""The skill (staff feed, ``skills``) that serves a channel best; who has it goes first among equals."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of staff on one day; ``capacity`` None is without a limit."""

    staff_id: str
    roles: frozenset[str]
    skills: frozenset[str]
    dialects: frozenset[str]
    branch: str
    capacity: int | None
    is_certified: bool
    is_absent: bool
    deputy: str | None

    @property
    def is_on_duty(self) -> bool:
        """Say whether this person may be given work today."""
        return self.is_certified and not self.is_absent


@dataclass(frozen=True, slots=True)
class Task:
    """One contact that a person carries out."""

    channel: str
    owner: str | None
    branch: str
    lane: str
    dialect: str | None
    language: str | None

    @property
    def is_hard(self) -> bool:
        """Say whether it wants a trained ear."""
        return self.lane == SENIOR_LANE


@dataclass(frozen=True, slots=True)
class Seat:
    """Who does a task and who goes along, or why nobody does."""

    staff_id: str | None
    companion_id: str | None = None
    refusal: str | None = None


class Desks:
    """The staff of a day and what each has been given; tasks are offered most pressing first."""

    def __init__(self, members: Iterable[Member], load: Mapping[str, int]) -> None:
        self._members = {member.staff_id: member for member in members}
        self._load = Counter(load)

    def seat(self, task: Task, people: int = 1) -> Seat:
        """Give a task to somebody; ``people`` go together, or alone where one is left.

        Without a staff feed the ledger's word is all there is, and nothing is known of anybody's day.
        """
        roles = ROLES.get(task.channel)
        if roles is None or not self._members:
            return Seat(task.owner)
        lead = self._lead(task, roles)
        if lead is None:
            on_duty = any(m.is_on_duty and m.roles & set(roles) for m in self._members.values())
            return Seat(None, refusal=NO_CAPACITY if on_duty else NO_STAFF)
        self._load[lead.staff_id] += 1
        return Seat(lead.staff_id, self._companion(lead, task, roles) if people > 1 else None)

    def _lead(self, task: Task, roles: tuple[str, ...]) -> Member | None:
        owner = self._members.get(task.owner or "")
        if task.channel in OWN and owner is not None:
            if task.is_hard and SENIOR_SKILL not in owner.skills:
                senior = self._best(task, roles, lambda m: SENIOR_SKILL in m.skills and m.branch == task.branch)
                if senior is not None:
                    return senior
            if owner.is_on_duty:
                return owner if self._has_room(owner) else None
            deputy = self._members.get(owner.deputy or "")
            if deputy is not None and deputy.is_on_duty:
                return deputy if self._has_room(deputy) else None
        return next((found for role in roles if (found := self._best_of_role(task, role))), None)

    def _best_of_role(self, task: Task, role: str) -> Member | None:
        """Return the best of a role in the branch; from elsewhere only where nobody travels, or there is no branch."""
        near = self._best(task, (role,), lambda m: m.branch == task.branch)
        if near is not None or (task.channel not in OWN and task.branch):
            return near
        return self._best(task, (role,), lambda _: True)

    def _best(self, task: Task, roles: tuple[str, ...], which: Callable[[Member], bool]) -> Member | None:
        fit = [
            m
            for m in self._members.values()
            if m.is_on_duty and m.roles & set(roles) and which(m) and self._has_room(m)
        ]
        return min(fit, key=lambda m: (-_fits(m, task), self._share(m), m.staff_id), default=None)

    def _companion(self, lead: Member, task: Task, roles: tuple[str, ...]) -> str | None:
        """Return who goes along: a second person of the branch with room, best one with a skill the first lacks."""

        def near(member: Member) -> bool:
            return member.branch == lead.branch and member.staff_id != lead.staff_id

        adding = self._best(task, roles, lambda m: near(m) and bool(m.skills - lead.skills))
        other = adding or self._best(task, roles, near)
        if other is None:
            return None
        self._load[other.staff_id] += 1
        return other.staff_id

    def _has_room(self, member: Member) -> bool:
        return member.capacity is None or self._load[member.staff_id] < member.capacity

    def _share(self, member: Member) -> tuple[int, int]:
        """Return the load in hundredths of the day, then in tasks."""
        load = self._load[member.staff_id]
        return load * 100 // member.capacity if member.capacity else 0, load


def _fits(member: Member, task: Task) -> int:
    """Count what speaks for a person: dialect, language, the channel's skill, and a trained ear for the hard cases."""
    wanted = (
        task.dialect is not None and task.dialect in member.dialects,
        task.language == "en" and "english" in member.skills,
        SKILL.get(task.channel) in member.skills,
        task.is_hard and SENIOR_SKILL in member.skills,
    )
    return sum(wanted)


def members_of(connection: Connection, on: date) -> list[Member]:
    """Return the staff as they stand on a day."""
    return [_member(row, on) for row in connection.execute(select(staff).order_by(staff.c.staff_id))]


def _member(row: Any, on: date) -> Member:
    away = (
        row.absent_from is not None and row.absent_from <= on and (row.absent_until is None or on <= row.absent_until)
    )
    return Member(
        staff_id=row.staff_id,
        roles=_words(row.roles),
        skills=_words(row.skills),
        dialects=_words(row.dialects),
        branch=row.branch,
        capacity=row.capacity,
        is_certified=row.certificate_until is None or row.certificate_until >= on,
        is_absent=away,
        deputy=row.deputy,
    )


def _words(text: str | None) -> frozenset[str]:
    return frozenset(part.strip() for part in (text or "").split(";") if part.strip())


def load_of(connection: Connection, on: date) -> dict[str, int]:
    """Return how many tasks of a day each person has already."""
    standing = (contact.c.business_date == on, contact.c.channel.in_(ROLES), contact.c.state.not_in(GONE))
    lead = select(contact.c.staff_id, func.count()).where(*standing).group_by(contact.c.staff_id)
    along = (
        select(work_item.c.companion_id, func.count())
        .join(contact, contact.c.contact_id == work_item.c.contact_id)
        .where(*standing)
        .group_by(work_item.c.companion_id)
    )
    load: Counter[str] = Counter()
    for query in (lead, along):
        for staff_id, count in connection.execute(query):
            if staff_id is not None:
                load[staff_id] += count
    return dict(load)


GONE = ("withdrawn", "withheld", "expired", "rejected")
"""States of a contact that is nobody's work any more."""
