"""The decisions in force on a business date: of each account the newest revision."""

from datetime import date

from sqlalchemy import Subquery, exists, select

from arrears.store.tables.decisions import decision


def decisions_in_force(business_date: date) -> Subquery:
    """Return the decisions in force on a day as a subquery with the columns of ``decision``.

    Asked as "no later revision is there", which every database answers from the primary key: one account costs one
    look, also where the subquery is joined.
    """
    later = decision.alias("later")
    superseded = exists().where(
        later.c.business_date == business_date,
        later.c.account_id == decision.c.account_id,
        later.c.revision > decision.c.revision,
    )
    return select(decision).where(decision.c.business_date == business_date, ~superseded).subquery()
