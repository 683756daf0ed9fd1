"""How long the messages of a peak day take: ``python tests/bench/send_window.py``, a table of docs/scale.md.

Plays a window of sending minute by minute, without a gateway, with the project's own parts: the hours of the policy,
the first hundredth and the wait after it, the pace of one slot over a line of that speed, and the minute's rate that
all slots share in the store. What is left when the window closes is not sent that day.
"""

import math
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import create_engine

from arrears.ladder.layers import load_policy
from arrears.outreach import rates
from arrears.outreach.canary import FIRST
from arrears.outreach.pace import Pace
from arrears.outreach.slots import slot_of
from arrears.outreach.verdict import Outcome, Verdict
from arrears.store.tables.outreach import channel_rate

PEAK = date(2026, 11, 12)
COURTESY = 0.8
"""Messages an account on the peak day: every performing customer has a step due (docs/scale.md, inputs)."""
OWN = timedelta(seconds=1 / 246)
"""What the project itself takes for a message, every gate asked: 246 a second (docs/performance.md, contacts)."""
SHARE_FIRST = int(FIRST, 16) / 16 ** len(FIRST)
SENT = Verdict(Outcome.SENT, "250")


@dataclass(frozen=True)
class Line:
    """What a store's messages leave over: the gateway's time for each, its rate, and the slots that use it."""

    latency: timedelta
    a_second: int
    slots: int


@dataclass(frozen=True)
class Day:
    """What became of the messages of a day: hours until the last one left, and how many did not."""

    hours: float
    left: int


SLOW = timedelta(milliseconds=50)
ONE, FIVE = Line(SLOW, 50, 4), Line(SLOW, 120, 8)
SIZES = {1: (1, ONE), 5: (1, FIVE), 10: (2, FIVE), 50: (10, FIVE)}
"""Stores and the line of each by millions of accounts: from 10 M on several stores of 5 M."""


def play(messages: int, line: Line) -> Day:
    """Send a day's messages from the opening of the window to its close; hours are those until the last one left."""
    policy = load_policy()
    slot = slot_of(PEAK, "sms", (), None, policy)
    opens, closes = datetime.fromisoformat(slot.opens_at), datetime.fromisoformat(slot.closes_at)
    wait = timedelta(minutes=policy.surge.canary_wait_minutes)
    first = math.ceil(messages * SHARE_FIRST)
    ahead = _send(first, line, opens, closes)
    rest = _send(messages - first, line, max(ahead[0], opens + wait), closes)
    return Day(round((rest[0] - opens) / timedelta(hours=1), 1), ahead[1] + rest[1])


def _send(messages: int, line: Line, start: datetime, closes: datetime) -> tuple[datetime, int]:
    """Return when the last message left and how many did not."""
    each = _seconds_a_message(line.latency)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        channel_rate.create(connection)
        now = start
        while messages and now < closes:
            able = int(rates.seconds_left(now) / each)
            sent = sum(rates.grant(connection, "sms", 60 * line.a_second, able, now) for _ in range(line.slots))
            if sent >= messages:
                return now + timedelta(seconds=rates.seconds_left(now) * messages / sent), 0
            messages -= sent
            now += timedelta(seconds=rates.seconds_left(now))
    return now, messages


def _seconds_a_message(latency: timedelta) -> float:
    """Return what a slot takes for a message once its pace has settled: groups share what the project itself takes."""
    watch = _Watch()
    pace = Pace(watch)
    for _ in range(10):
        began, size = pace.now(), pace.size
        watch.at += latency * size + OWN * size
        pace.learn(began, [SENT] * size)
    return (watch.at - began).total_seconds() / size


class _Watch:
    """A clock that stands still between two messages."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def row(millions: int) -> str:
    """Return one row of the table in docs/scale.md."""
    stores, line = SIZES[millions]
    messages = int(millions * 1_000_000 * COURTESY)
    day = play(messages // stores, line)
    alone = play(messages, Line(line.latency, ONE.a_second, stores * line.slots))
    cells = (f"{millions} M", stores, f"{messages / 1e6:g}", stores * line.a_second, stores * line.slots, day.hours,
             day.left, f"{1 - alone.left / messages:.0%}")  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    for size in SIZES:
        sys.stdout.write(row(size) + "\n")
