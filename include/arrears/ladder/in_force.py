"""The decisions in force: of each account the newest revision of a date, the run they stand by, and the newest date."""

from datetime import date

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Subquery,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from arrears.core.keys import sha256
from arrears.store.tables.decisions import decision
from arrears.store.tables.runs import run

DECIDED = and_(run.c.kind == "daily", run.c.decided_at.is_not(None))
"""A run that decided its date; where it found every decision standing it wrote none of its own."""

FIRST = literal_column("1", Integer)
"""The first revision, written as in the partial index of the later ones: a bound value would not find it."""

NOT_TIED_YET = "its sums are not compared yet"
"""Stands in a run from its decisions to the comparison of its sums: until then nothing leaves by them."""

NO_ROW = sha256(b"")
"""Stands as the ledger row behind a decision about an account that a correction took out of the day's ledger."""


def is_of_ledger(rows: FromClause) -> ColumnElement[bool]:
    """Say of decision rows that the day's ledger holds their account: only what was corrected is looked at for it."""
    return or_(rows.c.revision == FIRST, rows.c.ledger_row_sha256 != NO_ROW)


def decisions_in_force(business_date: date) -> Subquery:
    """Return the decisions in force on a day as a subquery with the columns of ``decision``.

    Asked as "no later revision is there", which every database answers from the index of what was corrected: it holds
    the few revisions after the first, so a day without a correction costs nothing however many accounts it has. Of an
    account that a correction took out of the ledger no decision is in force.
    """
    later = decision.alias("later")
    superseded = exists().where(
        later.c.business_date == business_date,
        later.c.account_id == decision.c.account_id,
        later.c.revision > decision.c.revision,
        later.c.revision > FIRST,
    )
    standing = select(decision).where(decision.c.business_date == business_date, ~superseded)
    return standing.where(is_of_ledger(decision)).subquery()


def run_in_force(business_date: date | ColumnElement[date]) -> Select[tuple[str]]:
    """Return the id of the run that a date's decisions stand by: the newest that decided it, with news or without."""
    newest = select(run.c.run_id).where(DECIDED, run.c.business_date == business_date)
    return newest.order_by(run.c.ordinal.desc()).limit(1)


def stand_by(connection: Connection, run_id: str, at: str) -> None:
    """Let the decisions of a date stand by a run from now on; nothing leaves by them before its sums are compared."""
    connection.execute(update(run).where(run.c.run_id == run_id).values(decided_at=at, untied=NOT_TIED_YET))


def newest_decided_day(connection: Connection) -> date | None:
    """Return the day decided last: what was known on an earlier one is no reason to do, or to stop, anything now.

    An account without a decision of that day had nothing overdue on it, or is not in the ledger.
    """
    return connection.execute(select(func.max(run.c.business_date)).where(DECIDED)).scalar()
