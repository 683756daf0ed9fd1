"""What is the same for every account of a day: asked once, whatever the number of accounts."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.cycle import calendar_steps
from arrears.ladder.outage import Missed, missed_before
from arrears.ladder.policy import Policy


@dataclass
class Today:
    """A business date in the policy's calendar, and what was missed before it."""

    on: date
    policy: Policy
    calendar: BusinessCalendar
    calendar_steps: tuple[str, ...]
    working_day: bool
    holiday: bool
    missed: Missed
    working_days: dict[date, int] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, on: date, policy: Policy) -> "Today":
        """Look the day up in the policy's calendar and in the runs before it."""
        calendar = policy.business_calendar()
        return cls(
            on,
            policy,
            calendar,
            calendar_steps(on, policy, calendar),
            calendar.is_working_day(on),
            calendar.is_holiday(on),
            missed_before(connection, on, policy, calendar),
        )

    @property
    def has_steps(self) -> bool:
        """Say whether a step of the calendar falls on this day, or fell on one that was missed."""
        return bool(self.calendar_steps or self.missed.steps)

    def working_days_since(self, due: date | None) -> int:
        """Count the working days after a due date, once for each date."""
        if due is None:
            return 0
        if due not in self.working_days:
            self.working_days[due] = self.calendar.working_days_after(due, self.on)
        return self.working_days[due]
