"""A delivery receipt: what a gateway or mail server says later about a message that left."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from arrears.core.clock import utc_text

Result = Literal["bounced", "not_delivered", "delivered", "accepted"]
"""``accepted``: the network has it, so it did leave us; whether it reached the person is still open."""

KANNEL: dict[str, Result] = {
    "1": "delivered",
    "2": "not_delivered",
    "4": "accepted",
    "8": "accepted",
    "16": "not_delivered",
}
TWILIO: dict[str, Result] = {
    "queued": "accepted",
    "sending": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "not_delivered",
    "failed": "not_delivered",
}
KEY = re.compile(r"[0-9a-f]{64}")
LAST_SECOND = 4_102_444_800
"""The year 2100: a later ``at`` is no moment."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message, named by our key or by its Message-ID; ``at`` is UTC text when it says so."""

    result: Result
    code: str
    contact_id: str | None
    message_id: str | None
    at: str | None


def read_fields(fields: Mapping[str, str]) -> Receipt | None:
    """Return the receipt in the fields of a callback, Kannel's or Twilio's; None when it names no message of ours."""
    kannel, twilio = fields.get("type", ""), fields.get("MessageStatus", "")
    result = KANNEL.get(kannel) or TWILIO.get(twilio)
    key = fields.get("contact", "")
    if result is None or not KEY.fullmatch(key):
        return None
    return Receipt(result, f"dlr_{kannel or twilio}", key, None, _moment(fields.get("at", "")))


def read_json(content: bytes) -> Receipt | None:
    """Return the receipt in a file of the spool; None when it is none."""
    try:
        fields = json.loads(content)
    except ValueError:
        return None
    plain = isinstance(fields, dict) and all(isinstance(value, str) for value in fields.values())
    return read_fields(fields) if plain else None


def _moment(text: str) -> str | None:
    """Read seconds since 1970, as Kannel writes ``%T``."""
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= LAST_SECOND:
        return None
    return utc_text(datetime.fromtimestamp(int(text), UTC))
