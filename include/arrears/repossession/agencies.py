"""Which channel to an agency a URL names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from arrears.core.errors import BadArguments
from arrears.core.settings import LOOPBACK
from arrears.repossession.agencies_file import AgencyFile
from arrears.repossession.agencies_http import AgencyHttp
from arrears.repossession.agency import Agency


def open_agency(url: str, secret: bytes | None = None) -> Agency:
    """Return the channel of an agency URL: ``https://…`` (loopback may be http) or ``file:///folder``.

    ``secret`` signs the body of every request with HMAC-SHA256.

    Raises:
        BadArguments: another scheme, or an order that would travel unencrypted.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return AgencyHttp(url, secret)
    if parts.scheme == "file":
        return AgencyFile(Path(unquote(parts.path)))
    raise BadArguments(f"ARREARS_AGENCY_URL uses {parts.scheme or 'no scheme'}: give https://… or file:///folder")
