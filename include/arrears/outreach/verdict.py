"""What a channel can truthfully say about one attempt to send."""

import re
from dataclasses import dataclass
from enum import StrEnum

_SAFE_ID = re.compile(r"[A-Za-z0-9._:@<>=+/-]{1,120}")


class Outcome(StrEnum):
    """How an attempt ended; only ``not_sent`` may be tried again by a machine."""

    NOT_SENT = "not_sent"
    SENT = "sent"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of one attempt.

    ``code`` is the provider's status or our word for the phase, never its text: texts quote addresses.
    ``channel_down`` says that the cause is the channel, not the person, so going on would fail for everybody.
    """

    outcome: Outcome
    code: str
    provider_id: str | None = None
    message_id: str | None = None
    channel_down: bool = False


def not_sent(code: str, *, channel_down: bool = False) -> Verdict:
    """Return the verdict that surely nothing went out."""
    return Verdict(Outcome.NOT_SENT, code, channel_down=channel_down)


def in_doubt(code: str) -> Verdict:
    """Return the verdict that nobody here can know whether it went out."""
    return Verdict(Outcome.IN_DOUBT, code)


def safe_id(text: str | None) -> str | None:
    """Return a provider's id if it is a plain token, else None: ids go into the store and into events."""
    return text if text and _SAFE_ID.fullmatch(text) else None
