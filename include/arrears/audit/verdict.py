"""What a verification says, and the walk along the log that every verification makes."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from arrears.audit.checkpoint import (
    BadNote,
    Checkpoint,
    PublicKey,
    UnknownSigner,
    from_mail,
    open_note,
    parse_checkpoint,
    read_text,
)
from arrears.audit.merkle import Frontier

Status = Literal["intact", "tampered", "cannot_tell"]
EXIT_CODES: dict[Status, int] = {"intact": 0, "tampered": 1, "cannot_tell": 2}


@dataclass(frozen=True)
class Verdict:
    """The answer to "has anybody changed the record?", in one sentence; root is hex."""

    status: Status
    message: str
    first_bad_seq: int | None = None
    size: int = 0
    root: str = ""

    @property
    def exit_code(self) -> int:
        """0 intact, 1 tampered, 2 cannot tell."""
        return EXIT_CODES[self.status]


class Tampered(Exception):
    """Stops a verification at the first event that is not what was sealed."""

    def __init__(self, seq: int, message: str) -> None:
        """Name the first bad event and what is wrong with it."""
        super().__init__(message)
        self.seq = seq


class Unsure(Exception):
    """Stops a verification that lacks what it would need."""


@dataclass(frozen=True)
class Outside:
    """A checkpoint that somebody kept elsewhere; ``doubt`` says why its own signature proves nothing here."""

    head: Checkpoint
    doubt: str = ""


def read_outside(note: str, keys: Sequence[PublicKey]) -> Outside:
    """Read a checkpoint from outside, also as it was copied out of a mail.

    Raises:
        Unsure: not a checkpoint, damaged, or of another log.
    """
    note = from_mail(note)
    try:
        head, doubt = parse_checkpoint(read_text(note)), ""
        try:
            open_note(note, keys)
        except UnknownSigner:
            doubt = "it is signed with a key that this log does not know"
    except BadNote as reason:
        raise Unsure(f"the outside checkpoint cannot be used: {reason}") from None
    if head.origin not in {key.name for key in keys}:
        raise Unsure(f"the outside checkpoint is of another log: {head.origin}")
    return Outside(head, doubt)


class Walk:
    """Recomputes the tree leaf by leaf and compares it with every signed head on the way."""

    def __init__(self, heads: Sequence[Checkpoint], outside: Outside | None) -> None:
        """Take the heads of the log by size, and one from outside if there is one."""
        self.frontier = Frontier()
        self._expected: dict[int, list[tuple[bytes, str]]] = {}
        self.proved = 0
        self.at_head: Callable[[], None] = lambda: None
        """Called whenever the walk stands at a signed size; for what only a store can compare there."""
        self.left_out = ""
        """What could not be compared, said behind an intact verdict."""
        for head in heads:
            self._expected.setdefault(head.size, []).append((head.root, f"checkpoint {head.size}"))
        if outside:
            name = f"the outside checkpoint {outside.head.size}"
            self._expected.setdefault(outside.head.size, []).append((outside.head.root, name))
        self._sizes = sorted(self._expected)

    def feed(self, leaves: Sequence[bytes]) -> None:
        """Take the hashes of the next events.

        Raises:
            Tampered: a signed head says otherwise; the first bad event lies after the head before it.
        """
        start, stop = self.frontier.size, self.frontier.size + len(leaves)
        at = start
        for size in self._sizes[bisect_right(self._sizes, start) : bisect_right(self._sizes, stop)]:
            self.frontier.extend(leaves[at - start : size - start])
            self._compare(size)
            at = size
        self.frontier.extend(leaves[at - start :])

    def _compare(self, size: int) -> None:
        root = self.frontier.root()
        for signed, name in self._expected[size]:
            if root != signed:
                raise Tampered(self.proved, f"events {self.proved} to {size - 1} are not those of {name}")
        self.at_head()
        self.proved = size


def open_heads(notes: Sequence[tuple[int, str]], keys: Sequence[PublicKey]) -> list[Checkpoint]:
    """Return the heads of (size, note) pairs, by size, each verified with one of ``keys``.

    Raises:
        Tampered: a note is unreadable, not signed by this log's keys, or of another size than its name says.
    """
    heads: list[Checkpoint] = []
    for size, note in sorted(notes):
        before = heads[-1].size if heads else 0
        try:
            head = parse_checkpoint(open_note(note, keys))
        except BadNote as reason:
            raise Tampered(before, f"checkpoint {size}: {reason}") from None
        if head.size != size or head.origin not in {key.name for key in keys}:
            raise Tampered(before, f"checkpoint {size} is that of another size or log")
        heads.append(head)
    return heads


def conclude(walk: Walk, heads: Sequence[Checkpoint], outside: Outside | None) -> Verdict:
    """Judge the end of the walk: nothing missing before the last head, nothing after it, the outside head reached.

    Raises:
        Tampered: events are missing or were added behind the last checkpoint.
        Unsure: the log is empty.
    """
    size, signed = walk.frontier.size, heads[-1].size if heads else 0
    if size < signed:
        raise Tampered(
            walk.proved, f"events from {walk.proved} on are gone: {size} are left, checkpoint {signed} had more"
        )
    if size > signed:
        raise Tampered(signed, f"{size - signed} events stand behind the last checkpoint {signed}: nobody sealed them")
    if outside and outside.head.size > size:
        said = f"the log ends at {size}, the outside checkpoint says {outside.head.size}: it was set back"
        raise Tampered(
            size, f"{said}, or this is the bundle of an earlier run than the checkpoint: ask for a later one"
        )
    if not heads:
        raise Unsure("nothing has been sealed yet")
    root = walk.frontier.root().hex()
    if outside and outside.doubt:
        return Verdict("cannot_tell", f"the outside checkpoint agrees, but {outside.doubt}", None, size, root)
    seen = f", and it contains the outside checkpoint {outside.head.size}" if outside else ""
    said = f"{size} events under {len(heads)} signed checkpoints{seen}{walk.left_out}"
    return Verdict("intact", said, None, size, root)
