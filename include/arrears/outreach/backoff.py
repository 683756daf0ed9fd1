"""How long to wait after an attempt that surely did not leave: by the kind of error, never by the person's patience."""

from datetime import timedelta

from arrears.outreach.verdict import Verdict

SHORT, LONG, LONGEST = timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1)
OURS = frozenset({"not_begun", "lease_over"})
"""Not even tried, or stopped by ourselves: nobody asked for patience."""
BUSY = frozenset({"421", "429", "450", "451", "452", "503"})
"""Replies that ask for patience: too much at once, greylisting, a full queue."""


def wait_after(verdict: Verdict, attempts: int) -> timedelta:
    """Return the wait before the next attempt.

    What we were too late for ourselves is due at once. A channel that is down is asked again soon and costs nobody an
    attempt; a server that asked for patience gets it, twice as long each time, at most an hour; a line that broke is
    tried again after ten minutes, then twenty.
    """
    if verdict.code in OURS:
        return timedelta(0)
    if verdict.channel_down:
        return SHORT
    if verdict.code.rpartition("_")[2] in BUSY:
        return min(LONG * int(2 ** (attempts - 1)), LONGEST)
    return timedelta(minutes=10) * attempts
