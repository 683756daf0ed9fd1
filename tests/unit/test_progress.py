"""Long work says how far it is: to a person at a terminal, never into a pipe."""

import os
import pty
import sys
from contextlib import suppress

import pytest

from arrears.cli import output
from arrears.core.progress import tell, watched_by


def test_nobody_is_told_unless_somebody_watches():
    told: list[tuple[int, int | None, str]] = []
    tell(1, 9, "events")
    with watched_by(lambda *far: told.append(far)):
        tell(2, 9, "events")
        with watched_by(None):
            tell(3, 9, "events")
        tell(4, None, "rows")
    tell(5, 9, "events")
    assert told == [(2, 9, "events"), (4, None, "rows")]


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    """Return what stands at the other end of standard error while work is under way."""
    parent, child = pty.openpty() if terminal else os.pipe()
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "120", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with os.fdopen(child, "w", encoding="utf-8") as written:
        monkeypatch.setattr(sys, "stderr", written)
        with output.working("verifying") as progress:
            tell(20_000, 90_000, "events")
            progress.step("closing")
            tell(7, None, "packets")
        written.flush()
        os.set_blocking(parent, False)
        found = b""
        with suppress(BlockingIOError):  # a terminal hands over some thousand bytes at a time
            while part := os.read(parent, 100_000):
                found += part
    os.close(parent)
    return found.decode()


def test_a_terminal_sees_what_is_being_done_and_how_far_it_is(monkeypatch):
    text = shown(monkeypatch, terminal=True)
    assert "closing" in text
    assert "7 packets" in text


def test_a_pipe_gets_nothing_of_it(monkeypatch):
    assert shown(monkeypatch, terminal=False) == ""
