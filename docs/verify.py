"""Check a bundle or a receipt of Arrears without Arrears. Read it first: it takes ten minutes.

    python verify.py BUNDLE_FOLDER [--against CHECKPOINT.txt] [--vkey VKEY.txt]
    python verify.py RECEIPT.tlog-proof --vkey VKEY.txt

Exit code 0: intact. 1: tampered, the first bad event is named. 2: cannot tell.
It needs Python 3.11 or newer and the package ``cryptography``, and talks to nobody.

What is checked, and by which public standard:
  1. Each event is one line of bytes; its leaf hash is SHA-256(0x00 || line).             RFC 6962, 2.1
  2. The leaf hashes form one tree; an inner node is SHA-256(0x01 || left || right).      RFC 6962, 2.1
  3. Each checkpoint says: the first N events have this root; it is signed with Ed25519.  C2SP signed-note
  4. A receipt holds one event, its place, and the hashes from there to a signed root.    C2SP tlog-proof
  5. The manifest and the policy texts of a bundle say nothing that its events do not say.

What it cannot know: whether the public key is the right one. Take it (--vkey), and one old checkpoint (--against),
from somewhere the other party cannot reach: your own mailbox, where every morning's digest brought one. Without
--against, whoever holds the signing key could have written the whole log anew.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Keys = dict[tuple[str, bytes], Ed25519PublicKey]
Head = tuple[str, int, bytes]


class Tampered(Exception):
    """Something is not what was signed."""


class CannotTell(Exception):
    """Something that is needed to judge is missing or unreadable."""


# --- 1 and 2: the tree ---


def leaf_hash(event: bytes) -> bytes:
    """Return the hash of one event."""
    return hashlib.sha256(b"\x00" + event).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows by one leaf at a time; keeps only the roots of its complete subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.subtrees: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next event."""
        node, size = leaf, self.size
        while size % 2:  # two complete subtrees of equal size become one
            node, size = node_hash(self.subtrees.pop(), node), size // 2
        self.subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all events so far."""
        if not self.subtrees:
            return hashlib.sha256(b"").digest()
        root = self.subtrees[-1]
        for subtree in reversed(self.subtrees[:-1]):
            root = node_hash(subtree, root)
        return root


def root_from_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Climb from a leaf to the root (RFC 9162, 2.1.3.2)."""
    node, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            raise Tampered("the path is longer than the tree is high")
        if index % 2 or index == last:
            node = node_hash(sibling, node)
            while index % 2 == 0 and index:  # a right edge without a sibling on these levels
                index, last = index // 2, last // 2
        else:
            node = node_hash(node, sibling)
        index, last = index // 2, last // 2
    if last:
        raise Tampered("the path ends before the root")
    return node


# --- 3: keys, signed notes, checkpoints ---


def decode(text: str) -> bytes:
    """Decode base64 that has one spelling only."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Tampered("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Tampered("base64 with stray bits")
    return data


def read_keys(text: str) -> Keys:
    """Read lines ``name+id+base64``; the id is SHA-256(name, newline, 0x01, key)[:4] in hex."""
    keys: Keys = {}
    for line in text.split("\n"):
        if not line:
            continue
        name, key_id, encoded = (*line.split("+", 2), "", "")[:3]
        try:
            data = decode(encoded)
        except Tampered:
            raise CannotTell("a public key line cannot be read") from None
        computed = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
        if len(data) != 33 or data[0] != 1 or computed.hex() != key_id:
            raise CannotTell("a public key line cannot be read")
        keys[name, computed] = Ed25519PublicKey.from_public_bytes(data[1:])
    if not keys:
        raise CannotTell("no public key")
    return keys


def read_checkpoint(note: str, keys: Keys) -> tuple[Head, bool]:
    """Return (origin, size, root) of a checkpoint, and whether one of the keys signed it."""
    text, separator, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) != 3 or not signatures.endswith("\n") or str(int_or(lines[1])) != lines[1]:
        raise Tampered("not a checkpoint")
    signed = False
    for line in signatures[:-1].split("\n"):
        dash, name, blob = (*line.split(" "), "", "", "")[:3]
        if dash != "—" or len(line.split(" ")) != 3:
            raise Tampered("a signature line cannot be read")
        key = keys.get((name, decode(blob)[:4]))
        if key is not None:
            try:
                key.verify(decode(blob)[4:], f"{text}\n".encode())
            except InvalidSignature:
                raise Tampered("a signature is false") from None
            signed = True
    return (lines[0], int(lines[1]), decode(lines[2])), signed


def int_or(text: str) -> int:
    """Read a decimal number; anything else is -1."""
    return int(text) if text.isascii() and text.isdecimal() else -1


# --- 4: a receipt ---


def check_receipt(text: str, keys: Keys) -> str:
    """Check that the event of a receipt stands in a signed log."""
    proof, _, note = text.partition("\n\n")
    lines = proof.split("\n")
    if len(lines) < 3 or lines[0] != "c2sp.org/tlog-proof@v1" or int_or(lines[2].removeprefix("index ")) < 0:
        raise Tampered("not a receipt: a marker, an event and an index come first")
    event, index = decode(lines[1].removeprefix("extra ")), int_or(lines[2].removeprefix("index "))
    (origin, size, root), signed = read_checkpoint(note, keys)
    if not signed:
        raise Tampered("the checkpoint is not signed with this key")
    path = [decode(line) for line in lines[3:]]
    if index >= size or root_from_path(leaf_hash(event), index, size, path) != root:
        raise Tampered(f"event {index} is not in the log that was signed")
    return f"event {index} stands in the log of {size} events, {origin}:\n{event.decode()}"


# --- 5: a bundle ---


def check_bundle(folder: Path, keys: Keys, against: str | None) -> str:
    """Check every event of a bundle against every signed root."""
    expected: dict[int, list[tuple[bytes, str]]] = {}
    paths = list((folder / "checkpoints").glob("*.txt"))
    for path in paths:
        (origin, size, root), signed = read_checkpoint(path.read_bytes().decode(errors="replace"), keys)
        if not signed or path.stem != str(size) or origin not in {name for name, _ in keys}:
            raise Tampered(f"checkpoints/{path.name} is not signed by this log for that size")
        expected.setdefault(size, []).append((root, f"checkpoint {size}"))
    if not expected:
        raise CannotTell("there is no checkpoint")
    signed_size, doubt, outside_size = max(expected), "", 0
    if against is not None:
        outside_size, outside_root, doubt = read_outside(against, keys)
        expected.setdefault(outside_size, []).append((outside_root, f"the outside checkpoint {outside_size}"))
    tree, run = walk(folder, expected)
    if tree.size != signed_size:
        raise Tampered(f"{tree.size} events, but the last checkpoint says {signed_size}")
    if outside_size > tree.size:
        raise Tampered(f"the log ends at {tree.size}, the outside checkpoint says {outside_size}: it was set back")
    check_manifest(folder, tree, run)
    if doubt:
        raise CannotTell(doubt)
    return f"{tree.size} events under {len(paths)} signed checkpoints, root {tree.root().hex()}"


def read_outside(note: str, keys: Keys) -> tuple[int, bytes, str]:
    """Return size, root and a doubt, if any, of the checkpoint that the auditor kept."""
    try:
        (origin, size, root), signed = read_checkpoint(note, keys)
    except Tampered as reason:
        raise CannotTell(f"the outside checkpoint cannot be used: {reason}") from None
    if origin not in {name for name, _ in keys}:
        raise CannotTell("the outside checkpoint is of another log")
    return size, root, "" if signed else "the outside checkpoint agrees, but another key signed it"


def walk(folder: Path, expected: dict[int, list[tuple[bytes, str]]]) -> tuple[Tree, dict[str, Any]]:
    """Hash every event, compare the tree with each signed root on the way, and note what the run's events say."""
    run_id = json.loads((folder / "manifest.json").read_bytes())["run_id"]
    events, proved, tree = 0, 0, Tree()
    first = last = -1
    policies: set[str] = set()
    snapshots: set[str] = set()
    for seq, (line, leaf) in enumerate(zip_longest(lines_of(folder, "events.jsonl"), lines_of(folder, "leaves.txt"))):
        if line is None or leaf is None or leaf != leaf_hash(line[:-1]).hex().encode() + b"\n" or line[-1:] != b"\n":
            raise Tampered(f"first bad event: {seq} (it does not have the hash in leaves.txt)")
        tree.append(leaf_hash(line[:-1]))
        for root, name in expected.get(tree.size, []):
            if root != tree.root():
                raise Tampered(f"first bad event: between {proved} and {seq} (they are not those of {name})")
        proved = tree.size if tree.size in expected else proved
        event = json.loads(line) if run_id.encode() in line else {}
        if event.get("run_id") == run_id:
            events, first, last = events + 1, seq if first < 0 else first, seq
            policies |= {event["policy_sha256"]} - {None}
            snapshots |= {event["key"]} if event["type"] in ("ledger.accepted", "ledger.rejected") else set()
    said = {"run_id": run_id, "events": events, "first_seq": first, "last_seq": last}
    return tree, {**said, "policies": sorted(policies), "snapshots": sorted(snapshots)}


def lines_of(folder: Path, name: str) -> Iterator[bytes]:
    """Read a file line by line, as bytes."""
    with (folder / name).open("rb") as file:
        yield from file


def check_manifest(folder: Path, tree: Tree, run: dict[str, Any]) -> None:
    """Compare the manifest and the policy texts with what the events say."""
    whole = {**run, "format": 1, "size": tree.size, "root": tree.root().hex()}
    written = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    if (folder / "manifest.json").read_bytes() != written.encode():
        raise Tampered("manifest.json does not say what the events of the run say")
    texts = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "policy").glob("*.json")}
    if texts != {name: name for name in whole["policies"]}:
        raise Tampered("policy/ does not hold exactly the texts that the events name")


def main() -> int:
    """Read the arguments, judge, say so."""
    parser = argparse.ArgumentParser(description="Check a bundle or a receipt of Arrears.")
    parser.add_argument("path", type=Path, help="bundle folder, or receipt file")
    parser.add_argument("--against", type=Path, help="a checkpoint that you kept yourself")
    parser.add_argument("--vkey", type=Path, help="the public key, from a source you trust")
    given = parser.parse_args()
    try:
        if given.vkey is None and not given.path.is_dir():
            raise CannotTell("a receipt needs --vkey")
        keys = read_keys((given.vkey or given.path / "vkey.txt").read_text(encoding="utf-8"))
        if given.path.is_dir():
            found = check_bundle(given.path, keys, given.against and given.against.read_text(encoding="utf-8"))
        else:
            found = check_receipt(given.path.read_text(encoding="utf-8"), keys)
    except Tampered as reason:
        return say(1, f"TAMPERED: {reason}")
    except (CannotTell, OSError, ValueError, KeyError, TypeError) as reason:
        return say(2, f"cannot tell: {reason}")
    return say(0, f"intact: {found}")


def say(exit_code: int, sentence: str) -> int:
    """Print the answer and return the exit code."""
    sys.stdout.write(f"{sentence}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
