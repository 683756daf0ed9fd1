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
    def asked_days(self) -> tuple[int, ...]:
        """Return how many days before a due date a step speaks, today or on a day that was missed."""
        found = {step.before_due - late for step in self.policy.steps if step.before_due is not None
                 for late in range(self.missed.days + 1)}  # fmt: skip
        return tuple(sorted(days for days in found if days >= 0))

    def steps_before_due(self, due_in: int | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the steps that speak so many days before a due date, and those that should have on a missed day."""
        steps = [] if due_in is None else [step for step in self.policy.steps if step.before_due is not None]
        missed = range((due_in or 0) + 1, (due_in or 0) + 1 + self.missed.days)
        return (tuple(step.name for step in steps if step.before_due == due_in),
                tuple(step.name for step in steps if step.before_due in missed))  # fmt: skip

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
