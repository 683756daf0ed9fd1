"""A finished message, and what a channel must be able to do with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from arrears.outreach.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with an e-mail; ``mime`` is its type, such as ``application/pdf``."""

    name: str
    content: bytes = field(repr=False)
    mime: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person; nothing of the person shows in a traceback or a log.

    ``key`` is the natural key under which it leaves: of a contact, or of a digest.
    """

    key: str
    language: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    may_opt_out: bool = False
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


class Channel(Protocol):
    """Carries messages of one kind and tells the truth about each."""

    name: str

    def message_id(self, key: str) -> str | None:
        """Return the id under which a message leaves, known before it leaves."""
        ...

    def send(self, message: Message, still_ours: Callable[[], bool]) -> Verdict:
        """Send once; ``still_ours`` is asked last before the point of no return."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
