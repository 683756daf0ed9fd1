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
  5. The manifest, the policy texts and the packet manifests of a bundle are those that its events name.
  6. A second signing key is introduced by an event that the first key signed, or, if that was lost, by people.

What it cannot know: whether the public key is the right one. Take it (--vkey), and one old checkpoint (--against),
from somewhere the other party cannot reach: your own mailbox, where every morning's digest brought one. Without
--against, whoever holds the signing key could have written the whole log anew.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PARTS = ("events.jsonl", "leaves.txt", "vkey.txt", "manifest.json", "checkpoints")
MEMBER = re.compile(
    r"(events\.jsonl|leaves\.txt|vkey\.txt|manifest\.json|checkpoints(/[0-9]+\.txt)?|(policy|packets)(/[0-9a-f]+\.json)?)"
)
RECEIPT = "c2sp.org/tlog-proof@v1"


class Tampered(Exception):
    """Something is not what was signed; ``seq`` is the first event that cannot be believed, if there is one."""

    def __init__(self, said: str, seq: int | None = None) -> None:
        super().__init__(said if seq is None else f"first bad event {seq}: {said}")


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


class Key:
    """A public key, read from a line ``name+id+base64``; the id is SHA-256(name, newline, 0x01, key)[:4] in hex."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.name, written, encoded = (*line.split("+", 2), "", "")[:3]
        try:
            data = decode(encoded)
        except Tampered:
            raise CannotTell("a public key line cannot be read") from None
        self.id = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        if len(data) != 33 or data[0] != 1 or self.id.hex() != written:
            raise CannotTell("a public key line cannot be read")
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])


def read_keys(text: str) -> list[Key]:
    """Read the lines of a file of public keys."""
    keys = [Key(line) for line in text.split("\n") if line]
    if not keys:
        raise CannotTell("no public key")
    return keys


def open_note(note: str, keys: list[Key]) -> tuple[str, list[Key]]:
    """Return the text of a signed note, and which of the keys have signed it; a false signature is an end."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise Tampered("not a signed note")
    signers: list[Key] = []
    for line in signatures[:-1].split("\n"):
        dash, name, blob = (*line.split(" "), "", "", "")[:3]
        if dash != "—" or len(line.split(" ")) != 3 or len(decode(blob)) < 5:
            raise Tampered("a signature line cannot be read")
        for key in keys:
            if (key.name, key.id) == (name, decode(blob)[:4]):
                try:
                    key.public.verify(decode(blob)[4:], f"{text}\n".encode())
                except InvalidSignature:
                    raise Tampered("a signature is false") from None
                signers.append(key)
    return f"{text}\n", signers


def read_checkpoint(note: str, keys: list[Key]) -> tuple[str, int, bytes, list[Key]]:
    """Return origin, size and root of a checkpoint, and which of the keys have signed it."""
    text, signers = open_note(note, keys)
    lines = text.split("\n")
    if len(lines) != 4 or str(int_or(lines[1])) != lines[1]:
        raise Tampered("not a checkpoint")
    return lines[0], int(lines[1]), decode(lines[2]), signers


def int_or(text: str) -> int:
    """Read a decimal number; anything else is -1."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1


# --- 4: a receipt ---


def check_receipt(text: str, keys: list[Key]) -> str:
    """Check that the event of a receipt stands in a signed log."""
    proof, _, note = text.partition("\n\n")
    lines = proof.split("\n")
    if [line.split(" ")[0] for line in lines[:3]] != [RECEIPT, "extra", "index"]:
        raise Tampered("not a receipt: a marker, an event and an index come first")
    event, index = decode(lines[1].removeprefix("extra ")), int_or(lines[2].removeprefix("index "))
    if lines[2] != f"index {index}":
        raise Tampered("the index is no number")
    origin, size, root, signers = read_checkpoint(note, keys)
    if not signers:
        raise Tampered("the checkpoint is not signed with this key")
    path = [decode(line) for line in lines[3:]]
    if index >= size or root_from_path(leaf_hash(event), index, size, path) != root:
        raise Tampered("it is not in the log that was signed", index)
    return f"event {index} stands in the log of {size} events, {origin}:\n{event.decode()}"


# --- 5: a bundle ---


def check_bundle(folder: Path, trusted: list[Key] | None, against: str | None) -> str:
    """Check every event of a bundle against every signed root."""
    check_members(folder)
    keys = read_keys(text_of(folder / "vkey.txt"))
    if trusted and not {key.line for key in trusted} & {key.line for key in keys}:
        raise Tampered("it is signed with other keys than the one you gave", 0)
    heads = read_heads(folder, keys)
    expected = {size: [(root, f"checkpoint {size}")] for size, root, _ in heads}
    before = max(expected)
    doubt, outside_size = "", 0
    if against is not None:
        outside_size, outside_root, doubt = read_outside(against, [*keys, *(trusted or [])])
        expected.setdefault(outside_size, []).append((outside_root, f"the outside checkpoint {outside_size}"))
    tree, run, changes, proved = walk(folder, expected)
    check_manifest(folder, tree, run)
    if tree.size < before:
        raise Tampered(f"{tree.size} events are left, the last checkpoint says {before}", proved)
    if tree.size > before:
        raise Tampered(f"{tree.size - before} events stand behind the last checkpoint", before)
    if outside_size > tree.size:
        said = f"the log ends here, the outside checkpoint says {outside_size}: it was set back, or the bundle is of an"
        raise Tampered(f"{said} earlier run than the checkpoint: ask for a later one", tree.size)
    check_key_changes(keys, changes, heads, trusted)
    if doubt:
        raise CannotTell(doubt)
    return f"{tree.size} events under {len(heads)} signed checkpoints, root {tree.root().hex()}"


def check_members(folder: Path) -> None:
    """Nothing may lie in a bundle that no signature speaks for."""
    if not any((folder / name).exists() for name in PARTS):
        raise CannotTell("it is no bundle: nothing of one is in it")
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path.is_symlink() or not MEMBER.fullmatch(place) or path.is_dir() == bool(path.suffix):
            raise Tampered(f"{place} does not belong to a bundle, nothing vouches for it", 0)


def read_heads(folder: Path, keys: list[Key]) -> list[tuple[int, bytes, list[Key]]]:
    """Return size, root and signers of the checkpoints, by size."""
    heads: list[tuple[int, bytes, list[Key]]] = []
    for path in sorted((folder / "checkpoints").glob("*.txt"), key=lambda path: int_or(path.stem)):
        before = heads[-1][0] if heads else 0
        try:
            origin, size, root, signers = read_checkpoint(path.read_bytes().decode(errors="replace"), keys)
        except Tampered as reason:
            raise Tampered(f"checkpoints/{path.name}: {reason}", before) from None
        if not signers or path.stem != str(size) or origin not in {key.name for key in keys}:
            raise Tampered(f"checkpoints/{path.name} is not signed by this log for that size", before)
        heads.append((size, root, signers))
    if not heads:
        raise CannotTell("there is no checkpoint")
    return heads


def from_mail(note: str) -> str:
    """Return a note as it was signed from one copied out of a mail: quoted, indented, without its empty line."""
    lines = [line.strip().removeprefix(">").strip() for line in note.splitlines()]
    lines = [line for line in lines if line]
    signed = next((place for place, line in enumerate(lines) if line.startswith("— ")), len(lines))
    return "\n".join([*lines[:signed], "", *lines[signed:], ""])


def read_outside(note: str, keys: list[Key]) -> tuple[int, bytes, str]:
    """Return size, root and a doubt, if any, of the checkpoint that the auditor kept."""
    try:
        origin, size, root, signers = read_checkpoint(from_mail(note), keys)
    except Tampered as reason:
        raise CannotTell(f"the outside checkpoint cannot be used: {reason}") from None
    if origin not in {key.name for key in keys}:
        raise CannotTell("the outside checkpoint is of another log")
    return size, root, "" if signers else "the outside checkpoint agrees, but another key signed it"


Changes = list[tuple[int, dict[str, Any]]]


def walk(folder: Path, expected: dict[int, list[tuple[bytes, str]]]) -> tuple[Tree, dict[str, Any], Changes, int]:
    """Hash every event, compare the tree with each signed root on the way, and note what the run's events say."""
    run_id = str(json.loads((folder / "manifest.json").read_bytes())["run_id"])
    events, proved, tree, changes = 0, 0, Tree(), []
    first = last = -1
    policies: set[str] = set()
    snapshots: set[str] = set()
    packets: set[str] = set()
    for seq, (line, leaf) in enumerate(zip_longest(lines_of(folder, "events.jsonl"), lines_of(folder, "leaves.txt"))):
        if line is None or leaf is None or leaf != leaf_hash(line[:-1]).hex().encode() + b"\n" or line[-1:] != b"\n":
            raise Tampered("it does not have the hash in leaves.txt", seq)
        tree.append(leaf_hash(line[:-1]))
        for root, name in expected.get(tree.size, []):
            if root != tree.root():
                raise Tampered(f"events {proved} to {seq} are not those of {name}", proved)
        proved = tree.size if tree.size in expected else proved
        of_run, of_keys = run_id.encode() in line, b'"type":"key.r' in line
        try:
            event = json.loads(line) if of_run or of_keys else {}
            if of_keys and event["type"] in ("key.rotated", "key.replaced"):
                changes.append((seq, event))
            if event.get("run_id") == run_id:
                events, first, last = events + 1, seq if first < 0 else first, seq
                policies |= {event["policy_sha256"]} - {None}
                snapshots |= {event["key"]} if event["type"] in ("ledger.accepted", "ledger.rejected") else set()
                packets |= {event["data"]["manifest_sha256"]} if event["type"] == "packet.built" else set()
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            raise Tampered("it is not an event", seq) from None
    for path in (folder / "packets").glob("*.json"):  # one may be gone, for people are erased; none may be another
        if path.stem not in packets or hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            raise Tampered("packets/ holds a manifest that the events do not name", max(first, 0))
    said = {"run_id": run_id, "events": events, "first_seq": first, "last_seq": last}
    return tree, {**said, "policies": sorted(policies), "snapshots": sorted(snapshots)}, changes, proved


def lines_of(folder: Path, name: str) -> Iterator[bytes]:
    """Read a file line by line, as bytes."""
    with (folder / name).open("rb") as file:
        yield from file


def check_manifest(folder: Path, tree: Tree, run: dict[str, Any]) -> None:
    """Compare the manifest and the policy texts with what the events say."""
    whole = {**run, "format": 1, "size": tree.size, "root": tree.root().hex()}
    written = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    if (folder / "manifest.json").read_bytes() != written.encode():
        raise Tampered("manifest.json does not say what the events of the run say", max(run["first_seq"], 0))
    texts = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "policy").glob("*.json")}
    if texts != {name: name for name in whole["policies"]}:
        raise Tampered("policy/ does not hold exactly the texts that the events name", run["first_seq"])


# --- 6: more than one signing key ---


def check_key_changes(
    keys: list[Key], changes: Changes, heads: list[tuple[int, bytes, list[Key]]], trusted: list[Key] | None
) -> None:
    """Follow the keys from the first one on: who let each sign, and did each sign only in its time."""
    trusted_lines = {key.line for key in trusted or keys}
    reigns, doubt = [(0, keys[0])], ""
    for seq, event in changes:
        data, old = event["data"], reigns[-1][1]
        new = Key(data["new_vkey"])
        lost = event["type"] == "key.replaced"  # then the old key can sign nothing; the new one shows that it exists
        text, signers = open_note(data["note"], [new if lost else old])
        if not signers or text != f"arrears key change v1\n{old.line}\n{new.line}\n" or new.name != old.name:
            raise Tampered("it changes the signing key, but not from the key that was in force", seq)
        if new.line in trusted_lines:
            doubt = ""
        elif lost and not doubt:
            people = ", ".join(data["attested_by"])
            doubt = f"event {seq} says that the key was lost and replaced, attested by {people}: get the new one there"
        reigns.append((seq, new))
    if sorted(key.line for key in keys) != sorted({key.line for _, key in reigns}) or len(keys) != len(reigns):
        raise Tampered("vkey.txt names a key that no event introduces", 0)
    before = 0
    for size, _, signers in heads:
        in_force = [key for seq, key in reigns if seq < size][-1]
        if in_force.line not in {key.line for key in signers}:
            raise Tampered(f"checkpoint {size} is not signed with the key that was in force", before)
        before = size
    if doubt:
        raise CannotTell(doubt)


def main() -> int:
    """Read the arguments, judge, say so."""
    parser = argparse.ArgumentParser(description="Check a bundle or a receipt of Arrears.")
    parser.add_argument("path", type=Path, help="bundle folder, or receipt file")
    parser.add_argument("--against", type=Path, help="a checkpoint that you kept yourself")
    parser.add_argument("--vkey", type=Path, help="the public keys, one a line, from a source you trust")
    given = parser.parse_args()
    try:
        trusted = read_keys(text_of(given.vkey)) if given.vkey else None
        if given.path.is_dir():
            found = check_bundle(given.path, trusted, given.against and text_of(given.against))
        else:
            text = text_of(given.path)
            if "\ufffd" in text and not text.startswith(RECEIPT):
                raise CannotTell("it is neither a receipt nor an unpacked bundle")
            if trusted is None:
                raise CannotTell("a receipt needs --vkey")
            found = check_receipt(text, trusted)
    except Tampered as reason:
        return say(1, f"TAMPERED: {reason}")
    except OSError as reason:
        return say(2, f"cannot tell: {reason.filename}: {reason.strerror}")
    except (CannotTell, RecursionError, ValueError, KeyError, TypeError) as reason:
        return say(2, f"cannot tell: {reason}")
    return say(0, f"intact: {found}")


def text_of(path: Path) -> str:
    """Read a text, however its lines end; what is no letter becomes one that no signature covers."""
    return path.read_text(encoding="utf-8", errors="replace")


def say(exit_code: int, sentence: str) -> int:
    """Print the answer and return the exit code."""
    sys.stdout.write(f"{sentence}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
