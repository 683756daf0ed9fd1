"""What a terminal, a pipe and a shell get from the same command."""

import os
import pty
import subprocess
import sys

import pytest

from arrears.cli import output
from arrears.cli.arguments import feed_names, scenario_names

ESCAPE = "\x1b["


def printed(monkeypatch: pytest.MonkeyPatch, terminal: bool, **environment: str) -> str:
    """Return what a table looks like at the other end of a terminal or of a pipe."""
    parent, child = pty.openpty() if terminal else os.pipe()
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", **environment}.items():
        monkeypatch.setenv(name, value)
    with os.fdopen(child, "w", encoding="utf-8") as written:
        monkeypatch.setattr(sys, "stdout", written)
        output.print_table("Runs 运行", ["run", "status"], [["daily-1", "completed"], ["daily-2", "held"]])
        written.flush()
        found = os.read(parent, 10_000).decode()
    os.close(parent)
    return found


def test_a_piped_table_is_plain_lines_with_tabs_and_nothing_else(monkeypatch):
    assert printed(monkeypatch, terminal=False) == "daily-1\tcompleted\ndaily-2\theld\n"


def test_a_terminal_gets_heads_and_a_title_and_no_colour_code_when_it_wants_none(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert ESCAPE in (coloured := printed(monkeypatch, terminal=True))
    assert "status" in coloured
    plain = printed(monkeypatch, terminal=True, NO_COLOR="1")
    assert "Runs 运行" in plain
    assert not any(f"{ESCAPE}{code}" in plain for code in range(30, 50)), "bold may stay, colours go"


def test_a_narrow_terminal_breaks_an_id_and_cuts_nothing_off(monkeypatch):
    shown = printed(monkeypatch, terminal=True, COLUMNS="12", NO_COLOR="1")
    letters = "".join(shown.split())
    assert "…" not in shown
    assert all(letter in letters for letter in "daily-1completed")


def test_a_shell_is_offered_the_feeds_and_scenarios_that_begin_like_that():
    assert feed_names("pa") == ["payments", "parties"]
    assert scenario_names("broken") == ["broken_promise"]
    env = {**os.environ, "_ARREARS_COMPLETE": "complete_bash", "COMP_WORDS": "arrears import acc", "COMP_CWORD": "2"}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'arrears'; from arrears.cli import main; main()"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["accounts"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(shell):
    env = {**os.environ, "_ARREARS_COMPLETE": f"source_{shell}"}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'arrears'; from arrears.cli import main; main()"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "_ARREARS_COMPLETE" in done.stdout
