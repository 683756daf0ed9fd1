"""What a person has had today: taken in the transaction of the intent, so two workers cannot overspend it."""

from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from arrears.ladder.policy import Policy
from arrears.store.tables.outreach import person_budget

EVERY_CHANNEL = "all"


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
