"""Check the log while its page is being sent: how far it is first, line by line, then the verdict.

The verdict is the one that was just worked out, never one that was kept: whoever changed the log could have changed
that too. The work has a thread of its own, and a server process makes one check at a time: it keeps all cores busy.
"""

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Lock, Thread
from time import monotonic

from arrears.audit.verdict import Verdict
from arrears.core.progress import watched_by

LOG = logging.getLogger(__name__)
EVERY_S = 1.0
"""A line a second: a proxy that waits hears something, and the page stays short."""

_one = Lock()


@dataclass(frozen=True)
class Line:
    """One line of the page: how far the work is, the verdict, or neither where another check is under way."""

    done: int = 0
    total: int = 0
    verdict: Verdict | None = None


class _Left(Exception):
    """Stops the work: nobody reads on."""


def check(work: Callable[[], Verdict]) -> Generator[Line]:
    """Yield a line a second while the log is checked, the last with the verdict; whoever closes this ends the work."""
    if not _one.acquire(blocking=False):
        yield Line()
        return
    lines: SimpleQueue[Line] = SimpleQueue()
    left = Event()
    Thread(target=_do, args=(work, lines, left), daemon=True).start()
    shown = monotonic()
    try:
        while True:
            line = lines.get()
            if line.verdict is not None or monotonic() >= shown + EVERY_S:
                shown = monotonic()
                yield line
            if line.verdict is not None:
                return
    finally:
        left.set()


def _do(work: Callable[[], Verdict], lines: "SimpleQueue[Line]", left: Event) -> None:
    def watch(done: int, total: int | None, _what: str) -> None:
        if left.is_set():
            raise _Left
        lines.put(Line(done, total or done))

    try:
        with watched_by(watch):
            lines.put(Line(verdict=work()))
    except _Left:
        LOG.info("the check of the log was left")
    except Exception:
        LOG.exception("the check of the log broke off")
        lines.put(Line(verdict=Verdict("cannot_tell", "the check broke off: the server's log says why")))
    finally:
        _one.release()
