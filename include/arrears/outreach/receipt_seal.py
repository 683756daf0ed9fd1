"""Who may bring a receipt: whoever shows the seal of the address we gave for that one message.

A gateway calls the address it was given with the message. The address names the contact and carries its seal, an
HMAC-SHA256 under a secret of our own, so that nobody can tell of a message whose address was never theirs; one that
leaks speaks for one message only. An API of Twilio's shape also signs each call with the account's token.
"""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, unquote, urlsplit

from arrears.audit.checkpoint import write_once
from arrears.core.entropy import Entropy, refuse_foretold
from arrears.core.errors import BadArguments, PermanentFailure
from arrears.core.settings import Settings

SHORTEST = 16
SEAL_DIGITS = 32
SIGNATURE = "X-Twilio-Signature"


def secret_of(settings: Settings, entropy: Entropy) -> bytes:
    """Return the secret: ``ARREARS_RECEIPTS_SECRET``, or the file ``keys/receipts.key`` at home, made at first use.

    Raises:
        BadArguments: the variable holds fewer than 16 characters, or a live store was given seeded entropy.
        PermanentFailure: others may read the file, or it is cut off.
    """
    if settings.receipts_secret is not None:
        if len(settings.receipts_secret) < SHORTEST:
            raise BadArguments(f"ARREARS_RECEIPTS_SECRET is too short: at least {SHORTEST} characters nobody can guess")
        return settings.receipts_secret.encode()
    path = settings.home / "keys" / "receipts.key"
    if not path.exists():
        refuse_foretold(settings.mode, entropy)
        write_once(path, entropy.take(32).hex() + "\n", 0o600)
    if path.stat().st_mode & 0o077:
        raise PermanentFailure(f"{path} may be read by others: delete it, a new one is made with the next message")
    secret = path.read_text(encoding="utf-8").strip()
    if len(secret) < SHORTEST:
        raise PermanentFailure(f"{path} is cut off: delete it, a new one is made with the next message")
    return secret.encode()


def seal(secret: bytes, contact_id: str) -> str:
    """Return the seal of one message's receipt address, 32 hex digits."""
    return hmac.new(secret, f"receipt:{contact_id}".encode(), hashlib.sha256).hexdigest()[:SEAL_DIGITS]


class Guard:
    """Asks whoever brings a receipt for its seal, and a gateway that signs for its signature."""

    def __init__(self, secret: bytes, sms_url: str | None = None) -> None:
        """Read from the gateway's URL whether it signs: ``twilio+https`` does, unless ``?signature=none``."""
        self._secret = secret
        self._token: bytes | None = None
        self._public = ""
        parts = urlsplit(sms_url or "")
        options = parse_qs(parts.query)
        if parts.scheme.startswith("twilio+") and options.get("signature") != ["none"]:
            self._token = unquote(parts.password or "").encode()
            self._public = options.get("receipts", [""])[0].partition("?")[0]

    def admits(self, query: str, body: str, signature: str) -> bool:
        """Say whether a call is genuine; both comparisons take the same time whatever they find."""
        fields = {name: values[-1] for name, values in parse_qs(query).items()}
        shown = fields.get("seal", "").encode()
        sealed = hmac.compare_digest(shown, seal(self._secret, fields.get("contact", "")).encode())
        return sealed and self._is_signed(query, body, signature)

    def _is_signed(self, query: str, body: str, shown: str) -> bool:
        """Check base64(HMAC-SHA1(token, address + each posted name and value, by name)), as Twilio documents it."""
        if self._token is None:
            return True
        posted = sorted((name, value) for name, values in parse_qs(body, True).items() for value in values)
        said = f"{self._public}?{query}" + "".join(name + value for name, value in posted)
        digest = hmac.new(self._token, said.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(shown.encode(), base64.b64encode(digest))
