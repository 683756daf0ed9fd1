"""The week an auditor looks back on: runs with their ledgers, checks that people overrode, the rules in use."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from arrears.reports.control import RunLine, runs_with_ledger
from arrears.store.tables.runs import gate, policy_text, run

SEVEN_DAYS = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """What an auditor looks back on: a week of runs, what people overrode, and the rules in use."""

    runs: list[RunLine]
    overrides: list[tuple[str, str, str]]
    policies: list[tuple[str, str, str]]


def week_until(connection: Connection, last: date) -> Week:
    """Return the seven days that end with a day."""
    first = last - SEVEN_DAYS + timedelta(days=1)
    return Week(
        runs_since(connection, first, last),
        overrides_since(connection, first, last),
        policies_since(connection, first, last),
    )


def runs_since(connection: Connection, first: date, last: date) -> list[RunLine]:
    """Return the daily runs of a span of business dates, oldest first."""
    query = runs_with_ledger().where(run.c.kind == "daily", run.c.business_date.between(first, last))
    return [RunLine(*row) for row in connection.execute(query.order_by(run.c.business_date, run.c.ordinal))]


def overrides_since(connection: Connection, first: date, last: date) -> list[tuple[str, str, str]]:
    """Return run, gate and staff id of every gate a person has overridden in a span of business dates."""
    rows = connection.execute(
        select(gate.c.run_id, gate.c.name, gate.c.overridden_by)
        .select_from(gate)
        .join(run, run.c.run_id == gate.c.run_id)
        .where(gate.c.overridden_by.is_not(None), run.c.business_date.between(first, last))
        .order_by(gate.c.run_id, gate.c.name)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def policies_since(connection: Connection, first: date, last: date) -> list[tuple[str, str, str]]:
    """Return id, version and hash of every policy under which a run of the span decided."""
    rows = connection.execute(
        select(policy_text.c.policy_id, policy_text.c.version, policy_text.c.policy_sha256)
        .distinct()
        .select_from(policy_text)
        .join(run, run.c.policy_sha256 == policy_text.c.policy_sha256)
        .where(run.c.business_date.between(first, last))
        .order_by(policy_text.c.policy_id, policy_text.c.version)
    )
    return [(row[0], row[1], row[2]) for row in rows]
