"""The failures Arrears can name, each with the exit code of the command contract."""

from typing import ClassVar


class ArrearsError(Exception):
    """A failure with a one-line message that names the thing and the mend."""

    exit_code: ClassVar[int] = 1


class BadInput(ArrearsError):
    """A file that cannot be read or lacks a column: exit 1."""


class Finding(ArrearsError):
    """A check found a violation: exit 1."""


class PermanentFailure(ArrearsError):
    """Trying again cannot help: exit 1; a task fails without retry."""


class TemporaryFailure(ArrearsError):
    """Trying again may help: exit 1; a task is retried by its policy."""


class BadArguments(ArrearsError):
    """Wrong arguments, a missing path or feed, an invalid policy or the wrong mode: exit 2."""

    exit_code = 2


class NotThere(BadArguments):
    """What was named does not exist, or is none of the asker's business: both are told alike. Exit 2."""


class CannotTell(ArrearsError):
    """The question cannot be answered from what is there: exit 2."""

    exit_code = 2


class GateHeld(ArrearsError):
    """A ledger gate held the run before anything left: exit 3."""

    exit_code = 3
