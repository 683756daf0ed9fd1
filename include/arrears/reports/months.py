"""Recovery day by day: kept by each morning's digest, read for a month and the one before it."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from arrears.core.calendar import BusinessCalendar
from arrears.reports.kpi import expected_share, pace, rate
from arrears.reports.recovery import Recovery
from arrears.store.bulk import replace_all
from arrears.store.tables.reports import recovery_day

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class MonthLines:
    """Three lines over the days of a month, in basis points: what is recovered, the way to the target, last month."""

    recovered: dict[int, int]
    expected: dict[int, int]
    before: dict[int, int]
    last_day: int


def keep_recovery(connection: Connection, business_date: date, run_id: str, recovered: dict[str, Recovery]) -> None:
    """Keep what the morning of a date stood at; a later run of the date takes the place of the first."""
    rows = [
        {
            "business_date": business_date,
            "currency": currency,
            "since": line.since,
            "base_minor": line.base_minor,
            "collected_minor": line.collected_minor,
            "run_id": run_id,
        }
        for currency, line in recovered.items()
    ]
    replace_all(connection, recovery_day, rows)


def month_lines(
    connection: Connection, day: date, currency: str, target_percent: int, calendar: BusinessCalendar
) -> MonthLines:
    """Return the three lines of the month of a day; a morning that was never worked out has no point."""
    first = day.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    days = [first + timedelta(days=number) for number in range((after - first).days)]
    line = {on.day: pace(0, 0, target_percent, expected_share(calendar, on)).expected for on in days}
    return MonthLines(
        recovered=_rates(connection, currency, first, day),
        expected={number: share for number, share in line.items() if share is not None},
        before=_rates(connection, currency, (first - ONE_DAY).replace(day=1), first - ONE_DAY),
        last_day=days[-1].day,
    )


def recovered_before(connection: Connection, day: date, currency: str) -> int | None:
    """Return the share recovered in the month before a day as its last kept morning found it, in basis points."""
    last = day.replace(day=1) - ONE_DAY
    found = _rates(connection, currency, last.replace(day=1), last)
    return found[max(found)] if found else None


def _rates(connection: Connection, currency: str, first: date, last: date) -> dict[int, int]:
    table = recovery_day.c
    rows = connection.execute(
        select(table.business_date, table.collected_minor, table.base_minor)
        .where(table.currency == currency, table.business_date.between(first, last))
        .order_by(table.business_date)
    )
    found = {row.business_date.day: rate(row.collected_minor, row.base_minor) for row in rows}
    return {number: share for number, share in found.items() if share is not None}
