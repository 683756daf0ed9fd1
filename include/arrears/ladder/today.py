"""What is the same for every account of a day: asked once, whatever the number of accounts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from arrears.core.calendar import ONE_DAY, BusinessCalendar
from arrears.ladder.cycle import calendar_steps
from arrears.ladder.outage import Missed, missed_before
from arrears.ladder.policy import Policy
from arrears.ladder.policy_steps import Step

CLOCKS: dict[str, tuple[Callable[[Step], int | None], int]] = {
    "due": (lambda step: step.before_due, -1),
    "promise": (lambda step: step.before_promise, -1),
    "cure": (lambda step: step.after_cure, 1),
}
"""What sets a step to a day of its own: how many days, and whether before (-1) or after (1) what they count from."""

WATCHED = "habitual"
"""The lane of who often pays late (经常逾期保持警惕)."""


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
        return self._asked("due")

    @property
    def watch_days(self) -> tuple[int, ...]:
        """Return how many days before a due date only the watch lane hears something."""
        others = {step.before_due for step in self.policy.steps if step.lane != WATCHED}
        lates = range(self.missed.days + 1)
        open_days = {days - late for days in others if days is not None for late in lates}
        return tuple(days for days in self.asked_days if days not in open_days)

    @property
    def promise_days(self) -> tuple[int, ...]:
        """Return how many days before a promise falls due a step speaks of it."""
        return self._asked("promise")

    @property
    def clean_days(self) -> tuple[int, ...]:
        """Return how many days after the arrears were first seen paid somebody is thanked."""
        return self._asked("cure")

    def _asked(self, clock: str) -> tuple[int, ...]:
        _, way = CLOCKS[clock]
        found = {days + way * late for _, days in self._set_by(clock) for late in range(self.missed.days + 1)}
        return tuple(sorted(days for days in found if days >= 0))

    def _set_by(self, clock: str) -> list[tuple[str, int]]:
        """Return the steps that a clock sets, by name, with their days."""
        days_of, _ = CLOCKS[clock]
        return [(step.name, days) for step in self.policy.steps if (days := days_of(step)) is not None]

    def dated_steps(
        self, due_in: int | None, promise_in: int | None, clean_for: int | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the steps that speak so many days before a due date or a promise, or after a cure.

        The second part are those that should have spoken on a day that was missed.
        """
        today: list[str] = []
        missed: list[str] = []
        for clock, now in (("due", due_in), ("promise", promise_in), ("cure", clean_for)):
            if now is not None:
                for name, days in self._set_by(clock):
                    late = CLOCKS[clock][1] * (now - days)
                    if late == 0:
                        today.append(name)
                    elif 0 < late <= self.missed.days:
                        missed.append(name)
        return tuple(today), tuple(missed)

    @property
    def has_steps(self) -> bool:
        """Say whether a step of the calendar falls on this day, or fell on one that was missed."""
        return bool(self.calendar_steps or self.missed.steps)

    def working_days_since(self, due: date | None) -> int:
        """Count the working days after a due date; every day back to the earliest one asked for is looked at once."""
        if due is None or due >= self.on:
            return 0
        known = self.working_days
        known.setdefault(self.on, 0)
        day = next(reversed(known))  # they are counted backwards, so the last is the earliest
        while day > due:
            known[day - ONE_DAY] = known[day] + self.calendar.is_working_day(day)
            day -= ONE_DAY
        return known[due]
