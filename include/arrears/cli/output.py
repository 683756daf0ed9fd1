"""What the commands print: one JSON document or a table on stdout, progress and notes on stderr."""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table

from arrears.core.progress import watched_by


def notes() -> Console:
    """Return the console of progress and notes, on stderr."""
    return Console(stderr=True, highlight=False)


class Shown:
    """What a terminal shows of work under way."""

    def __init__(self, bar: Progress, what: str) -> None:
        self._bar, self._task = bar, bar.add_task(what, total=None, far="")

    def step(self, what: str) -> None:
        """Name what begins now."""
        self._bar.reset(self._task, total=None, description=what, far="")

    def far(self, done: int, total: int | None, of_what: str) -> None:
        """Say how far it is."""
        text = f"{done:,} {of_what}" if total is None else f"{done:,} of {total:,} {of_what}"
        self._bar.update(self._task, completed=done, total=total, far=text)


@contextmanager
def working(what: str) -> Iterator[Shown]:
    """Show on a terminal what is being done and how far it is; a pipe gets nothing."""
    console = notes()
    columns = TextColumn("{task.description}"), BarColumn(bar_width=30), TextColumn("{task.fields[far]}")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        shown = Shown(bar, what)
        with watched_by(shown.far):
            yield shown


def open_closed_outputs() -> None:
    """Give a process that was started without an output (``>&-``) one that forgets, for Python leaves it None."""
    sys.stdout, sys.stderr = (stream or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
                              for stream in (sys.stdout, sys.stderr))  # fmt: skip


def speak_every_language() -> None:
    """Let any text be printed: UTF-8 where the terminal's own encoding has no Chinese, a mark for what is left."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if _has_chinese(stream.encoding) else "utf-8", errors="replace")


def _has_chinese(encoding: str) -> bool:
    try:
        return bool("逾期".encode(encoding))
    except (LookupError, UnicodeEncodeError):
        return False


def drop_output() -> None:
    """Forget what standard output did not take, so that Python does not try, and complain, once more at the end."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON document on stdout and nothing else."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, sort_keys=False)
    sys.stdout.write("\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table on a terminal, tab-separated lines when piped."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            print("\t".join(str(cell) for cell in row))
        return
    whole = [Column(name, overflow="fold") for name in columns]  # an id that is cut short cannot be copied
    table = Table(*whole, title=title, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console.print(table)
