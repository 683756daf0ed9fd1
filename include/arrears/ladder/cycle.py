"""Steps of the payment that falls due next: the fixed days of the month, before there are any arrears."""

from datetime import date

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.policy import Policy


def calendar_steps(on: date, policy: Policy, calendar: BusinessCalendar) -> tuple[str, ...]:
    """Return the steps of a fixed month day that fall on ``on`` after the step's working-day rule.

    Messages go on the day itself, weekends included; a call before the due date moves to the previous working day.
    """
    found = []
    for step in policy.steps:
        if step.month_day is None:
            continue
        day = on.replace(day=step.month_day)
        if step.working_days == "previous":
            day = calendar.previous_working_day(day)
        elif step.working_days == "next":
            day = calendar.next_working_day(day)
        if day == on:
            found.append(step.name)
    return tuple(found)
