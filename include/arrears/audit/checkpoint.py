"""Signed tree heads: a C2SP tlog-checkpoint inside a C2SP signed note, Ed25519; keys in the note's own format."""

import base64
import binascii
import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from arrears.core.entropy import Entropy, refuse_foretold
from arrears.core.errors import PermanentFailure
from arrears.core.settings import Settings

ED25519 = b"\x01"
PRIVATE = "PRIVATE+KEY+"
DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class BadNote(ValueError):
    """A note that cannot be read, or whose signature does not verify."""


class UnknownSigner(BadNote):
    """A note that none of the given keys has signed."""


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: which log, how many events, and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class PublicKey:
    """One verifying key, written ``<name>+<key id>+<base64>``."""

    name: str
    raw: bytes

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that signatures carry: SHA-256 of name, newline, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    @property
    def vkey(self) -> str:
        """Return the public line of this key."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, line: str) -> "PublicKey":
        """Read a public key line.

        Raises:
            BadNote: not a key line of this kind, or its key id does not belong to it.
        """
        name, _, rest = line.strip().partition("+")
        data = decode(rest.partition("+")[2])
        key = cls(name, data[1:])
        if data[:1] != ED25519 or len(key.raw) != 32 or key.vkey != line.strip():
            raise BadNote("not an Ed25519 key line of the form name+id+base64")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        """Say whether the signature over the text is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """The signing key: only the sealer holds one."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        """Never show the seed."""
        return f"Signer({self.name!r})"

    @property
    def public(self) -> PublicKey:
        """Return the verifying half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return PublicKey(self.name, public.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, text: str) -> str:
        """Return the signed note of a text that ends with a newline."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"{text}\n— {self.name} {base64.b64encode(self.public.key_id + signature).decode()}\n"


def open_note(note: str, keys: Sequence[PublicKey]) -> str:
    """Return the text of a note after one of ``keys`` verified it; other signature lines are ignored.

    Raises:
        UnknownSigner: no line is signed by a given key.
        BadNote: malformed, or a signature of a given key is wrong.
    """
    text, signatures = _split(note)
    verified = False
    for name, blob in signatures:
        for key in keys:
            if (key.name, key.key_id) == (name, blob[:4]):
                if not key.verifies(text, blob[4:]):
                    raise BadNote("the signature does not verify")
                verified = True
    if not verified:
        raise UnknownSigner("signed by a key that is not known here")
    return text


def from_mail(note: str) -> str:
    """Return a note as it was signed from one copied out of a mail: quoted, indented, without its empty line."""
    lines = [line.strip().removeprefix(">").strip() for line in note.splitlines()]
    lines = [line for line in lines if line]
    signed = next((place for place, line in enumerate(lines) if line.startswith("— ")), len(lines))
    return "\n".join([*lines[:signed], "", *lines[signed:], ""])


def read_text(note: str) -> str:
    """Return the text of a well-formed note without looking at who signed it.

    Raises:
        BadNote: malformed.
    """
    return _split(note)[0]


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint.

    Raises:
        BadNote: not origin, size and root, or with extension lines, which this log never writes.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not DECIMAL.fullmatch(lines[1]):
        raise BadNote("not a checkpoint: origin, size and root, one line each")
    root = decode(lines[2])
    if len(root) != 32:
        raise BadNote("the root of a checkpoint has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def key_file(settings: Settings) -> Path:
    """Return where the signing key is: a folder that only the sealing worker need see (``ARREARS_KEYS``)."""
    return (settings.keys or settings.home / "keys") / "audit.key"


def vkey_file(settings: Settings) -> Path:
    """Return where the public key lines are, one for each key this log has had."""
    return settings.home / "keys" / "audit.vkey"


def load_key(settings: Settings) -> Signer | None:
    """Return the signing key, or None when there is none.

    Raises:
        PermanentFailure: the file is not a key, or others may read it.
    """
    return read_key(key_file(settings))


def read_key(path: Path) -> Signer | None:
    """Return the signing key in a file, or None when there is no such file.

    Raises:
        PermanentFailure: the file is not a key, or others may read it.
    """
    if not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        raise PermanentFailure(f"{path} may be read by others: chmod 600 it, and consider the key known")
    line = path.read_text(encoding="utf-8").strip()
    name, _, rest = line.removeprefix(PRIVATE).partition("+")
    try:
        data = decode(rest.partition("+")[2])
    except BadNote:
        data = b""
    signer = Signer(name, data[1:])
    if data[:1] != ED25519 or len(signer.seed) != 32 or private_line(signer) != line:
        raise PermanentFailure(f"{path} is not a signing key: restore it from your backup of the keys folder")
    return signer


def ensure_key(settings: Settings, entropy: Entropy) -> Signer:
    """Return the signing key; make one when there is none, readable by its owner only (0600).

    Raises:
        BadArguments: a live store was given entropy that can be foretold.
        PermanentFailure: there is a file, but it is no key.
    """
    signer = load_key(settings)
    if signer is None:
        refuse_foretold(settings.mode, entropy)
        made = _new_signer(entropy)
        write_once(key_file(settings), private_line(made) + "\n", 0o600)
        signer = load_key(settings) or made
    write_once(vkey_file(settings), signer.public.vkey + "\n")
    return signer


def _new_signer(entropy: Entropy) -> Signer:
    """Name the log after its first key: unique without naming a machine or a company."""
    seed = entropy.take(32)
    return Signer(f"arrears/{hashlib.sha256(Signer('arrears', seed).public.raw).hexdigest()[:16]}", seed)


def known_keys(settings: Settings) -> list[str]:
    """Return the public key lines kept beside the store; empty when there are none."""
    path = vkey_file(settings)
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line] if path.exists() else []


def private_line(signer: Signer) -> str:
    """Return the line that a key file holds."""
    encoded = base64.b64encode(ED25519 + signer.seed).decode()
    return f"{PRIVATE}{signer.name}+{signer.public.key_id.hex()}+{encoded}"


def write_once(path: Path, text: str, mode: int = 0o644) -> None:
    """Put a whole file in place, or leave the one that was there first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n") or any(ord(char) < 32 and char != "\n" for char in note):
        raise BadNote("not a signed note: text, an empty line, signature lines")
    signatures = []
    for line in tail[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != "—" or not name or "+" in name:
            raise BadNote("a signature line is: em dash, key name, base64")
        blob = decode(encoded)
        if len(blob) < 5:
            raise BadNote("a signature is a key id and a signature")
        signatures.append((name, blob))
    return text + "\n", signatures


def decode(encoded: str) -> bytes:
    """Decode base64 that has exactly one spelling, so that no byte of a file can change unnoticed.

    Raises:
        BadNote: not base64, or another spelling of it.
    """
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("not base64") from None
    if base64.b64encode(data).decode() != encoded:
        raise BadNote("base64 with stray bits")
    return data
