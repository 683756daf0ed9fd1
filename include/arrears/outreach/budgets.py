"""What a person has had today: taken in the transaction of the intent, so two workers cannot overspend it."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from arrears.ladder.policy import Policy
from arrears.store.bulk import replace_all
from arrears.store.tables.outreach import person_budget

EVERY_CHANNEL = "all"
Want = tuple[str, str, date]
"""A person, a channel and the person's local day."""


def caps_of(channel: str, policy: Policy) -> tuple[int, int, int]:
    """Return a person's caps on a channel, attempts in 1, 7 and 30 days; a channel without caps has none left."""
    return next((caps for name, caps in policy.contact.caps.items() if name == channel), (0, 0, 0))


def take(connection: Connection, party_id: str, channel: str, local_day: date, policy: Policy) -> str | None:
    """Take one attempt from a person's day; return the cap that forbids it, or None when it was taken.

    Caps: policy ``contact.caps`` (first figure) and ``contact.daily_cap_per_person``.
    """
    if not _add(connection, party_id, channel, local_day, caps_of(channel, policy)[0]):
        return "cap_day"
    if not _add(connection, party_id, EVERY_CHANNEL, local_day, policy.contact.daily_cap_per_person):
        _give_back(connection, party_id, channel, local_day)
        return "daily_cap"
    return None


def take_many(connection: Connection, wanted: Sequence[Want], policy: Policy) -> list[str | None]:
    """Take one attempt for each, in order, and return for each what :func:`take` would.

    A SQLite writer is alone, so one look at the budgets of all is enough; elsewhere each is asked of the database,
    person by person in one order, or two workers could wait for each other.
    """
    if connection.dialect.name != "sqlite":
        order = sorted(range(len(wanted)), key=lambda n: wanted[n][0])
        answers = {n: take(connection, *wanted[n], policy) for n in order}
        return [answers[n] for n in range(len(wanted))]
    used = _used(connection, wanted)
    before, refusals = dict(used), []
    for party_id, channel, day in wanted:
        own, every = (party_id, channel, day), (party_id, EVERY_CHANNEL, day)
        refused = None
        if used.get(own, 0) >= caps_of(channel, policy)[0]:
            refused = "cap_day"
        elif used.get(every, 0) >= policy.contact.daily_cap_per_person:
            refused = "daily_cap"
        else:
            used[own], used[every] = used.get(own, 0) + 1, used.get(every, 0) + 1
        refusals.append(refused)
    rows = [
        {"party_id": party_id, "channel": channel, "local_date": day, "used": count}
        for (party_id, channel, day), count in used.items()
        if count != before.get((party_id, channel, day))
    ]
    replace_all(connection, person_budget, rows)
    return refusals


def _used(connection: Connection, wanted: Sequence[Want]) -> dict[Want, int]:
    asked = {"people": sorted({person for person, _, _ in wanted}), "days": sorted({day for _, _, day in wanted})}
    return {(row.party_id, row.channel, row.local_date): row.used for row in connection.execute(_USED, asked)}


_USED = select(person_budget).where(
    person_budget.c.party_id.in_(bindparam("people", expanding=True)),
    person_budget.c.local_date.in_(bindparam("days", expanding=True)),
)


def give_back(connection: Connection, party_id: str, channel: str, local_day: date) -> None:
    """Return an attempt that surely did not reach the person."""
    _give_back(connection, party_id, channel, local_day)
    _give_back(connection, party_id, EVERY_CHANNEL, local_day)


def _add(connection: Connection, party_id: str, channel: str, local_day: date, cap: int) -> bool:
    if cap < 1:
        return False
    row = {"party_id": party_id, "channel": channel, "local_date": local_day, "used": 1, "cap": cap}
    return connection.execute(_one_more(connection.dialect.name), row).first() is not None


@cache
def _one_more(dialect_name: str) -> Executable:
    dialect: Any = sqlite if dialect_name == "sqlite" else postgresql
    statement = dialect.insert(person_budget).values(
        {name: bindparam(name) for name in ("party_id", "channel", "local_date", "used")}
    )
    upsert: Executable = statement.on_conflict_do_update(
        index_elements=["party_id", "channel", "local_date"],
        set_={"used": person_budget.c.used + 1},
        where=person_budget.c.used < bindparam("cap"),
    ).returning(person_budget.c.used)
    return upsert


_ONE_LESS = (
    person_budget.update()
    .where(
        person_budget.c.party_id == bindparam("person"),
        person_budget.c.channel == bindparam("by"),
        person_budget.c.local_date == bindparam("day"),
        person_budget.c.used > 0,
    )
    .values(used=person_budget.c.used - 1)
)


def _give_back(connection: Connection, party_id: str, channel: str, local_day: date) -> None:
    connection.execute(_ONE_LESS, {"person": party_id, "by": channel, "day": local_day})
