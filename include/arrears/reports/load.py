"""The load of each day: what machines sent, what people worked, what was stopped; past days are kept, not recounted."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from arrears.store.bulk import replace_all
from arrears.store.tables.outreach import contact
from arrears.store.tables.reports import load_day

BY_PEOPLE = ("call", "visit", "letter")
STOPPED = ("withheld", "expired", "withdrawn")
ONE_DAY = timedelta(days=1)
SETTLED_AFTER = timedelta(days=7)
"""After so long nothing changes the state of a day's contacts."""

Load = dict[date, Counter[str]]


def keep_load(connection: Connection, day: date) -> None:
    """Count the week before a day again, and what is not yet kept of its month, and keep it."""
    past = unsettled(day, _kept(connection, first_of(day), day))
    counted = _count(connection, past)
    rows = [
        {"business_date": on, **{name: counted[on][name] for name in ("messages", "people", "stopped")}} for on in past
    ]
    replace_all(connection, load_day, rows)


def first_of(day: date) -> date:
    """Return the first day a morning may have to count: of its month, or of the week that is counted again."""
    return min(day.replace(day=1), day - SETTLED_AFTER)


def unsettled(day: date, kept: Collection[date]) -> list[date]:
    """Return the past days that a morning counts: those that may have changed, and those that are not kept."""
    return [on for on in days_between(first_of(day), day - ONE_DAY) if on >= day - SETTLED_AFTER or on not in kept]


def load_of(connection: Connection, first: date, last: date) -> Load:
    """Return the load of each day of a span that has any; days that no morning kept are counted on the spot."""
    kept = _kept(connection, first, last)
    found = kept | _count(connection, [on for on in days_between(first, last) if on not in kept])
    return {on: counts for on, counts in found.items() if counts.total()}


def _kept(connection: Connection, first: date, last: date) -> Load:
    rows = connection.execute(select(load_day).where(load_day.c.business_date.between(first, last)))
    return {row.business_date: Counter(messages=row.messages, people=row.people, stopped=row.stopped) for row in rows}


def _count(connection: Connection, days: Iterable[date]) -> Load:
    query = (
        select(contact.c.business_date, contact.c.channel, contact.c.state, func.count())
        .where(contact.c.business_date.in_(days))
        .group_by(contact.c.business_date, contact.c.channel, contact.c.state)
    )
    found: Load = defaultdict(Counter)
    for on, channel, state, count in connection.execute(query):
        kind = "stopped" if state in STOPPED else "people" if channel in BY_PEOPLE else "messages"
        found[on][kind] += count
    return found


def days_between(first: date, last: date) -> list[date]:
    """Return the days of a span, both ends included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
