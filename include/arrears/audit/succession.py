"""A new signing key on disk: drafted beside the old one, put in its place only once the log knows it."""

from pathlib import Path

from arrears.audit.checkpoint import (
    Signer,
    key_file,
    known_keys,
    private_line,
    read_key,
    vkey_file,
    write_once,
)
from arrears.core.entropy import Entropy, refuse_foretold
from arrears.core.errors import PermanentFailure
from arrears.core.settings import Settings


def next_file(settings: Settings) -> Path:
    """Return where a key waits that is to follow."""
    return key_file(settings).with_name("audit.key.next")


def draft(settings: Settings, entropy: Entropy, name: str) -> Signer:
    """Return the key that is to follow, made when there is none yet; only its owner can read it (0600).

    Raises:
        BadArguments: a live store was given entropy that can be foretold.
        PermanentFailure: there is a file, but it is no key of this log.
    """
    path = next_file(settings)
    if not path.exists():
        refuse_foretold(settings.mode, entropy)
        write_once(path, private_line(Signer(name, entropy.take(32))) + "\n", 0o600)
    signer = read_key(path)
    if signer is None or signer.name != name:
        raise PermanentFailure(f"{path} is not a key of this log: move it away")
    return signer


def finish_change(settings: Settings, newest: str) -> None:
    """Put a drafted key in place if it is the newest one that the log knows, also after a crash in between.

    The old key is gone with that: what no longer exists cannot be stolen.
    """
    path = next_file(settings)
    signer = read_key(path)
    if signer is None or signer.public.vkey != newest:
        return
    lines = known_keys(settings)
    if newest not in lines:
        whole = vkey_file(settings).with_name("audit.vkey.part")
        whole.write_text("".join(f"{line}\n" for line in [*lines, newest]), encoding="utf-8")
        whole.replace(vkey_file(settings))
    path.replace(key_file(settings))


def is_lost(settings: Settings) -> bool:
    """Say whether there is no signing key, but one that waits to take its place."""
    return not key_file(settings).exists() and next_file(settings).exists()
