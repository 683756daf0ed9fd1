"""A day as people write it: one reader for the shell and the desk."""

import re
from datetime import date

WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def day_of(text: str) -> date:
    """Read a day written as exactly YYYY-MM-DD.

    Raises:
        ValueError: it is written another way, or is no day of the calendar.
    """
    if not WRITTEN.fullmatch(text):
        raise ValueError(f"{text!r} is not written as YYYY-MM-DD")
    return date.fromisoformat(text)
