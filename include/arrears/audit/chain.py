"""The chain of signing keys: the log itself says, in an event, from where on which key signs it.

While the old key exists it signs the new one. When it is lost nobody can: then the event names the people who attest
the new key, and whoever verifies must get the new public key from them, outside the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arrears.audit.checkpoint import BadNote, PublicKey, Signer, open_note
from arrears.audit.verdict import Tampered, Unsure

ROTATED, REPLACED = "key.rotated", "key.replaced"
HANDOVERS = (ROTATED, REPLACED)
TITLE = "arrears key change v1"


def statement(old: str, new: str) -> str:
    """Return the text that is signed when one key, by its public line, gives way to another."""
    return f"{TITLE}\n{old}\n{new}\n"


def rotated(old: Signer, new: Signer) -> dict[str, Any]:
    """Return the data of the event by which the old key hands over to the new one."""
    lines = old.public.vkey, new.public.vkey
    return {"old_vkey": lines[0], "new_vkey": lines[1], "note": old.sign(statement(*lines))}


def replaced(old: str, new: Signer, attested_by: Sequence[str], approval_id: str) -> dict[str, Any]:
    """Return the data of the event by which people put a new key in the place of a lost one.

    The new key signs the statement: that proves only that it exists.
    """
    note = new.sign(statement(old, new.public.vkey))
    return {"old_vkey": old, "new_vkey": new.public.vkey, "note": note, "attested_by": sorted(attested_by),
            "approval_id": approval_id}  # fmt: skip


@dataclass(frozen=True)
class Handover:
    """What one such event says; ``attested_by`` is None where the old key signed."""

    seq: int
    old: str
    new: str
    note: str
    attested_by: tuple[str, ...] | None

    @classmethod
    def read(cls, seq: int, event: Mapping[str, Any]) -> "Handover":
        """Read an event of ``HANDOVERS``.

        Raises:
            Tampered: it does not say what such an event says.
        """
        data = event["data"]
        people = None if event["type"] == ROTATED else data.get("attested_by")
        old, new, note = (data.get(name) for name in ("old_vkey", "new_vkey", "note"))
        if not all(isinstance(word, str) for word in (old, new, note)) or not (people is None or _names(people)):
            raise Tampered(seq, f"event {seq} changes the signing key, but does not say how")
        return cls(seq, old, new, note, None if people is None else tuple(people))


def _names(people: Any) -> bool:
    return isinstance(people, list) and bool(people) and all(isinstance(name, str) and name for name in people)


@dataclass(frozen=True)
class Reign:
    """One key and the checkpoints that are its to sign: those of more than ``after`` events."""

    after: int
    key: PublicKey
    by: Handover | None


def follow(named: Sequence[PublicKey], handovers: Sequence[Handover]) -> list[Reign]:
    """Return the keys of a log in their order: the first one named, then those its events introduce.

    Raises:
        Tampered: a key change that does not come from the key in force, or a key that no event introduces.
    """
    if not named:
        return []
    reigns = [Reign(0, named[0], None)]
    for handover in handovers:
        try:
            key = PublicKey.parse(handover.new)
            _check(handover, reigns, key)
        except BadNote:
            raise Tampered(
                handover.seq, f"event {handover.seq} changes the signing key, but not from the key that was in force"
            ) from None
        reigns.append(Reign(handover.seq, key, handover))
    if len(named) != len(reigns) or {key.vkey for key in named} != {reign.key.vkey for reign in reigns}:
        raise Tampered(0, "the log names a signing key that none of its events introduces")
    return reigns


def _check(handover: Handover, reigns: Sequence[Reign], key: PublicKey) -> None:
    current = reigns[-1].key
    known = {reign.key.vkey for reign in reigns}
    if handover.old != current.vkey or key.vkey in known or key.name != current.name:
        raise BadNote("another key")
    signer = current if handover.attested_by is None else key
    if open_note(handover.note, [signer]) != statement(handover.old, handover.new):
        raise BadNote("another statement")


def check_signers(reigns: Sequence[Reign], notes: Sequence[tuple[int, str]]) -> None:
    """Check that each checkpoint carries a signature of the key that was in force at its size.

    Raises:
        Tampered: a checkpoint that only a key before or after its time has signed.
    """
    before = 0
    for size, note in sorted(notes):
        key = next(reign.key for reign in reversed(reigns) if reign.after < size)
        try:
            open_note(note, [key])
        except BadNote:
            raise Tampered(before, f"checkpoint {size} is not signed with the key that was in force") from None
        before = size


def refuse_strangers(named: Sequence[PublicKey], trusted: Sequence[PublicKey]) -> None:
    """Refuse a log that names keys, but none that was kept outside it.

    Raises:
        Tampered: somebody else signed it.
    """
    if named and not any(key in trusted for key in named):
        raise Tampered(0, "the log names a signing key that is not among the public keys kept outside it")


def check_trust(reigns: Sequence[Reign], trusted: Sequence[PublicKey]) -> None:
    """Check that the newest key, which vouches for the whole log, is a trusted one or was led to by one.

    Raises:
        Unsure: the key was lost; what its replacement is worth, only the people who attest it can say.
    """
    broken: Handover | None = None
    for reign in reigns:
        if reign.key in trusted:
            broken = None
        elif reign.by is not None and reign.by.attested_by is not None:
            broken = broken or reign.by
    if broken is not None:
        raise Unsure(
            f"the log says at event {broken.seq} that its signing key was lost and replaced, attested by "
            f"{', '.join(broken.attested_by or ())}: get the new public key from them, and verify with it"
        )
