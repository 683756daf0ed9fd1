"""What each member of staff did in a span of days: never money alone, and no ranking.

Source: the seed's record of people's results; complaints and conduct stand beside what was achieved.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, select

from arrears.reports.kpi import promise_kept_rate, rate
from arrears.reports.standing import Amounts
from arrears.reports.work import ATTEMPTS, RIGHT_PARTY
from arrears.store.bulk import insert_all
from arrears.store.tables.feeds import account, hold, outcome, promise
from arrears.store.tables.reports import score_month


@dataclass
class Score:
    """One member of staff: attempts, people reached, reasons named, promises and what came of them, complaints."""

    staff_id: str
    attempts: int = 0
    reached: int = 0
    reasoned: int = 0
    promises: dict[str, int] = field(default_factory=dict)
    kept: Amounts = field(default_factory=dict)
    complaints: int = 0

    @property
    def reached_rate(self) -> int | None:
        """Return conversations with the right person over attempts."""
        return rate(self.reached, self.attempts)

    @property
    def reasoned_rate(self) -> int | None:
        """Return conversations after which the reason for the arrears was known, over all conversations."""
        return rate(self.reasoned, self.reached)

    @property
    def kept_rate(self) -> int | None:
        """Return promises kept over promises settled."""
        return promise_kept_rate(*(self.promises.get(state, 0) for state in ("kept", "partly_kept", "broken")))


def scorecard(connection: Connection, first: date, last: date) -> list[Score]:
    """Return the scores of everybody who contacted somebody in a span of days, by staff id."""
    found: dict[str, Score] = defaultdict(lambda: Score(""))
    for row in connection.execute(_contacts(first, last)):
        found[row.staff_id] = Score(row.staff_id, row.attempts, row.reached, row.reasoned)
    for row in connection.execute(_promises(first, last)):
        score = found[row.staff_id]
        score.promises[row.state] = score.promises.get(row.state, 0) + row.times
        if row.state == "kept":
            score.kept[row.currency] = score.kept.get(row.currency, 0) + int(row.amount)
    for row in connection.execute(_complaints(first, last)):
        found[row.staff_id].complaints = row.times
    return [score for _, score in sorted(found.items()) if score.staff_id]


def keep_scores(connection: Connection, first: date, scores: Iterable[Score]) -> None:
    """Keep the scores of the month that begins on a day, in the place of what was kept of it."""
    connection.execute(delete(score_month).where(score_month.c.first_day == first))
    insert_all(connection, score_month, ({"first_day": first, **asdict(one)} for one in scores))


def newest_scores(connection: Connection) -> tuple[date | None, list[Score]]:
    """Return the first day of the newest month whose scores are kept, and the scores, by staff id."""
    first = connection.execute(select(func.max(score_month.c.first_day))).scalar_one()
    names = [one.name for one in fields(Score)]
    query = select(*(score_month.c[name] for name in names)).where(score_month.c.first_day == first)
    return first, [Score(*row) for row in connection.execute(query.order_by(score_month.c.staff_id))]


def _spoken(first: date, last: date) -> Any:
    return and_(
        outcome.c.staff_id.is_not(None),
        outcome.c.outcome.in_(ATTEMPTS),
        outcome.c.at >= first.isoformat(),
        outcome.c.at < (last + timedelta(days=1)).isoformat(),
    )


def _contacts(first: date, last: date) -> Any:
    reached = outcome.c.outcome.in_(RIGHT_PARTY)
    named = and_(reached, outcome.c.reason.is_not(None), outcome.c.reason != "unknown")
    return (
        select(
            outcome.c.staff_id,
            func.count().label("attempts"),
            func.sum(case((reached, 1), else_=0)).label("reached"),
            func.sum(case((named, 1), else_=0)).label("reasoned"),
        )
        .where(_spoken(first, last))
        .group_by(outcome.c.staff_id)
    )


def _promises(first: date, last: date) -> Any:
    """Ask for the promises that came of these contacts: each was split out of an outcome row."""
    return (
        select(
            outcome.c.staff_id,
            promise.c.state,
            account.c.currency,
            func.count().label("times"),
            func.sum(promise.c.amount_minor).label("amount"),
        )
        .join(promise, and_(promise.c.account_id == outcome.c.account_id, promise.c.row_sha256 == outcome.c.row_sha256))
        .join(account, account.c.account_id == outcome.c.account_id)
        .where(_spoken(first, last))
        .group_by(outcome.c.staff_id, promise.c.state, account.c.currency)
    )


def _complaints(first: date, last: date) -> Any:
    """Ask for the complaints of the span about accounts that the person contacted in it."""
    return (
        select(outcome.c.staff_id, func.count(hold.c.hold_key.distinct()).label("times"))
        .join(hold, hold.c.account_id == outcome.c.account_id)
        .where(_spoken(first, last), hold.c.kind == "complaint", hold.c.from_on.between(first, last))
        .group_by(outcome.c.staff_id)
    )
