"""The shape of an exported bundle, and reading one: all of it follows from its events, so nothing can be slipped in.

events.jsonl       the log from its first event to the run's checkpoint, one event a line, exactly the hashed bytes
leaves.txt         the hash of each event, in hex: names the event that was changed, not only the range
checkpoints/N.txt  every signed head up to the run's
vkey.txt           the public keys that signed them
policy/HASH.json   the policy texts the run's events name
packets/HASH.json  the manifests of the packets the run built, as far as they were not erased
manifest.json      what the run's events say of themselves; recomputed and compared by verification
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from arrears.audit.chain import HANDOVERS, Handover
from arrears.audit.checkpoint import DECIMAL, BadNote, PublicKey
from arrears.audit.log import parse
from arrears.audit.merkle import leaf_hash
from arrears.audit.verdict import Tampered, Unsure, Walk
from arrears.core.keys import canonical, sha256
from arrears.core.progress import tell

EVENTS, LEAVES, CHECKPOINTS, VKEY, POLICY = "events.jsonl", "leaves.txt", "checkpoints", "vkey.txt", "policy"
MANIFEST, PACKETS, BUILT = "manifest.json", "packets", "packet.built"
_MEMBER = re.compile(
    rf"({re.escape(EVENTS)}|{re.escape(LEAVES)}|{re.escape(VKEY)}|{re.escape(MANIFEST)}"
    rf"|{CHECKPOINTS}(/[0-9]+\.txt)?|({POLICY}|{PACKETS})(/[0-9a-f]+\.json)?)"
)
FORMAT = 1
LEDGER_GATED = ("ledger.accepted", "ledger.rejected")
"""Events whose key is the hash of the frozen ledger that was judged."""
TOLD_EVERY = 5_000
_HANDOVER = tuple(f'"type":"{kind}"'.encode() for kind in HANDOVERS)


@dataclass
class RunContents:
    """What the log says about one run, gathered event by event."""

    run_id: str
    events: int = 0
    first_seq: int = -1
    last_seq: int = -1
    policies: set[str] = field(default_factory=set)
    snapshots: set[str] = field(default_factory=set)
    packets: dict[str, str] = field(default_factory=dict)
    """The hashes of packet manifests, with the packet that each is of."""

    def add(self, seq: int, body: bytes) -> None:
        """Look at one event; those of other runs pass by."""
        if self.run_id.encode() not in body:  # cheaper than reading a million events of other runs
            return
        event = parse(body)
        if event.get("run_id") != self.run_id:
            return
        self.events += 1
        self.first_seq = seq if self.first_seq < 0 else self.first_seq
        self.last_seq = seq
        if event.get("policy_sha256"):
            self.policies.add(event["policy_sha256"])
        if event.get("type") in LEDGER_GATED:
            self.snapshots.add(event["key"])
        if event.get("type") == BUILT:
            self.packets[str(event["data"]["manifest_sha256"])] = event["key"]

    def manifest(self, size: int, root: str) -> bytes:
        """Return the one manifest that belongs to these events."""
        return canonical(self._fields() | {"format": FORMAT, "size": size, "root": root}) + b"\n"

    def _fields(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "events": self.events,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "policies": sorted(self.policies),
            "snapshots": sorted(self.snapshots),
        }


@dataclass(frozen=True)
class Bundle:
    """A bundle opened for verification."""

    folder: Path
    run_id: str
    manifest: bytes
    notes: list[tuple[int, str]]
    keys: list[PublicKey]

    def walk(self, walk: Walk) -> list[Handover]:
        """Feed every event, check what was said about them, and return the changes of the signing key.

        Raises:
            Tampered: the first event, or the file, that does not belong.
        """
        contents, handovers = RunContents(self.run_id), []
        for seq, (line, leaf) in enumerate(zip_longest(self._lines(EVENTS), self._lines(LEAVES))):
            if line is None or leaf is None:
                raise Tampered(seq, f"{EVENTS if line is None else LEAVES} ends before event {seq}")
            hashed = leaf_hash(line[:-1])
            if line[-1:] != b"\n" or leaf != hashed.hex().encode() + b"\n":
                raise Tampered(seq, f"event {seq} does not have the hash in {LEAVES}")
            walk.feed([hashed])
            if seq % TOLD_EVERY == 0:
                tell(seq, None, "events")
            try:
                contents.add(seq, line)
                if any(kind in line for kind in _HANDOVER) and (event := parse(line)).get("type") in HANDOVERS:
                    handovers.append(Handover.read(seq, event))
            except (AttributeError, KeyError, TypeError, ValueError):
                raise Tampered(seq, f"event {seq} is not an event") from None
        if self.manifest != contents.manifest(walk.frontier.size, walk.frontier.root().hex()):
            raise Tampered(max(contents.first_seq, 0), f"{MANIFEST} does not say what the events of the run say")
        self._check_policies(contents)
        self._check_packets(contents)
        return handovers

    def _lines(self, name: str) -> Iterator[bytes]:
        with (self.folder / name).open("rb") as file:
            yield from file

    def _check_policies(self, contents: RunContents) -> None:
        folder = self.folder / POLICY
        found = {path.stem: path for path in folder.glob("*.json")} if folder.is_dir() else {}
        for name in sorted(contents.policies | found.keys()):
            if name not in found or name not in contents.policies or sha256(found[name].read_bytes()) != name:
                raise Tampered(contents.first_seq, f"{POLICY}/{name[:12]}… is not the text that the events name")

    def _check_packets(self, contents: RunContents) -> None:
        """A manifest may be gone, for a person's packets are erased; none may be another one."""
        for path in sorted((self.folder / PACKETS).glob("*.json")):
            if path.stem not in contents.packets or sha256(path.read_bytes()) != path.stem:
                raise Tampered(
                    max(contents.first_seq, 0), f"{PACKETS}/{path.stem[:12]}… is not a manifest that the events name"
                )


def read_bundle(folder: Path) -> Bundle:
    """Open an exported bundle.

    Raises:
        Unsure: it is not a bundle, or a part without which nothing can be said is missing or unreadable.
    """
    _refuse_strangers(folder)
    for name in (EVENTS, LEAVES, VKEY, MANIFEST):
        if not (folder / name).is_file():
            raise Unsure(f"{folder} is not a whole bundle: {name} is missing")
    paths = sorted((folder / CHECKPOINTS).glob("*.txt"))
    if not paths:
        raise Unsure(f"{folder} is not a whole bundle: {CHECKPOINTS}/ is missing or empty")
    try:
        manifest = (folder / MANIFEST).read_bytes()
        run_id = str(json.loads(manifest)["run_id"])
        keys = [PublicKey.parse(line) for line in (folder / VKEY).read_text(encoding="utf-8").splitlines()]
    except BadNote as reason:
        raise Unsure(f"{VKEY}: {reason}") from None
    except (KeyError, RecursionError, TypeError, ValueError):
        raise Unsure(f"{MANIFEST} or {VKEY} cannot be read") from None
    if not keys:
        raise Unsure(f"{VKEY} names no key")
    return Bundle(folder, run_id, manifest, [_note(path) for path in paths], keys)


def _refuse_strangers(folder: Path) -> None:
    """Nothing may lie in a bundle that no signature speaks for."""
    if not any((folder / name).exists() for name in (EVENTS, LEAVES, VKEY, MANIFEST, CHECKPOINTS)):
        raise Unsure(f"{folder} is no bundle: nothing of one is in it")
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path.is_symlink() or not _MEMBER.fullmatch(place) or path.is_dir() == bool(path.suffix):
            raise Tampered(0, f"{place} does not belong to a bundle, nothing vouches for it")


def _note(path: Path) -> tuple[int, str]:
    """Read one checkpoint; what is not text cannot be a signed one, and is left for verification to refuse."""
    size = int(path.stem) if DECIMAL.fullmatch(path.stem) else 0
    return size, path.read_bytes().decode(errors="replace")
