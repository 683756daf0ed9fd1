"""The decisions in force on a business date: of each account the newest revision."""

from datetime import date

from sqlalchemy import Subquery, and_, func, select

from arrears.store.tables.decisions import decision


def decisions_in_force(business_date: date) -> Subquery:
    """Return the decisions in force on a day as a subquery with the columns of ``decision``."""
    newest = (
        select(decision.c.account_id, func.max(decision.c.revision).label("revision"))
        .where(decision.c.business_date == business_date)
        .group_by(decision.c.account_id)
        .subquery()
    )
    return (
        select(decision)
        .join(newest, and_(newest.c.account_id == decision.c.account_id, newest.c.revision == decision.c.revision))
        .where(decision.c.business_date == business_date)
        .subquery()
    )
