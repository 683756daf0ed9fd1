"""How many contacts are begun at once: as many as leave in a moment, so that a death leaves few in doubt."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from arrears.core.clock import Clock
from arrears.outreach.verdict import Outcome, Verdict

MOMENT = timedelta(milliseconds=50)
"""Over a slow line that is one message; where many leave a second, one transaction serves many."""
MOST = 16
SHORTEST = timedelta(milliseconds=1)
SMOOTH = (Outcome.SENT, Outcome.REJECTED)


class Pace:
    """Starts with one, doubles while all goes well, and starts anew after anything else."""

    def __init__(self, clock: Clock) -> None:
        """Measure with the machine's clock."""
        self._clock = clock
        self.size = 1
        self._each = MOMENT

    def within(self, span: timedelta) -> int:
        """Return how many contacts leave in a span of time at the present pace, at least the next group."""
        return max(self.size, int(span / self._each))

    def now(self) -> datetime:
        """Return the moment at which a group begins."""
        return self._clock.now()

    def learn(self, began: datetime, verdicts: Sequence[Verdict]) -> None:
        """Set the size of the next group by how this one went."""
        if not verdicts or any(verdict.outcome not in SMOOTH for verdict in verdicts):
            self.size = 1
            return
        self._each = max((self.now() - began) / len(verdicts), SHORTEST)
        self.size = max(1, min(MOST, int(MOMENT / self._each), 2 * self.size))
