"""The clocks of accounts that owe too little for a packet: two unpaid instalments of an ended contract lose rights too.

Counted only where a last day can be near: no right lapses before the policy's months have gone by since the oldest
unpaid instalment, or since the letter or choice that called the whole debt in.
"""

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, or_, select, tuple_, update

from arrears.core.calendar import add_months
from arrears.core.clock import at_local, utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.legal import case_file, clocks, frozen
from arrears.legal.build import BATCH, READ_AHEAD
from arrears.legal.facts import GUARANTOR_ROLES, LegalFacts
from arrears.store.bulk import insert_all
from arrears.store.engine import forget_pages, reading, writing
from arrears.store.tables.feeds import court_case, document
from arrears.store.tables.legal import account_clock
from arrears.store.tables.people import account_party

WITHOUT_PACKET = (1, 2)
"""The stages of arrears in which nobody builds a packet."""
MONTH_ENDS = timedelta(days=3)
"""Counted back, a month's end may lie so many days before the day that counts forward to it."""
Clocks = list[dict[str, str]]


def watch_clocks(rt: Runtime, engine: Engine, run_id: str, day: date, policy: Policy) -> int:
    """Count limitation and guarantee of the accounts near a last day, and return how many accounts have one.

    A row stands until its clocks move, the account pays or a packet takes over; what was told of a past day stays.
    """
    with reading(engine) as connection:
        watched = near_a_last_day(connection, day, policy)
    counted = _counted(rt, engine, run_id, day, policy, sorted(watched)) if watched else {}
    with writing(engine) as connection:
        _keep(connection, run_id, day, counted)
    return len(counted)


def near_a_last_day(connection: Connection, day: date, policy: Policy) -> list[str]:
    """Return the accounts with arrears and without a packet of which a right may lapse within the policy's alerts."""
    legal, alert = policy.legal, policy.legal.alert_days
    told = day + timedelta(days=max(alert.guarantee, default=0))
    since = add_months(told, -legal.guarantee_period_months) + MONTH_ENDS
    limited = day + timedelta(days=max(alert.limitation, default=0))
    limited_since = add_months(limited, -12 * legal.limitation_years) + MONTH_ENDS
    decided = decisions_in_force(day)
    surety = exists().where(account_party.c.account_id == decided.c.account_id,
                            account_party.c.role.in_(GUARANTOR_ROLES))  # fmt: skip
    zone = policy.time_zone
    near = or_(
        _due_by(decided.c, limited_since, zone),
        and_(_due_by(decided.c, since, zone), surety.where(account_party.c.guarantee_until.is_(None))),
        surety.where(account_party.c.guarantee_until <= told),
    )
    return list(connection.execute(
        select(decided.c.account_id).where(decided.c.stage.in_(WITHOUT_PACKET), near)
    ).scalars())  # fmt: skip


def _due_by(decided: Any, day: date, zone: str) -> ColumnElement[bool]:
    """Say whether the debt, or the whole of it by a letter or a choice, may have been due on a day."""
    letter, choice = document.c, court_case.c
    ended = utc_text(at_local(day + timedelta(days=1), time.min, zone))
    return or_(
        decided.oldest_unpaid_due <= day,
        exists().where(letter.account_id == decided.account_id, letter.kind == "lawyers_letter",
                       letter.served_on <= day),
        exists().where(choice.account_id == decided.account_id, choice.remedy == "accelerate", choice.at < ended),
    )  # fmt: skip


def _counted(
    rt: Runtime, engine: Engine, run_id: str, day: date, policy: Policy, account_ids: Sequence[str]
) -> dict[str, Clocks]:
    with reading(engine) as connection:
        ledger = frozen.open_ledger(connection, rt.settings.artifacts_url, run_id, account_ids)
    counted = {}
    for start in range(0, len(account_ids), BATCH):
        if start % READ_AHEAD == 0:
            ledger.read_schedules(account_ids[start : start + READ_AHEAD], day)
        with reading(engine) as connection:
            cases = case_file.load(connection, ledger, policy, day, account_ids[start : start + BATCH])
        counted.update({case.facts.account_id: rows for case in cases if (rows := _clocks(case.facts, policy))})
        forget_pages(engine)
    return counted


def _clocks(facts: LegalFacts, policy: Policy) -> Clocks:
    limitation = clocks.limitation(facts, policy.legal)
    running = (*([limitation] if limitation else []), *clocks.guarantees(facts, policy.legal))
    return [clock.as_row() for clock in running]


def _keep(connection: Connection, run_id: str, day: date, counted: dict[str, Clocks]) -> None:
    """Write what moved alone; a day that is counted again replaces what it said itself."""
    table = account_clock.c
    standing = connection.execute(
        select(table.account_id, table.built_on, table.clocks).where(table.superseded_on.is_(None))
    ).all()
    same = {row.account_id for row in standing if counted.get(row.account_id) == row.clocks}
    moved = [row for row in standing if row.account_id not in same]
    fresh = [account_id for account_id in counted if account_id not in same]
    for start in range(0, len(moved), READ_AHEAD):
        keys = [(row.account_id, row.built_on) for row in moved[start : start + READ_AHEAD]]
        these = tuple_(table.account_id, table.built_on).in_(keys)
        connection.execute(update(account_clock).where(these).values(superseded_on=day))
    connection.execute(account_clock.delete().where(table.built_on == day, table.superseded_on == day))
    insert_all(connection, account_clock, (
        {"account_id": account_id, "built_on": day, "clocks": counted[account_id], "run_id": run_id,
         "superseded_on": None} for account_id in fresh
    ))  # fmt: skip
