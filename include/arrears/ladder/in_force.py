"""The decisions in force on a business date: of each account the newest revision."""

from datetime import date

from sqlalchemy import Integer, Subquery, exists, literal_column, select

from arrears.store.tables.decisions import decision

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
