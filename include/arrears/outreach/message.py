"""A finished message, and what a channel must be able to do with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from arrears.outreach.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person; nothing of the person shows in a traceback or a log."""

    contact_id: str
    language: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


class Channel(Protocol):
    """Carries messages of one kind and tells the truth about each."""

    name: str

    def message_id(self, contact_id: str) -> str | None:
        """Return the id under which a contact leaves, known before it leaves."""
        ...

    def send(self, message: Message, still_ours: Callable[[], bool]) -> Verdict:
        """Send once; ``still_ours`` is asked last before the point of no return."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
