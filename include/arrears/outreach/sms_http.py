"""SMS through an HTTP gateway: Kannel's sendsms, or an API of Twilio's shape.

The contact id travels in the receipt address, so that a later receipt resolves what a lost reply left in doubt.
"""

import logging
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httpx

from arrears.core.errors import BadArguments
from arrears.outreach.message import Message
from arrears.outreach.sms_length import is_gsm
from arrears.outreach.verdict import Outcome, Verdict, in_doubt, not_sent, safe_id

TIMEOUT_SECONDS = 15
IDLE_SECONDS = 2.0
"""An idle connection is kept only so long: a reused one that the gateway just closed would leave messages in doubt."""

Dialect = Literal["kannel", "twilio"]


class SmsChannel:
    """One gateway, chosen by the scheme: ``http(s)://`` or ``kannel+http(s)://``, and ``twilio+http(s)://``."""

    name = "sms"

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
        seal: Callable[[str], str] | None = None,
    ) -> None:
        """Read the gateway's URL and its options.

        ``?from=`` names the sender, ``?receipts=`` where delivery reports go, ``?prefix=`` what stands before a number
        without a country (``%2B86``), and ``?idempotency=`` the header in which the gateway takes a key that makes a
        second copy of a request harmless. ``seal`` seals the address of a message's receipts.

        Raises:
            BadArguments: another scheme, or no host.
        """
        parts = urlsplit(url)
        dialect, plus, scheme = parts.scheme.rpartition("+")
        if scheme not in ("http", "https") or (plus and dialect not in ("kannel", "twilio")) or not parts.hostname:
            raise BadArguments("ARREARS_SMS_URL: use kannel+http(s):// or twilio+http(s):// with a host")
        self._dialect: Dialect = "twilio" if dialect == "twilio" else "kannel"
        query = parse_qs(parts.query)
        self._sender, self._receipts = query.get("from", [""])[0], query.get("receipts", [""])[0]
        self._prefix, self._key_header = query.get("prefix", [""])[0], query.get("idempotency", [""])[0]
        self._seal = seal
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._address = f"{scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
        for library in ("httpx", "httpcore"):  # at INFO they log whole addresses: numbers, texts and passwords
            logging.getLogger(library).setLevel(logging.WARNING)
        self._client = httpx.Client(
            timeout=timeout,
            transport=transport,
            verify=scheme == "https",  # loading the certificates of the world takes longer than many messages
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE_SECONDS),
        )

    def message_id(self, key: str) -> str | None:  # noqa: ARG002 - part of what every channel offers
        """Return None: a gateway names a message only in its answer."""
        return None

    def send(self, message: Message, still_ours: Callable[[], bool]) -> Verdict:
        """Send one SMS and say truthfully how it ended; silence after the request was written is ``in_doubt``."""
        request = self._kannel(message) if self._dialect == "kannel" else self._twilio(message)
        if not still_ours():
            return not_sent("lease_over")
        try:
            response = self._client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return not_sent("connect_failed", channel_down=True)
        except httpx.HTTPError:
            return in_doubt("no_reply")
        return _kannel_verdict(response) if self._dialect == "kannel" else _twilio_verdict(response)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _kannel(self, message: Message) -> httpx.Request:
        """Post the text, with all else in headers: an address stands in the log of every proxy, a body in none."""
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": self._user,
            "X-Kannel-Password": self._password,
            "X-Kannel-To": self._number(message),
            "X-Kannel-Coding": "0" if is_gsm(message.text) else "2",
        }
        if self._sender:
            headers["X-Kannel-From"] = self._sender
        if self._receipts:
            headers |= {"X-Kannel-DLR-Mask": "31", "X-Kannel-DLR-Url": self._receipt(message, "&type=%d&at=%T&id=%F")}
        headers |= self._once(message)
        return self._client.build_request("POST", self._address, content=message.text.encode(), headers=headers)

    def _twilio(self, message: Message) -> httpx.Request:
        sender = "MessagingServiceSid" if self._sender.startswith("MG") else "From"
        fields = {"To": self._number(message), sender: self._sender, "Body": message.text}
        if self._receipts:
            fields["StatusCallback"] = self._receipt(message)
        path = (
            self._address
            if self._address.endswith(".json")
            else (f"{self._address.rstrip('/')}/2010-04-01/Accounts/{self._user}/Messages.json")
        )
        authorised = httpx.BasicAuth(self._user, self._password)
        return next(
            authorised.sync_auth_flow(
                self._client.build_request("POST", path, data=fields, headers=self._once(message))
            )
        )

    def _number(self, message: Message) -> str:
        return message.to if message.to.startswith("+") else self._prefix + message.to

    def _once(self, message: Message) -> dict[str, str]:
        """Return the header that names the message the same at every attempt, where the gateway has one."""
        return {self._key_header: message.key} if self._key_header else {}

    def _receipt(self, message: Message, placeholders: str = "") -> str:
        joint = "&" if "?" in self._receipts else "?"
        sealed = {"seal": self._seal(message.key)} if self._seal else {}
        return f"{self._receipts}{joint}{urlencode({'contact': message.key} | sealed)}{placeholders}"


def _kannel_verdict(response: httpx.Response) -> Verdict:
    """Read ``0: Accepted for delivery`` and ``3: Queued for later delivery``; only those mean that it will go out."""
    status = response.status_code
    if status in (200, 202):
        word = response.text.split(":", 1)[0].strip()
        return Verdict(Outcome.SENT, f"{status}_{word}") if word in ("0", "3") else in_doubt("odd_reply")
    return _refusal(status)


def _twilio_verdict(response: httpx.Response) -> Verdict:
    if response.status_code not in (200, 201):
        return _refusal(response.status_code)
    try:
        sid = response.json()["sid"]
    except (ValueError, KeyError, TypeError):
        return in_doubt("odd_reply")
    return Verdict(Outcome.SENT, str(response.status_code), safe_id(str(sid)))


def _refusal(status: int) -> Verdict:
    """Return what an HTTP refusal means: 400 is about the message, 401 to 404 about us, 429 and 503 are for now."""
    code = f"http_{status}"
    if status in (401, 403, 404, 405):
        return not_sent(code, channel_down=True)
    if status in (429, 503):
        return not_sent(code)
    if 400 <= status < 500:
        return Verdict(Outcome.REJECTED, code)
    return in_doubt(code)
