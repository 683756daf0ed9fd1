"""The form of an e-mail: one ``EmailMessage`` of our own, the same bytes at every attempt.

The standard library takes each header apart and puts it together again; what many messages share is done once here,
and what is our own ASCII is written as it stands.
"""

from base64 import b64encode
from collections.abc import Callable
from email import policy as email_policy
from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from arrears.core.clock import Clock
from arrears.ladder.policy import Policy
from arrears.outreach.message import Message

LONGEST_LINE = 78
"""RFC 5322 section 2.1.1: a line should not be longer."""
WORD = 9
"""So many characters make an encoded word that fits its line, behind the name of its header too."""
FULL = 76
"""Characters of a line in base64 (RFC 2045 section 6.8)."""

BOUNDARY = "=_part"
"""Between the forms of a mail. No encoded text can contain it (RFC 2045 section 6.7); a plain one is looked at."""
PLAIN = frozenset({"To", "Message-ID", "List-Unsubscribe"})
OWN = PLAIN | {"Subject"}
"""Headers that no other mail has."""

SHARED = 512
"""So many headers are remembered: sender, types, encodings and the moments of some minutes."""


class _Verbatim(BaseHeader):
    """A header that is not taken apart: the policy refuses a line break in it, its writer anything but ASCII."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Keep the text as it is."""
        kwds["decoded"] = value
        kwds["parse_tree"] = None

    def fold(self, *, policy: "email_policy.Policy[Any]") -> str:
        """Return the header on one line: folding would turn a long address into encoded words."""
        return f"{self.name}: {self}{policy.linesep}"


class _Words(_Verbatim):
    """A text for people, written as encoded words of RFC 2047 where it must be."""

    def fold(self, *, policy: "email_policy.Policy[Any]") -> str:
        """Return the header, folded."""
        if self.isascii():
            words = Header(str(self), "us-ascii", header_name=self.name, maxlinelen=LONGEST_LINE)
            return f"{self.name}: {words.encode(linesep=policy.linesep)}{policy.linesep}"
        pieces = (self[start : start + WORD].encode() for start in range(0, len(self), WORD))
        encoded = (f"=?utf-8?b?{b64encode(piece).decode()}?=" for piece in pieces)
        return f"{self.name}: {f'{policy.linesep} '.join(encoded)}{policy.linesep}"


class _Registry(HeaderRegistry):
    """Makes each shared header once: headers never change."""

    def __init__(self) -> None:
        """Start with the header types of the standard library, and our own."""
        super().__init__()
        for name in ("to", "message-id", "list-unsubscribe"):
            self.map_to_type(name, _Verbatim)
        self.map_to_type("subject", _Words)
        self._shared: Callable[[str, str], Any] = lru_cache(SHARED)(super().__call__)
        self._kind: Callable[[str], Any] = lru_cache(SHARED)(super().__getitem__)

    def __getitem__(self, name: str) -> Any:
        """Return the class of a header."""
        return self._kind(name)

    def __call__(self, name: str, value: Any) -> Any:
        """Return a header."""
        own = issubclass(self.registry.get(name.lower(), BaseHeader), _Verbatim)
        return super().__call__(name, value) if own else self._shared(name, str(value))


class _Plain(email_policy.EmailPolicy):
    """Writes short ASCII headers as they stand, and folds the others once."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return a header as bytes."""
        text = str(value)
        if text.isascii() and text.isprintable() and len(name) + len(text) + 2 <= LONGEST_LINE:
            return f"{name}: {text}{self.linesep}".encode()
        return super().fold_binary(name, value) if isinstance(value, _Verbatim) else _folded(name, value)


SEVEN_BIT = _Plain(linesep="\r\n", cte_type="7bit", header_factory=_Registry())
"""Every server takes seven bits; nothing depends on an extension it may lack."""


@lru_cache(SHARED)
def _folded(name: str, value: Any) -> bytes:
    return email_policy.EmailPolicy.fold_binary(SEVEN_BIT, name, value)


ALTERNATIVES = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n\r\n'.encode()


class MailForm:
    """Writes the mails of one sender."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        """Take the sender's names and address from ``creditor`` of the policy."""
        creditor, self._clock = policy.creditor, clock
        self.sender = creditor.mail_from
        self.domain = self.sender.rpartition("@")[2]
        self._from = {
            language: str(Address(name, addr_spec=self.sender))
            for language, name in (("zh", creditor.name), ("en", creditor.name_en))
        }

    def message_id(self, key: str) -> str:
        """Return the Message-ID of a message: the same for every attempt, so that a mailbox can tell."""
        return f"<{key}@{self.domain}>"

    def write(self, message: Message) -> bytes:
        """Return the mail as it goes over the wire, its lines ended by CR LF.

        Raises:
            ValueError: a line break in a header.
            UnicodeEncodeError: a recipient's address that is not ASCII.
        """
        headers = self._headers(message)
        if message.attachments or message.text.isascii() or not message.html:
            mail = EmailMessage(policy=SEVEN_BIT)
            for name, value in headers.items():
                mail[name] = value
            _add_parts(mail, message)
            return mail.as_bytes()
        lines = [_own(name, value) if name in OWN else _shared(name, value) for name, value in headers.items()]
        return b"".join([*lines, ALTERNATIVES, _alternatives(message).encode("ascii")])

    def _headers(self, message: Message) -> dict[str, str]:
        headers = {
            "From": self._from.get(message.language, self._from["en"]),
            "To": message.to,
            "Subject": message.subject,
            "Date": format_datetime(self._clock.now()),
            "Message-ID": self.message_id(message.key),
            "Auto-Submitted": "auto-generated",
        }
        if message.may_opt_out:
            headers["List-Unsubscribe"] = f"<mailto:{self.sender}?subject=unsubscribe%20{message.key}>"
        return headers


def _own(name: str, value: str) -> bytes:
    """Return a header of one mail alone, as the library would after a look at its whole grammar."""
    if name in PLAIN and value.isascii() and value.isprintable():
        return f"{name}: {value}{SEVEN_BIT.linesep}".encode("ascii")
    return SEVEN_BIT.fold_binary(*SEVEN_BIT.header_store_parse(name, value))


@lru_cache(SHARED)
def _shared(name: str, value: str) -> bytes:
    """Return a header that many mails have."""
    return SEVEN_BIT.fold_binary(*SEVEN_BIT.header_store_parse(name, value))


def _add_parts(mail: EmailMessage, message: Message) -> None:
    mail.set_content(message.text, cte=_encoding(message.text))
    if message.html:
        mail.make_alternative(boundary=BOUNDARY)
        mail.add_alternative(message.html, subtype="html", cte=_encoding(message.html))
    for file in message.attachments:
        kind, _, subtype = file.mime.partition("/")
        mail.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)


def _alternatives(message: Message) -> str:
    """Return what the library would make of text and HTML in base64, without taking it apart line by line."""
    ends = SEVEN_BIT.linesep
    parts = [
        f'--{BOUNDARY}{ends}Content-Type: text/{subtype}; charset="utf-8"{ends}Content-Transfer-Encoding: base64{ends}'
        f"{'' if subtype == 'plain' else f'MIME-Version: 1.0{ends}'}{ends}{_base64(text)}"
        for subtype, text in (("plain", message.text), ("html", message.html))
    ]
    return f"{ends.join(parts)}{ends}--{BOUNDARY}--{ends}"


def _base64(text: str) -> str:
    """Return a text in base64, its own lines ended by CR LF: every line full, as ``base64.encodebytes`` makes them."""
    content = "".join([f"{line}\r\n" for line in text.splitlines()])
    code = b64encode(content.encode()).decode("ascii")
    return "".join([f"{code[start : start + FULL]}\r\n" for start in range(0, len(code), FULL)])


def _encoding(text: str) -> str | None:
    """Return base64 for a text that is not ASCII: the library would try both ways first to learn the same."""
    return None if text.isascii() and BOUNDARY not in text else "base64"
