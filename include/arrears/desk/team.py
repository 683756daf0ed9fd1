"""Month and team: what came in day by day, the load of each day, what came of it, and who has not worked the list."""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from arrears.core.runtime import Runtime
from arrears.desk.chart import chart
from arrears.desk.today import business_date_of
from arrears.reports.load import BY_PEOPLE, STOPPED, load_of
from arrears.reports.money_text import DASH, exact_all, percent
from arrears.reports.months import month_lines
from arrears.reports.results import Result, results_of
from arrears.reports.scorecard import Score, newest_scores
from arrears.reports.wording import Words
from arrears.reports.work import staff_names
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.feeds import outcome, promise
from arrears.store.tables.outreach import contact


def month(rt: Runtime, words: Words) -> dict[str, Any]:
    """Return, for the month of the newest run, each day's contacts and promises, and each person's list of today."""
    day = business_date_of(rt)
    if day is None:
        return {"day": None}
    first, last = day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    with reading(existing_store(rt)) as connection:
        load = load_of(connection, first, last)
        made = _by_day(connection, promise.c.made_on, first, last)
        due = _by_day(connection, promise.c.due_on, first, last)
        team = _team(connection, day, words)
        policy = policy_of(rt.settings)
        scores = _scores(*newest_scores(connection), staff_names(connection), policy.currency)
        results = results_of(connection, first, day, policy.time_zone)
        target = policy.digest.month_target_percent
        lines = month_lines(connection, day, policy.currency, target, policy.business_calendar())
    busiest = max((sum(counts.values()) for counts in load.values()), default=1) or 1
    days = [
        (on, counts["messages"], counts["people"], counts["stopped"], made[on], due[on],
         round(100 * sum(counts.values()) / busiest), percent(lines.recovered.get(on.day)))
        for on, counts in sorted(load.items())
    ]  # fmt: skip
    outcomes = _outcomes(results, words)
    fixed = sorted({step.month_day for step in policy.steps if step.month_day})
    now = (
        percent(lines.recovered.get(day.day)),
        percent(lines.expected.get(day.day)),
        percent(lines.before.get(day.day)),
    )
    return {
        "day": day, "days": days, "team": team, "scores": scores, "outcomes": outcomes, "chart": chart(lines),
        "now": now, "fixed": fixed,
    }  # fmt: skip


def _scores(first: date | None, scores: Iterable[Score], names: dict[str, str], currency: str) -> dict[str, Any] | None:
    """Return the record of staff of the newest month that is told: conduct beside results, no ranking."""
    if first is None:
        return None
    rows = [
        (names.get(one.staff_id, one.staff_id), one.attempts, percent(one.reached_rate), percent(one.reasoned_rate),
         percent(one.kept_rate), exact_all(one.kept, currency) if one.kept else DASH, one.complaints)
        for one in scores
    ]  # fmt: skip
    return {"month": first.strftime("%Y-%m"), "rows": rows}


def _by_day(connection: Connection, column: Any, first: date, last: date) -> Counter[date]:
    query = select(column, func.count()).where(column.between(first, last)).group_by(column)
    return Counter({row[0]: int(row[1]) for row in connection.execute(query)})


def _team(connection: Connection, day: date, words: Words) -> list[tuple[str, int, int, int, str]]:
    """Return each person's calls, visits and letters of today, the outcomes given in, what is left, and how it goes."""
    given = select(contact.c.staff_id, func.count()).where(
        contact.c.business_date == day, contact.c.channel.in_(BY_PEOPLE), contact.c.state.not_in(STOPPED)
    )
    told = select(outcome.c.staff_id, func.count()).where(
        outcome.c.at >= day.isoformat(), outcome.c.channel.in_(BY_PEOPLE)
    )
    lists = Counter({who or "": count for who, count in connection.execute(given.group_by(contact.c.staff_id))})
    done = Counter({who or "": count for who, count in connection.execute(told.group_by(outcome.c.staff_id))})
    names = staff_names(connection)
    rows = [
        (
            names.get(who, who) or "—",
            count,
            done[who],
            max(0, count - done[who]),
            words(f"desk.{_work(count, done[who])}"),
        )
        for who, count in lists.items()
    ]
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def _work(count: int, done: int) -> str:
    """Say how far somebody is with a list: not begun, under way, or done."""
    return "not_begun" if done == 0 else "worked_through" if done >= count else "under_way"


def _outcomes(found: Counter[Result], words: Words) -> list[tuple[str, str, str, str, int]]:
    """Return each result in words, a channel and treatment together, the commonest first."""
    ranked = sorted(found.items(), key=lambda pair: (pair[0].channel, pair[0].rung, -pair[1], pair[0]))
    return [
        (words.label("channel", one.channel), words.label("rung", one.rung) if one.rung else "—",
         words.label("outcome", one.outcome), words.label("why", one.reason or "unknown"), count)
        for one, count in ranked
    ]  # fmt: skip
