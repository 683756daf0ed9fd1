"""Which channel to an agency a URL names, and which agency an order is for."""

import json
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from arrears.core.errors import BadArguments, PermanentFailure
from arrears.core.settings import LOOPBACK
from arrears.repossession.agencies_file import AgencyFile
from arrears.repossession.agencies_http import AgencyHttp
from arrears.repossession.agencies_remote import AgencyRemote
from arrears.repossession.agency import Agency, Answer

PLACE = "{agency}"
KNOWN_HOSTS = Path("~/.ssh/known_hosts")


def open_agency(url: str, secret: bytes | None = None, known_hosts: Path = KNOWN_HOSTS) -> Agency:
    """Return the channel of an agency URL.

    ``https://…`` (loopback may be http), ``file:///folder``, ``sftp://user@host/folder`` or ``s3://bucket/folder``.
    ``{agency}`` in it stands for the agency's id of the register, so that each agency sees its own orders alone.
    ``secret`` signs the body of every request with HMAC-SHA256.

    Raises:
        BadArguments: another scheme, or an order that would travel unencrypted.
    """
    if PLACE in url:
        _open(url.replace(PLACE, "x"), secret, known_hosts)  # a wrong address is told before the first order
        return EachItsOwn(url, secret, known_hosts)
    return _open(url, secret, known_hosts)


class EachItsOwn:
    """The channels of several agencies: a document goes to the one it names."""

    def __init__(self, url: str, secret: bytes | None, known_hosts: Path) -> None:
        self._url, self._secret, self._known_hosts = url, secret, known_hosts

    def offer(self, key: str, document: bytes) -> Answer:
        """Hand an order to the agency it was made for."""
        return self._to(json.loads(document)["agency"]["agency_id"]).offer(key, document)

    def recall(self, key: str, document: bytes) -> Answer:
        """Call an order back where it lies."""
        return self._to(json.loads(document)["agency_id"]).recall(key, document)

    def _to(self, agency_id: str) -> Agency:
        if not re.fullmatch(r"[\w-]+", agency_id):
            raise PermanentFailure("the agency's id cannot stand in an address: use letters, digits and hyphens")
        return _open(self._url.replace(PLACE, quote(agency_id)), self._secret, self._known_hosts)


def _open(url: str, secret: bytes | None, known_hosts: Path) -> Agency:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return AgencyHttp(url, secret)
    if parts.scheme == "file":
        return AgencyFile(Path(unquote(parts.path)))
    if parts.scheme in ("sftp", "s3") and parts.netloc and parts.path.strip("/"):
        return AgencyRemote(url, known_hosts.expanduser())
    raise BadArguments(
        f"ARREARS_AGENCY_URL uses {parts.scheme or 'no scheme'}: give https://…, file:///folder, "
        "sftp://user@host/folder or s3://bucket/folder"
    )
