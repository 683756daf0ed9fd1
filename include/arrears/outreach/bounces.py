"""Bounces: what a mail server's delivery status notification (RFC 3464) says became of a mail of ours."""

from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default

from arrears.core.clock import utc_text
from arrears.outreach.receipt import KEY, Receipt, Result

ACTIONS: dict[str, Result] = {"failed": "bounced", "delivered": "delivered", "relayed": "accepted"}
"""``delayed`` says nothing yet, ``expanded`` nothing about a person."""


def read_bounce(content: bytes) -> Receipt | None:
    """Return what a mail says about one of ours, or None when it is no status notification or names no mail.

    A failure of any recipient is the fate: we write to one person a mail.
    """
    mail = message_from_bytes(content, policy=default)
    if mail.get_content_type() != "multipart/report":
        return None
    actions, codes, original, envelope = [], [], None, None
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            for block in _blocks(part):
                envelope = envelope or block["Original-Envelope-Id"]
                actions.append(_word(block["Action"]))
                codes.append(_word(block["Status"]))
        elif part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            original = original or _original_id(part)
    known = [(ACTIONS[action], code) for action, code in zip(actions, codes, strict=True) if action in ACTIONS]
    original = original or _word(mail["In-Reply-To"]) or None
    key = _key(envelope)
    if not known or not (key or original):
        return None
    result, code = min(known, key=lambda found: tuple(ACTIONS.values()).index(found[0]))
    return Receipt(result, f"dsn_{code[:12]}", key, original, _sent_at(mail))


def _key(envelope: object) -> str | None:
    """Return our key where the server was asked to name it (RFC 3461): then the mail itself need not be quoted."""
    text = str(envelope or "").strip()
    return text if KEY.fullmatch(text) else None


def _blocks(part: Message) -> list[Message]:
    """Return the blocks of a status part: the first is about the report, each other about a recipient."""
    blocks = part.get_payload()
    return [block for block in blocks if isinstance(block, Message)] if isinstance(blocks, list) else []


def _original_id(part: Message) -> str | None:
    inner = part.get_payload()
    if isinstance(inner, list) and inner and isinstance(inner[0], Message):
        return _word(inner[0]["Message-ID"]) or None
    text = part.get_payload(decode=True)
    headers = message_from_bytes(text, policy=default) if isinstance(text, bytes) else EmailMessage()
    return _word(headers["Message-ID"]) or None


def _sent_at(mail: Message) -> str | None:
    moment = getattr(mail["Date"], "datetime", None)
    return utc_text(moment) if moment is not None and moment.tzinfo is not None else None


def _word(header: object) -> str:
    words = str(header or "").split()
    return words[0].lower() if words and words[0].isalpha() else (words[0] if words else "")
