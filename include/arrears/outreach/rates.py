"""How many messages a channel takes in a minute, over all workers: granted by the store, so no two can overspend."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite

from arrears.core.clock import utc_text
from arrears.store.tables.outreach import channel_rate

MINUTE = 16
"""So many characters of a UTC text name its minute."""


def grant(connection: Connection, channel: str, most: int, wanted: int, now: datetime) -> int:
    """Return how many of ``wanted`` messages may leave in this minute of the machine's clock, ``most`` in all."""
    minute = utc_text(now)[:MINUTE]
    row = {"channel": channel, "minute": minute, "wanted": wanted}
    before: int = connection.execute(_more(connection.dialect.name), row).scalar_one() - wanted
    connection.execute(delete(channel_rate).where(channel_rate.c.channel == channel, channel_rate.c.minute < minute))
    return max(0, min(wanted, most - before))


def seconds_left(now: datetime) -> float:
    """Return how long the running minute lasts."""
    return 60.0 - now.second - now.microsecond / 1e6


@cache
def _more(dialect_name: str) -> Executable:
    dialect: Any = sqlite if dialect_name == "sqlite" else postgresql
    statement = dialect.insert(channel_rate).values(
        channel=bindparam("channel"), minute=bindparam("minute"), used=bindparam("wanted")
    )
    upsert: Executable = statement.on_conflict_do_update(
        index_elements=["channel", "minute"], set_={"used": channel_rate.c.used + bindparam("wanted")}
    ).returning(channel_rate.c.used)
    return upsert
