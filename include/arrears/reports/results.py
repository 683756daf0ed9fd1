"""What came of the contacts of each day, by channel, treatment, outcome and reason; past days are kept."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, func, select

from arrears.core.clock import at_local, utc_text
from arrears.reports.load import days_between, unsettled
from arrears.reports.scope import in_force
from arrears.store.bulk import insert_all
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import outcome
from arrears.store.tables.reports import outcome_day

UNTREATED = 0
"""The treatment of an account that was not decided on that day."""


class Result(NamedTuple):
    """One way in which a contact ended; ``rung`` is how the account was treated that day."""

    channel: str
    rung: int
    outcome: str
    reason: str


def keep_results(connection: Connection, day: date, zone: str) -> None:
    """Count the week before a day again, and what is not yet kept of its month, and keep it."""
    kept = set(connection.execute(select(outcome_day.c.business_date).distinct()).scalars())
    days = unsettled(day, kept)
    counted = {on: _count(connection, on, zone) for on in days}
    connection.execute(delete(outcome_day).where(outcome_day.c.business_date.in_(days)))
    insert_all(connection, outcome_day, (row for on in days for row in _rows(on, counted[on])))


def results_of(connection: Connection, first: date, last: date, zone: str) -> Counter[Result]:
    """Count the results of a span of days; days that no morning kept are counted on the spot."""
    table = outcome_day.c
    query = select(table.business_date, table.count, table.channel, table.rung, table.outcome, table.reason)
    found: Counter[Result] = Counter()
    known = set()
    for on, number, *one in connection.execute(query.where(table.business_date.between(first, last))):
        found[Result(*one)] += number
        known.add(on)
    for on in days_between(first, last):
        if on not in known:
            found += _count(connection, on, zone)
    return found


def _rows(on: date, counted: Counter[Result]) -> Iterable[dict[str, Any]]:
    return ({"business_date": on, **one._asdict(), "count": number} for one, number in sorted(counted.items()))


def _count(connection: Connection, on: date, zone: str) -> Counter[Result]:
    opens, closes = (utc_text(at_local(day, time.min, zone)) for day in (on, on + timedelta(days=1)))
    told = outcome.c
    groups = (told.channel, func.coalesce(decision.c.rung, UNTREATED), told.outcome, func.coalesce(told.reason, ""))
    rows = connection.execute(
        select(*groups, func.count())
        .select_from(outcome)
        .outerjoin(decision, and_(decision.c.account_id == told.account_id, in_force(on, None)))
        .where(told.at >= opens, told.at < closes)
        .group_by(*groups)
    )
    return Counter({Result(*row[:4]): int(row[4]) for row in rows})
