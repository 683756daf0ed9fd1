"""The log is checked while its page is sent: lines first, then the verdict; one check at a time."""

from collections.abc import Callable
from threading import Event

import pytest

from arrears.audit.verdict import Verdict
from arrears.core.progress import tell
from arrears.desk import verification
from arrears.desk.verification import Line, check

INTACT = Verdict("intact", "all of it", None, 3, "")
WAIT_S = 10


@pytest.fixture(autouse=True)
def every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "EVERY_S", 0.0)


def counting(until: int, held: Event | None = None) -> Callable[[], Verdict]:
    def work() -> Verdict:
        for number in range(1, until + 1):
            tell(number, until, "events")
            if held is not None:
                assert held.wait(WAIT_S)
        return INTACT

    return work


def test_how_far_the_check_is_comes_line_by_line_before_the_verdict():
    assert list(check(counting(3))) == [Line(1, 3), Line(2, 3), Line(3, 3), Line(verdict=INTACT)]


def test_lines_come_no_oftener_than_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verification, "EVERY_S", 3_600.0)
    assert list(check(counting(3))) == [Line(verdict=INTACT)]


def test_a_second_check_waits_for_the_end_of_the_first():
    held = Event()
    first = check(counting(2, held))
    assert next(first) == Line(1, 2)
    assert list(check(counting(1))) == [Line()]
    held.set()
    assert list(first)[-1].verdict == INTACT
    assert verification._one.acquire(timeout=WAIT_S)
    verification._one.release()
    assert list(check(counting(1)))[-1].verdict == INTACT


def test_whoever_leaves_the_page_ends_the_check():
    held, ended = Event(), Event()

    def endless() -> Verdict:
        try:
            while True:
                tell(1, 2, "events")
                assert held.wait(WAIT_S)
        finally:
            ended.set()

    lines = check(endless)
    assert next(lines) == Line(1, 2)
    lines.close()
    held.set()
    assert ended.wait(WAIT_S)
    assert verification._one.acquire(timeout=WAIT_S)
    verification._one.release()


def test_a_check_that_breaks_off_says_that_it_cannot_tell():
    def broken() -> Verdict:
        raise MemoryError("much")

    last = list(check(broken))[-1].verdict
    assert last is not None
    assert (last.status, "much" in last.message) == ("cannot_tell", False)
