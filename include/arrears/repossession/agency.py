"""What an agency's channel must be able to do, and which channel a URL names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from arrears.core.errors import BadArguments
from arrears.core.settings import LOOPBACK


@dataclass(frozen=True)
class Answer:
    """What the agency said: whether it has taken note, and its own reference."""

    acknowledged: bool
    receipt: str = ""


class Agency(Protocol):
    """A channel that keeps one order per key, however often the order is offered.

    A recall must hold even when it overtakes its order. Both raise ``TemporaryFailure`` when the agency cannot be
    reached or gives no usable answer, and ``PermanentFailure`` when it refuses.
    """

    def offer(self, key: str, document: bytes) -> Answer:
        """Hand over an order document under its idempotency key."""
        ...

    def recall(self, key: str, document: bytes) -> Answer:
        """Call the order of a key back."""
        ...


def open_agency(url: str, secret: bytes | None = None) -> Agency:
    """Return the channel of an agency URL: ``https://…`` (loopback may be http) or ``file:///folder``.

    ``secret`` signs the body of every request with HMAC-SHA256.

    Raises:
        BadArguments: another scheme, or an order that would travel unencrypted.
    """
    from arrears.repossession.agencies_file import AgencyFile
    from arrears.repossession.agencies_http import AgencyHttp

    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return AgencyHttp(url, secret)
    if parts.scheme == "file":
        return AgencyFile(Path(unquote(parts.path)))
    raise BadArguments(f"ARREARS_AGENCY_URL uses {parts.scheme or 'no scheme'}: give https://… or file:///folder")
