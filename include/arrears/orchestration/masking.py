"""A second belt for logs: our lines hold no personal data, but a library's line or error may quote a cell.

What looks like a telephone number, an identity card, a bank card or a mail address is starred in every log line of a
task and in the message of an error that no rule of ours foresaw.
"""

import logging
import re
from typing import Any

STARS = "***"
_ALONE = r"(?<![0-9A-Za-z]){}(?![0-9A-Za-z])"
_PERSONAL = re.compile(
    "|".join(
        (
            r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
            _ALONE.format(r"(?:\+?86[ -]?)?1[3-9][0-9]{9}"),
            r"\+[1-9][0-9]{7,14}(?![0-9A-Za-z])",
            _ALONE.format(r"[0-9]{17}[0-9Xx]"),
            _ALONE.format(r"[0-9]{15,19}"),
        )
    )
)


class UnforeseenError(RuntimeError):
    """An error that is none of ours, told without what looks like personal data; Airflow may try the task again."""


def masked(text: str) -> str:
    """Return a text with what looks like personal data starred."""
    return _PERSONAL.sub(STARS, text)


def told_safely(error: Exception) -> UnforeseenError:
    """Return an error to raise in the place of one whose message may quote a cell; where it happened stays."""
    return UnforeseenError(f"{type(error).__name__}: {masked(str(error))}").with_traceback(error.__traceback__)


def guard_logs() -> None:
    """Star every line that is logged in this process from now on; safe to call again."""
    make = logging.getLogRecordFactory()
    if getattr(make, "is_guard", False):
        return

    def guarded(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        if (line := record.getMessage()) != (safe := masked(line)):
            record.msg, record.args = safe, ()
        return record

    guarded.is_guard = True  # type: ignore[attr-defined] # a mark on our own function
    logging.setLogRecordFactory(guarded)
