"""Arguments several commands share, read the same way everywhere."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from arrears.core.days import day_of
from arrears.core.errors import BadArguments

DateText = Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="business date")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Rehearsal = Annotated[
    bool, typer.Option("--rehearsal", help="sandbox only: the clock stands in that day's contact hours")
]


def read_date(text: str, option: str = "--date") -> date:
    """Read the day that an option gives.

    Raises:
        BadArguments: the text is not a day of the calendar.
    """
    try:
        return day_of(text)
    except ValueError:
        raise BadArguments(f"{option} {text!r}: write it as YYYY-MM-DD") from None


def existing(path: Path, option: str) -> Path:
    """Return a path that must be there.

    Raises:
        BadArguments: it is not.
    """
    if not path.exists():
        raise BadArguments(f"{option} {path}: no such file or folder")
    return path


def existing_file(path: Path, option: str) -> Path:
    """Return the path of a file that must be there.

    Raises:
        BadArguments: it is not, or it is a folder.
    """
    if existing(path, option).is_dir():
        raise BadArguments(f"{option} {path}: is a folder, name a file")
    return path


def feed_names(begun: str) -> list[str]:
    """Complete the name of a feed; what a shell asks for is loaded only then."""
    from arrears.ledger.catalogue import FEEDS

    return [name for name in FEEDS if name.startswith(begun)]


def scenario_names(begun: str) -> list[str]:
    """Complete the name of a scenario of the rehearsal."""
    from arrears.rehearsal.situations import SCENARIOS

    return [name for name in SCENARIOS if name.startswith(begun)]
