"""When the DAGs run: the policy's clocks in the policy's time zone, read once a process."""

import os
from datetime import datetime, time, timedelta
from functools import cache

import pendulum
from airflow.sdk import CronTriggerTimetable

from arrears.core.settings import policy_file_of
from arrears.ladder.clocks import Clocks, read_clocks


@cache
def _policy() -> tuple[str, Clocks]:
    return read_clocks(policy_file_of(os.environ))


def begins() -> datetime:
    """Return the day before which no run is made."""
    return pendulum.datetime(2026, 1, 1, tz=_policy()[0])


def every_morning() -> CronTriggerTimetable:
    """Return the timetable of the day."""
    return _daily(_policy()[1].day)


def every_night() -> CronTriggerTimetable:
    """Return the timetable of the night's checks."""
    return _daily(_policy()[1].night)


def at_minutes(minutes: str) -> CronTriggerTimetable:
    """Return a timetable of every hour at these minutes, written as cron does."""
    return CronTriggerTimetable(f"{minutes} * * * *", timezone=_policy()[0])


def patience_for_the_ledger() -> timedelta:
    """Return how long the morning waits for its ledger before it says that it is late."""
    return _policy()[1].patience


def time_to_answer() -> timedelta:
    """Return how long a question to a person stands; no answer is no approval."""
    return timedelta(days=_policy()[1].answer_days)


def _daily(at: time) -> CronTriggerTimetable:
    return CronTriggerTimetable(f"{at.minute} {at.hour} * * *", timezone=_policy()[0])
