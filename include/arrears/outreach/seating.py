"""Give the day's new work to people, most pressing first, and say by when each piece of it is due."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from arrears.core.clock import at_local, utc_text
from arrears.ladder.policy import Policy
from arrears.outreach.desks import ROLES, Desks, Seat, Task, load_of, members_of
from arrears.outreach.slots import WORK_LIST
from arrears.outreach.wanted import Wanted
from arrears.outreach.zones import Zones

LANES = ("good_faith", "high_risk", "habitual", "aged")
"""The order of the day: the easy ones first, then those who move the machine, then the long work (the seed)."""

Key = tuple[str, str]
Groups = Mapping[Key, Sequence[Wanted]]


def seat_all(connection: Connection, day: date, policy: Policy, groups: Groups) -> dict[Key, Seat]:
    """Return who carries out each staffed contact (person, channel), or why nobody does; others are not named."""
    staffed = [(key, wishes) for key, wishes in groups.items() if key[1] in ROLES]
    if not staffed:
        return {}
    desks = Desks(members_of(connection, day), load_of(connection, day))
    return {
        key: desks.seat(_task(key[1], wishes), policy.contact.visit_people if key[1] == "visit" else 1)
        for key, wishes in sorted(staffed, key=lambda one: _urgency(*one))
    }


def _urgency(key: Key, wishes: Sequence[Wanted]) -> tuple[Any, ...]:
    lane = min(LANES.index(wish.lane) if wish.lane in LANES else len(LANES) for wish in wishes)
    return lane, -max(wish.stage for wish in wishes), -sum(wish.amount_minor for wish in wishes), key


def _task(channel: str, wishes: Sequence[Wanted]) -> Task:
    lead = max(wishes, key=lambda wish: (wish.stage, wish.amount_minor, wish.account_id))
    senior = any(wish.lane == "high_risk" for wish in wishes)
    person = lead.person
    lane = "high_risk" if senior else lead.lane
    return Task(channel, lead.owner, lead.branch, lane, person.dialect, person.language)


def work_items(
    rows: Sequence[tuple[dict[str, Any], Sequence[Wanted]]], seats: Mapping[Key, Seat], policy: Policy
) -> list[dict[str, Any]]:
    """Return the work item of each new contact that people carry out; its texts are written when the lists are."""
    found = []
    for row, wishes in rows:
        if row["channel"] not in WORK_LIST - {"debit", "placement"}:
            continue
        seat = seats.get((row["party_id"], row["channel"]))
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
