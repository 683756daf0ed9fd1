"""Bundles and receipts as somebody would change them who knows the format: one clear line and the same exit code.

Both verifiers are asked, each as a command; neither may strike an error that nobody meant.
"""

import base64
import json
import re
import runpy
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import Engine

from arrears.audit.checkpoint import Signer, known_keys
from arrears.audit.export import export_bundle
from arrears.audit.merkle import leaf_hash
from arrears.audit.receipt import write_receipt
from arrears.audit.record import Event, record_many
from arrears.audit.seal import seal
from arrears.core.runtime import Runtime
from arrears.store.engine import writing

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 12)
STANDALONE = runpy.run_path(str(ROOT / "docs" / "verify.py"), run_name="docs_verify")
DEEP = b"[" * 200_000
LONG = "1" * 5_000


@pytest.fixture
def handed(store: Engine, rt: Runtime, tmp_path: Path) -> Path:
    """What an auditor has in a folder: a bundle of two runs, a receipt, the public key."""
    for turn, count in enumerate((3, 6)):
        events = (Event("account.staged", f"key-{turn}-{n}", DAY, f"subject-{turn}-{n}") for n in range(count))
        with writing(store) as connection:
            record_many(connection, rt, run_id=f"run-{turn}", events=events)
        seal(rt, store)
    folder = tmp_path / "handed"
    folder.mkdir()
    export_bundle(store, "run-1", folder / "bundle", lambda _packet: None)
    (folder / "receipt").write_text(write_receipt(store, "subject-1-2", DAY), encoding="utf-8")
    (folder / "vkey.txt").write_text("\n".join(known_keys(rt.settings)) + "\n", encoding="utf-8")
    return folder


def run(program: Callable[[], object], *words: object) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.setattr("sys.argv", [*map(str, words)])
        try:
            code = program()
        except SystemExit as left:
            code = left.code
    return int(str(code or 0)), out.getvalue()


def asked(path: Path, *words: object) -> int:
    """Ask both verifiers, and return the exit code on which they agree."""
    from arrears.cli import main

    ours, theirs = run(main, "arrears", "verify", path, *words), run(STANDALONE["main"], "verify.py", path, *words)
    assert ours[0] == theirs[0], (ours, theirs)
    for _, said in (ours, theirs):
        assert len(said.splitlines()) <= 2, said  # a receipt shows its event below
        assert not re.search(r"Traceback|Error\b|object has no|\[Errno", said), said
    return ours[0]


def swapped(bundle: Path, seq: int, line: bytes) -> None:
    """Put another line in an event's place, with its hash."""
    content = (bundle / "events.jsonl").read_bytes().splitlines()
    content[seq] = line
    (bundle / "events.jsonl").write_bytes(b"".join(one + b"\n" for one in content))
    (bundle / "leaves.txt").write_text("".join(f"{leaf_hash(one).hex()}\n" for one in content), encoding="utf-8")


def edited(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        (bundle / name).write_bytes(change((bundle / name).read_bytes()))

    return apply


def foreign(bundle: Path) -> None:
    """The checkpoint of another installation, under the name of ours."""
    text = (bundle / "checkpoints" / "9.txt").read_text(encoding="utf-8").rpartition("\n\n")[0] + "\n"
    other = "arrears/0123456789abcdef"
    note = Signer(other, bytes(32)).sign(text.replace(text.split("\n")[0], other))
    (bundle / "checkpoints" / "9.txt").write_text(note, encoding="utf-8")


BUNDLES: dict[str, tuple[Callable[[Path], object], int]] = {
    "nothing": (lambda bundle: None, 0),
    "a report beside the events": (lambda b: (b / "summary.txt").write_text("all is well"), 1),
    "a hidden folder": (lambda b: (b / ".more").mkdir(), 1),
    "a policy of another kind of file": (lambda b: (b / "policy" / "cn.yaml").write_text("x"), 1),
    "a picture among the packets": (
        lambda b: [(b / "packets").mkdir(), (b / "packets" / "a.pdf").write_bytes(b"x")], 1),
    "a note among the checkpoints": (lambda b: (b / "checkpoints" / "README").write_text("x"), 1),
    "a checkpoint twice, once with a nought before": (
        lambda b: shutil.copy(b / "checkpoints" / "9.txt", b / "checkpoints" / "09.txt"), 1),
    "a checkpoint named in other digits": (
        lambda b: (b / "checkpoints" / "9.txt").rename(b / "checkpoints" / "٩.txt"), 1),
    "a checkpoint without a number": (
        lambda b: shutil.copy(b / "checkpoints" / "9.txt", b / "checkpoints" / "last.txt"), 1),
    "a folder named as a checkpoint": (lambda b: (b / "checkpoints" / "10.txt").mkdir(), 1),
    "a checkpoint of another log": (foreign, 1),
    "a size of 5,000 digits": (edited("checkpoints/9.txt", lambda c: c.replace(b"\n9\n", f"\n{LONG}\n".encode())), 1),
    "events cut in the middle of a line": (edited("events.jsonl", lambda c: c[:-40]), 1),
    "an empty file of events": (edited("events.jsonl", lambda c: b""), 1),
    "an event that is no JSON": (lambda b: swapped(b, 7, b'run-1 "type":"key.r'), 1),
    "an event that is a list": (lambda b: swapped(b, 7, b'["run-1", "type", {"type":"key.r"}]'), 1),
    "an event without a part": (lambda b: swapped(b, 7, b'{"run_id":"run-1","type":"packet.built"}'), 1),
    "an event whose policy is a list": (
        lambda b: swapped(b, 7, b'{"run_id":"run-1","type":"x","policy_sha256":[],"key":"k"}'), 1),
    "an event that nests without an end": (lambda b: swapped(b, 7, b'run-1"type":"key.rotated"' + DEEP), 1),
    "a change of the key that says nothing": (
        lambda b: swapped(b, 7, b'{"run_id":"x","type":"key.rotated","data":"run-1"}'), 1),
    "a manifest that is a number": (edited("manifest.json", lambda c: b"7"), 2),
    "a manifest without a run": (edited("manifest.json", lambda c: b"{}"), 2),
    "a manifest whose run is a number": (edited("manifest.json", lambda c: b'{"run_id":7}'), 1),
    "a manifest that nests without an end": (edited("manifest.json", lambda c: DEEP), 2),
    "a manifest that is no text": (edited("manifest.json", lambda c: b"\xff\xfe"), 2),
    "keys that are no text": (edited("vkey.txt", lambda c: b"\xff\xfe"), 2),
    "no key": (edited("vkey.txt", lambda c: b""), 2),
    "a folder in the place of the events": (lambda b: [(b / "events.jsonl").unlink(), (b / "events.jsonl").mkdir()], 1),
    "a link out of the bundle": (
        lambda b: [(b / "leaves.txt").rename(b.parent / "l"), (b / "leaves.txt").symlink_to(b.parent / "l")], 1),
}  # fmt: skip


@pytest.mark.parametrize("attack", BUNDLES)
def test_a_bundle_that_somebody_changed_is_answered_in_one_line_by_both_verifiers(handed: Path, attack: str) -> None:
    change, code = BUNDLES[attack]
    change(handed / "bundle")
    assert asked(handed / "bundle") == code


def in_lines(change: Callable[[list[str]], object]) -> Callable[[bytes], bytes]:
    def apply(content: bytes) -> bytes:
        lines = content.decode().split("\n")
        change(lines)
        return "\n".join(lines).encode()

    return apply


def exchange(one: int, other: int) -> Callable[[bytes], bytes]:
    def change(lines: list[str]) -> None:
        lines[one], lines[other] = lines[other], lines[one]

    return in_lines(change)


def other_event(content: bytes) -> bytes:
    """The same receipt around an event that somebody would have liked better."""
    lines = content.decode().split("\n")
    event = json.loads(base64.b64decode(lines[1].removeprefix("extra "))) | {"data": {"stage": 0}}
    lines[1] = "extra " + base64.b64encode(json.dumps(event).encode()).decode()
    return "\n".join(lines).encode()


RECEIPTS: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "nothing": (lambda content: content, 0),
    "event and index exchanged": (exchange(1, 2), 1),
    "two hashes exchanged": (exchange(3, 4), 1),
    "marker and event exchanged": (exchange(0, 1), 1),
    "another index": (in_lines(lambda lines: lines.__setitem__(2, "index 3")), 1),
    "an index with noughts before": (lambda content: content.replace(b"index ", b"index 00"), 1),
    "an index without its word": (lambda content: content.replace(b"index ", b""), 1),
    "an event without its word": (lambda content: content.replace(b"extra ", b""), 1),
    "an index of 5,000 digits": (in_lines(lambda lines: lines.__setitem__(2, f"index {LONG}")), 1),
    "an index in other digits": (in_lines(lambda lines: lines.__setitem__(2, "index ٥")), 1),
    "another event": (other_event, 1),
    "a hash too few": (in_lines(lambda lines: lines.pop(3)), 1),
    "a hash too many": (in_lines(lambda lines: lines.insert(3, lines[3])), 1),
    "a hash that is too short": (in_lines(lambda lines: lines.__setitem__(3, "AAAA")), 1),
    "a size of 5,000 digits": (lambda content: content.replace(b"\n9\n", f"\n{LONG}\n".encode()), 1),
    "text behind the signature": (lambda content: content + b"paid in full\n", 1),
    "a second signature that is none": (lambda content: content + "— somebody AAAA\n".encode(), 1),
    "the signature taken off": (in_lines(lambda lines: lines.__delitem__(-2)), 1),
    "the ends of lines of another system": (lambda content: content.replace(b"\n", b"\r\n"), 0),
    "half of it": (lambda content: content[: len(content) // 2], 1),
    "nothing left of it": (lambda content: b"", 1),
    "a packed file": (lambda content: b"PK\x03\x04\xff" + bytes(40), 2),
    "a picture": (lambda content: b"\x89PNG\r\n\xff\xfe", 2),
}


@pytest.mark.parametrize("attack", RECEIPTS)
def test_a_receipt_that_somebody_changed_is_answered_in_one_line_by_both_verifiers(handed: Path, attack: str) -> None:
    change, code = RECEIPTS[attack]
    edited("receipt", change)(handed)
    assert asked(handed / "receipt", "--vkey", handed / "vkey.txt") == code


GIVEN: dict[str, tuple[bytes | None, int]] = {
    "no text": (b"\xff\xfe", 2), "nothing": (b"", 2), "a receipt": (None, 2), "lines of another system": (b"crlf", 0),
}  # fmt: skip


@pytest.mark.parametrize("what", GIVEN)
def test_a_public_key_that_is_none_is_told_and_never_taken_for_tampering(handed: Path, what: str) -> None:
    content, code = GIVEN[what]
    receipt, vkey = (handed / "receipt").read_bytes(), (handed / "vkey.txt").read_bytes()
    (handed / "vkey.txt").write_bytes(
        {None: receipt, b"crlf": vkey.replace(b"\n", b"\r\n")}.get(content) or content or b""
    )
    for path in (handed / "receipt", handed / "bundle"):
        assert asked(path, "--vkey", handed / "vkey.txt") == code


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"PK\x03\x04", f"x\n{LONG}\nAAAA\n\n— x AAAA\n".encode()])
def test_an_outside_checkpoint_that_cannot_be_used_is_told_and_never_taken_for_tampering(
    handed: Path, content: bytes
) -> None:
    (handed / "old.txt").write_bytes(content)
    assert asked(handed / "bundle", "--against", handed / "old.txt") == 2


def test_a_path_that_is_not_there_and_a_packed_bundle_are_told(handed: Path) -> None:
    missing, packed = handed / "missing", handed / "bundle.zip"
    assert run(STANDALONE["main"], "verify.py", missing) == (2, f"cannot tell: {missing}: No such file or directory\n")
    packed.write_bytes(b"PK\x03\x04\xff" + bytes(40))
    said = "cannot tell: it is neither a receipt nor an unpacked bundle\n"
    assert run(STANDALONE["main"], "verify.py", packed) == (2, said)
