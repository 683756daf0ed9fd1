"""What came of the contacts of each day, by channel, treatment, outcome and reason; past days are kept."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select

from arrears.core.clock import at_local, utc_text
from arrears.reports.load import days_between, first_of, unsettled
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
    """Count again the days of the week before whose outcomes changed, and what is not yet kept of the month."""
    kept = _kept(connection, first_of(day), day)
    for on in unsettled(day, kept):
        if on in kept and _without_rung(kept[on]) == _told(connection, on, zone):
            continue
        connection.execute(delete(outcome_day).where(outcome_day.c.business_date == on))
        insert_all(connection, outcome_day, _rows(on, _count(connection, on, zone)))


def results_of(connection: Connection, first: date, last: date, zone: str) -> Counter[Result]:
    """Count the results of a span of days; days that no morning kept are counted on the spot."""
    kept = _kept(connection, first, last)
    found: Counter[Result] = Counter()
    for on in days_between(first, last):
        found += kept[on] if on in kept else _count(connection, on, zone)
    return found


def _kept(connection: Connection, first: date, last: date) -> dict[date, Counter[Result]]:
    table = outcome_day.c
    query = select(table.business_date, table.count, table.channel, table.rung, table.outcome, table.reason)
    found: dict[date, Counter[Result]] = defaultdict(Counter)
    for on, number, *one in connection.execute(query.where(table.business_date.between(first, last))):
        found[on][Result(*one)] = number
    return dict(found)


def _without_rung(counted: Counter[Result]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for one, number in counted.items():
        found[one.channel, one.outcome, one.reason] += number
    return found


def _told(connection: Connection, on: date, zone: str) -> Counter[tuple[str, str, str]]:
    """Count what a day's outcomes are, without how their accounts were treated: an index tells that."""
    groups = (outcome.c.channel, outcome.c.outcome, func.coalesce(outcome.c.reason, ""))
    rows = connection.execute(select(*groups, func.count()).where(*_on(on, zone)).group_by(*groups))
    return Counter({(row[0], row[1], row[2]): int(row[3]) for row in rows})


def _on(day: date, zone: str) -> tuple[Any, Any]:
    opens, closes = (utc_text(at_local(one, time.min, zone)) for one in (day, day + timedelta(days=1)))
    return outcome.c.at >= opens, outcome.c.at < closes


def _rows(on: date, counted: Counter[Result]) -> Iterable[dict[str, Any]]:
    return ({"business_date": on, **one._asdict(), "count": number} for one, number in sorted(counted.items()))


def _count(connection: Connection, on: date, zone: str) -> Counter[Result]:
    told = outcome.c
    treated = select(decision.c.account_id, decision.c.rung).where(in_force(on, None)).subquery("treated")
    groups = (told.channel, func.coalesce(treated.c.rung, UNTREATED), told.outcome, func.coalesce(told.reason, ""))
    rows = connection.execute(
        select(*groups, func.count())
        .select_from(outcome)
        .outerjoin(treated, treated.c.account_id == told.account_id)
        .where(*_on(on, zone))
        .group_by(*groups)
    )
    return Counter({Result(*row[:4]): int(row[4]) for row in rows})
