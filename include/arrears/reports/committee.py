"""The case committee: aged accounts that wait for its decision, week by week, and what it decided last.

Source: the seed's old problems treated together. The committee decides; the list only says about whom. Its decisions
come back as the feed ``committee``: one of the columns of the list it was handed.
"""

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, func, or_, select

from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.reports.artefacts import keep
from arrears.reports.money_text import exact
from arrears.reports.scope import in_force
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import committee
from arrears.store.tables.legal import packet

COLUMNS = ("account_id", "decided_on", "decision", "reason", "decided_by", "second_decided_by", "review_on",
           "days_past_due", "overdue", "lane", "rung", "last_decision")  # fmt: skip
"""The columns of the feed, to be filled in, and behind them what the committee should know."""


@dataclass(frozen=True)
class AgedLine:
    """One account that waits for the committee, with its last decision, if there was one."""

    account_id: str
    days_past_due: int
    overdue_minor: int
    currency: str
    lane: str
    rung: int
    last_decision: str | None
    decided_on: date | None


def is_committee_day(on: date, policy: Policy) -> bool:
    """Say whether the committee sits on a day (policy ``lanes.committee_weekday``)."""
    return on.weekday() == policy.lanes.committee_weekday


def due_accounts(on: date, branch: str | None, policy: Policy) -> Select[Any]:
    """Ask for the accounts that are aged, or saw several packets, and were not decided about lately."""
    rules = policy.lanes
    since = on - timedelta(days=rules.committee_review_days)
    decided = select(committee.c.account_id).where(
        committee.c.decided_on > since,
        committee.c.decided_on <= on,
        or_(committee.c.review_on.is_(None), committee.c.review_on > on),
    )
    packed = (
        select(packet.c.account_id)
        .where(packet.c.superseded_on <= on, packet.c.state == "ready")
        .group_by(packet.c.account_id)
        .having(func.count() >= rules.aged_packets)
    )
    return select(decision.c.account_id, decision.c.oldest_unpaid_due.label("day")).where(
        in_force(on, branch),
        decision.c.stage > 0,
        or_(decision.c.days_past_due > rules.aged_days, decision.c.account_id.in_(packed)),
        decision.c.account_id.not_in(decided),
    )


def aged_lines(connection: Connection, on: date, branch: str | None, policy: Policy) -> list[AgedLine]:
    """Return the committee's list of a day, the longest overdue first."""
    due = due_accounts(on, branch, policy).subquery()
    newest = (
        select(committee.c.account_id, func.max(committee.c.decided_on).label("on"))
        .where(committee.c.decided_on <= on)
        .group_by(committee.c.account_id)
        .subquery()
    )
    last = (
        select(committee.c.account_id, committee.c.decision, committee.c.decided_on)
        .join(newest, and_(newest.c.account_id == committee.c.account_id, newest.c.on == committee.c.decided_on))
        .subquery()
    )
    query = (
        select(
            decision.c.account_id, decision.c.days_past_due, decision.c.overdue_minor, decision.c.currency,
            decision.c.lane, decision.c.rung, last.c.decision, last.c.decided_on,
        )
        .join(due, due.c.account_id == decision.c.account_id)
        .outerjoin(last, last.c.account_id == decision.c.account_id)
        .where(in_force(on, branch))
        .order_by(decision.c.days_past_due.desc(), decision.c.account_id)
    )  # fmt: skip
    return [AgedLine(*row) for row in connection.execute(query)]


def write_list(rt: Runtime, engine: Engine, on: date, policy: Policy) -> str | None:
    """Write the committee's list on its day, ready to be filled in and imported, and return its path."""
    if not is_committee_day(on, policy):
        return None
    with reading(engine) as connection:
        lines = aged_lines(connection, on, None, policy)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        known = (line.days_past_due, exact(line.overdue_minor, line.currency), line.lane, line.rung, line.last_decision)
        writer.writerow([line.account_id, on.isoformat(), "", "", "", "", "", *known])
    path = f"committee/{on.isoformat()}.csv"
    keep(rt.settings.artifacts_url, path, text.getvalue().encode())
    return path
