"""What a person has had today: taken in the transaction of the intent, so two workers cannot overspend it."""

from datetime import date

from sqlalchemy import Connection
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
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {"party_id": party_id, "channel": channel, "local_date": local_day, "used": 1}
    statement = dialect.insert(person_budget).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=["party_id", "channel", "local_date"],
        set_={"used": person_budget.c.used + 1},
        where=person_budget.c.used < cap,
    )
    return connection.execute(statement).rowcount == 1


def _give_back(connection: Connection, party_id: str, channel: str, local_day: date) -> None:
    connection.execute(
        person_budget.update()
        .where(
            person_budget.c.party_id == party_id,
            person_budget.c.channel == channel,
            person_budget.c.local_date == local_day,
            person_budget.c.used > 0,
        )
        .values(used=person_budget.c.used - 1)
    )
