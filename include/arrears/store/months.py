"""Decisions and the log's index lie in a table a month on PostgreSQL: each day sees to it that its month has them."""

import logging
from datetime import date, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from arrears.store.engine import writing

_log = logging.getLogger(__name__)
PATIENCE = "10s"
_MAKE = text("SELECT arrears_make_month(:day)")
_BEGIN = text("SELECT arrears_begin_month(:day)")


def make_months(engine: Engine, on: date) -> bool:
    """Make the tables for the decisions of a day's month and the next, and begin the index's; False when impossible.

    Nothing depends on it: a day without a month goes to ``decision_other``, and moves when its month is made; what is
    sealed before the month of the index has begun stays in the table of the month before.
    """
    if engine.dialect.name != "postgresql":
        return True
    following = (on.replace(day=1) + timedelta(days=32)).replace(day=1)
    try:
        with writing(engine) as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            for day in (on, following):
                connection.execute(_MAKE, {"day": day})
        with writing(engine) as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            connection.execute(_BEGIN, {"day": on})
    except OperationalError:
        _log.warning("the table of a month is in use: the next day makes it")
        return False
    except DBAPIError as error:
        why = type(error.orig).__name__
        _log.warning("no table of a month was made (%s): run `arrears init`, then `arrears roles` again", why)
        return False
    return True
