"""E-mail over one kept yagmail connection, spoken phase by phase so that every ending is known for what it is.

``yagmail.send`` is never called: it reconnects for each message, sends again after a lost reply (three copies were
measured), and reads files that a text happens to name. Source: RFC 5321 section 6.1, RFC 1047.
"""

import socket
import ssl
from collections.abc import Callable
from email import policy as email_policy
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from arrears.core.clock import Clock
from arrears.core.errors import BadArguments
from arrears.ladder.policy import Policy
from arrears.outreach.message import Message
from arrears.outreach.verdict import Outcome, Verdict, in_doubt, not_sent, safe_id

TIMEOUT_SECONDS = 20
LONGEST_LINE = 78
"""RFC 5322 section 2.1.1: a line should not be longer."""


class _UrlHeader(UnstructuredHeader, BaseHeader):
    """A header of our own ASCII that must stay as it is: folding would turn a long address into encoded words."""

    def fold(self, *, policy: "email_policy.Policy[Any]") -> str:
        """Return the header on one line."""
        return f"{self.name}: {self}{policy.linesep}"


class _Registry(HeaderRegistry):
    """Makes the class of a header once a name, not once a header."""

    def __init__(self) -> None:
        """Start with the header types of the standard library."""
        super().__init__()
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return the class of a header."""
        if name not in self._made:
            self._made[name] = super().__getitem__(name)
        return self._made[name]


_HEADERS = _Registry()
_HEADERS.map_to_type("list-unsubscribe", _UrlHeader)


class _Plain(email_policy.EmailPolicy):
    """Writes short ASCII headers as they stand: folding takes a header apart and puts the same text together again."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return a header as bytes."""
        text = str(value)
        if text.isascii() and text.isprintable() and len(name) + len(text) + 2 <= LONGEST_LINE:
            return f"{name}: {text}{self.linesep}".encode()
        return super().fold_binary(name, value)


SEVEN_BIT = _Plain(linesep="\r\n", cte_type="7bit", header_factory=_HEADERS)
"""Every server takes seven bits; nothing depends on an extension it may lack."""

SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class EmailChannel:
    """One SMTP connection, opened when first needed, dropped after anything but a clean ending."""

    name = "email"

    def __init__(self, url: str, policy: Policy, clock: Clock, timeout: float = TIMEOUT_SECONDS) -> None:
        """Read ``smtp://``, ``smtp+starttls://`` or ``smtps://`` with optional ``user:password@`` and ``?cafile=``.

        Raises:
            BadArguments: another scheme, or no host.
        """
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise BadArguments("ARREARS_SMTP_URL: use smtp://, smtp+starttls:// or smtps:// with a host")
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or SCHEMES[parts.scheme]
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._cafile = parse_qs(parts.query).get("cafile", [None])[0]
        self._policy, self._clock, self._timeout = policy, clock, timeout
        self._sender = policy.creditor.mail_from
        self._domain = self._sender.rpartition("@")[2]
        self._client: Any = None

    def message_id(self, key: str) -> str:
        """Return the Message-ID of a message: the same for every attempt, so that a mailbox can tell."""
        return f"<{key}@{self._domain}>"

    def send(self, message: Message, still_ours: Callable[[], bool]) -> Verdict:
        """Send one message and say truthfully how it ended.

        Before the final dot is on the wire: ``not_sent``. 4xx: ``not_sent``. 5xx about this person: ``rejected``.
        No reply after the dot: ``in_doubt``, never to be repeated by a machine.
        """
        body = self._compose(message).as_bytes()
        kept = self._client is not None
        verdict = self._dialogue(message, body, still_ours)
        if kept and verdict.outcome is Outcome.NOT_SENT and verdict.code == "mail_lost":
            verdict = self._dialogue(message, body, still_ours)  # the server had closed an idle connection
        return verdict

    def close(self) -> None:
        """Say goodbye to the server if it is still there."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.close()
        except OSError:
            client.is_closed = True

    def _dialogue(self, message: Message, body: bytes, still_ours: Callable[[], bool]) -> Verdict:
        try:
            smtp = self._connected()
        except OSError as error:
            self._drop()
            return not_sent(f"connect_{getattr(error, 'smtp_code', None) or 'failed'}", channel_down=True)
        verdict = self._envelope(smtp, message.to) or self._content(smtp, body, still_ours)
        if verdict.outcome is not Outcome.SENT:
            self._drop()
        return Verdict(
            verdict.outcome,
            verdict.code,
            verdict.provider_id,
            self.message_id(message.key),
            verdict.channel_down,
        )

    def _envelope(self, smtp: Any, to: str) -> Verdict | None:
        """Speak MAIL, RCPT and DATA; None when the server waits for the message."""
        phase = "mail"
        try:
            code, _ = smtp.mail(self._sender)
            if code != 250:  # refused before anybody was named: it is about us, not about the person
                return not_sent(f"mail_{code}" if code > 0 else "mail_lost", channel_down=code >= 500)
            phase = "rcpt"
            code, _ = smtp.rcpt(to)
            if code not in (250, 251):
                return _refusal(code, phase)
            phase = "data"
            code, _ = smtp.docmd("DATA")
            return None if code == 354 else _refusal(code, phase)
        except OSError:
            return not_sent(f"{phase}_lost")

    def _content(self, smtp: Any, body: bytes, still_ours: Callable[[], bool]) -> Verdict:
        try:
            smtp.send(_stuffed(body))
        except OSError:
            return not_sent("body_lost")
        if not still_ours():
            return not_sent("lease_over")
        try:
            smtp.send(b".\r\n")
            code, reply = smtp.getreply()
        except OSError:
            return in_doubt("no_reply")
        if 200 <= code < 300:
            return Verdict(Outcome.SENT, str(code), safe_id(_queue_id(reply)))
        return _refusal(code, "dot") if code >= 400 else in_doubt("odd_reply")

    def _connected(self) -> Any:
        if self._client is None:
            self._client = self._open()
        return self._client.smtp

    def _open(self) -> Any:
        import yagmail

        context = None if self._scheme == "smtp" else ssl.create_default_context(cafile=self._cafile)
        implicit = self._scheme == "smtps"
        user, password = self._login or (self._sender, "")
        client = yagmail.Client(
            user=self._sender,
            password=password,
            host=self._host,
            port=self._port,
            smtp_ssl=implicit,
            smtp_starttls={"context": context} if self._scheme == "smtp+starttls" else False,
            smtp_skip_login=self._login is None,
            soft_email_validation=False,
            timeout=self._timeout,
            local_hostname=self._domain,
            **({"context": context} if implicit else {}),
        )
        client.user = user  # the name to log in with need not be an address
        self._client = client
        client.login()
        client.smtp.ehlo_or_helo_if_needed()
        client.smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the dot travels alone: do not delay it
        return client

    def _drop(self) -> None:
        """Cut the connection without a word: a half-spoken dialogue must never reach its dot."""
        client, self._client = self._client, None
        if client is not None:
            client.is_closed = True
            if client.smtp is not None:
                client.smtp.close()

    def _compose(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SEVEN_BIT)
        mail["From"] = Address(self._name(message.language), addr_spec=self._sender)
        mail["To"] = Address(addr_spec=message.to)
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = self.message_id(message.key)
        mail["Auto-Submitted"] = "auto-generated"
        if message.may_opt_out:
            mail["List-Unsubscribe"] = f"<mailto:{self._sender}?subject=unsubscribe%20{message.key}>"
        mail.set_content(message.text)
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        for file in message.attachments:
            kind, _, subtype = file.mime.partition("/")
            mail.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
        return mail

    def _name(self, language: str) -> str:
        creditor = self._policy.creditor
        return creditor.name if language == "zh" else creditor.name_en


def _refusal(code: int, phase: str) -> Verdict:
    """Return what a refusal at a phase means: 4xx is for now, 5xx for good, 421 is the server going away."""
    if code >= 500:
        return Verdict(Outcome.REJECTED, f"{phase}_{code}")
    if code >= 400:
        return not_sent(f"{phase}_{code}", channel_down=code == 421)
    if phase == "dot":
        return in_doubt("odd_reply")
    return not_sent(f"{phase}_{code}" if code > 0 else f"{phase}_lost")


def _stuffed(body: bytes) -> bytes:
    """Return the message with leading dots doubled and a line end last, as RFC 5321 section 4.5.2 asks."""
    lines = body.replace(b"\r\n", b"\n").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)


def _queue_id(reply: bytes) -> str | None:
    """Return the queue id of ``250 … queued as ABC123``, the form most servers use."""
    words = reply.decode("ascii", "replace").split()
    return words[words.index("as") + 1] if "as" in words[:-1] else None
