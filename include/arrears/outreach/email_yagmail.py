"""E-mail over one kept yagmail connection, spoken phase by phase so that every ending is known for what it is.

``yagmail.send`` is never called: it reconnects for each message, sends again after a lost reply (three copies were
measured), and reads files that a text happens to name. Source: RFC 5321 section 6.1, RFC 1047.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from arrears.core.clock import Clock
from arrears.core.errors import BadArguments
from arrears.ladder.policy import Policy
from arrears.outreach.mail_form import MailForm
from arrears.outreach.message import Message
from arrears.outreach.verdict import Outcome, Verdict, in_doubt, not_sent, safe_id

TIMEOUT_SECONDS = 20

SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
EXPECTED = {"mail": (250,), "rcpt": (250, 251), "data": (354,)}


class EmailChannel:
    """One SMTP connection, opened when first needed, dropped after anything but a clean ending."""

    name = "email"

    def __init__(self, url: str, policy: Policy, clock: Clock, timeout: float = TIMEOUT_SECONDS) -> None:
        """Read ``smtp://``, ``smtp+starttls://`` or ``smtps://`` with optional ``user:password@``.

        ``?cafile=`` names the certificates to trust instead of the system's, ``?bounces=`` the address to which
        undeliverable mail returns; without it that is the sender (policy ``creditor.mail_from``).

        Raises:
            BadArguments: another scheme, no host, or bounces that are no address.
        """
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise BadArguments("ARREARS_SMTP_URL: use smtp://, smtp+starttls:// or smtps:// with a host")
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or SCHEMES[parts.scheme]
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        query = parse_qs(parts.query)
        self._cafile = query.get("cafile", [None])[0]
        self._timeout = timeout
        self._form = MailForm(policy, clock)
        self._bounces = query.get("bounces", [self._form.sender])[0]
        if not _is_address(self._bounces):
            raise BadArguments("ARREARS_SMTP_URL: bounces= is no e-mail address")
        self._client: Any = None

    def message_id(self, key: str) -> str:
        """Return the Message-ID of a message: the same for every attempt, so that a mailbox can tell."""
        return self._form.message_id(key)

    def send(self, message: Message, still_ours: Callable[[], bool]) -> Verdict:
        """Send one message and say truthfully how it ended.

        Before the final dot is on the wire: ``not_sent``. 4xx: ``not_sent``. 5xx about this person: ``rejected``.
        No reply after the dot: ``in_doubt``, never to be repeated by a machine.
        """
        if not _is_address(message.to):
            return Verdict(Outcome.REJECTED, "no_address")
        body = self._form.write(message)
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
        verdict = self._envelope(smtp, message) or self._content(smtp, body, still_ours)
        if verdict.outcome is not Outcome.SENT:
            self._drop()
        return Verdict(
            verdict.outcome,
            verdict.code,
            verdict.provider_id,
            self.message_id(message.key),
            verdict.channel_down,
        )

    def _envelope(self, smtp: Any, message: Message) -> Verdict | None:
        """Speak MAIL, RCPT and DATA; None when the server waits for the message.

        A server that offers PIPELINING (RFC 2920) is told all three at once. Whatever it answers, no text has left.
        """
        commands = self._commands(smtp, message)
        phase, ahead = "mail", smtp.has_extn("pipelining")
        try:
            if ahead:
                smtp.send("".join(f"{command}\r\n" for command in commands.values()))
            for phase, command in commands.items():
                if not ahead:
                    smtp.putcmd(command)
                code, _ = smtp.getreply()
                if code not in EXPECTED[phase]:
                    return _refusal(code, phase)
        except OSError:
            return not_sent(f"{phase}_lost")
        return None

    def _commands(self, smtp: Any, message: Message) -> dict[str, str]:
        """Return what is said; a server that offers DSN (RFC 3461) names our key in a bounce, without the text."""
        key, watched = message.key, smtp.has_extn("dsn")
        mail, rcpt = (f" RET=HDRS ENVID={key}", " NOTIFY=FAILURE") if watched and key.isalnum() else ("", "")
        return {
            "mail": f"MAIL FROM:<{self._bounces}>{mail}",
            "rcpt": f"RCPT TO:<{message.to}>{rcpt}",
            "data": "DATA",
        }

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
        user, password = self._login or (self._form.sender, "")
        client = yagmail.Client(
            user=self._form.sender,
            password=password,
            host=self._host,
            port=self._port,
            smtp_ssl=implicit,
            smtp_starttls={"context": context} if self._scheme == "smtp+starttls" else False,
            smtp_skip_login=self._login is None,
            soft_email_validation=False,
            timeout=self._timeout,
            local_hostname=self._form.domain,
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


def _refusal(code: int, phase: str) -> Verdict:
    """Return what a refusal at a phase means: 4xx is for now, 5xx for good, 421 is the server going away.

    A refused MAIL names nobody yet: it is about us, so nobody else would fare better.
    """
    if phase == "mail":
        return not_sent(f"mail_{code}" if code > 0 else "mail_lost", channel_down=code >= 500 or code == 421)
    if code >= 500:
        return Verdict(Outcome.REJECTED, f"{phase}_{code}")
    if code >= 400:
        return not_sent(f"{phase}_{code}", channel_down=code == 421)
    if phase == "dot":
        return in_doubt("odd_reply")
    return not_sent(f"{phase}_{code}" if code > 0 else f"{phase}_lost")


def _stuffed(body: bytes) -> bytes:
    """Return the message with leading dots doubled and a line end last, as RFC 5321 section 4.5.2 asks."""
    if body.startswith(b"."):
        body = b"." + body
    body = body.replace(b"\n.", b"\n..")
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def _is_address(text: str) -> bool:
    """Say whether a text can stand between the angle brackets of a command."""
    return "@" in text and text.isascii() and text.isprintable() and not set(text) & set('<> "')


def _queue_id(reply: bytes) -> str | None:
    """Return the queue id of ``250 … queued as ABC123``, the form most servers use."""
    words = reply.decode("ascii", "replace").split()
    return words[words.index("as") + 1] if "as" in words[:-1] else None
