"""The decisions in force: of each account the newest revision of a business date, and the day decided last."""

from datetime import date

from sqlalchemy import Connection, Integer, Subquery, exists, literal_column, or_, select

from arrears.store.tables.decisions import decision
from arrears.store.tables.runs import run

FIRST = literal_column("1", Integer)
"""The first revision, written as in the partial index of the later ones: a bound value would not find it."""


def decisions_in_force(business_date: date) -> Subquery:
    """Return the decisions in force on a day as a subquery with the columns of ``decision``.

    Asked as "no later revision is there", which every database answers from the index of what was corrected: it holds
    the few revisions after the first, so a day without a correction costs nothing however many accounts it has.
    """
    later = decision.alias("later")
    superseded = exists().where(
        later.c.business_date == business_date,
        later.c.account_id == decision.c.account_id,
        later.c.revision > decision.c.revision,
        later.c.revision > FIRST,
    )
    return select(decision).where(decision.c.business_date == business_date, ~superseded).subquery()


def newest_decided_day(connection: Connection) -> date | None:
    """Return the day decided last: what was known on an earlier one is no reason to do, or to stop, anything now.

    An account without a decision of that day had nothing overdue on it, or is not in the ledger.
    """
    decided = exists().where(decision.c.run_id == run.c.run_id)
    query = select(run.c.business_date).where(run.c.kind == "daily", or_(decided, run.c.status == "completed"))
    return connection.execute(query.order_by(run.c.business_date.desc()).limit(1)).scalar()
