"""What leaves the house proves itself: a bundle and a receipt, to our verifier and to the auditor's single file."""

import json
import random
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as engine_event

from arrears.audit.checkpoint import Signer, known_keys
from arrears.audit.export import export_bundle
from arrears.audit.merkle import leaf_hash
from arrears.audit.receipt import receipt_event, verify_receipt, write_receipt
from arrears.audit.record import Event, record_many
from arrears.audit.seal import seal
from arrears.audit.verify import verify_bundle
from arrears.core.errors import BadArguments, CannotTell
from arrears.core.keys import canonical, sha256
from arrears.core.runtime import Runtime
from arrears.store.engine import reading, writing
from arrears.store.tables.runs import policy_text

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 12)
POLICY = canonical({"policy_id": "cn", "creditor": "示例公司"}).decode()
SNAPSHOT = sha256(b"snapshot")
STANDALONE = runpy.run_path(str(ROOT / "docs" / "verify.py"), run_name="docs_verify")


@pytest.fixture
def sealed(store: Engine, rt: Runtime) -> Engine:
    """Three runs under three checkpoints; the second is the one that is handed out."""
    with writing(store) as connection:
        row = {"policy_sha256": sha256(POLICY.encode()), "policy_id": "cn", "version": "1", "effective_from": DAY}
        connection.execute(policy_text.insert(), row | {"body": POLICY})
    for turn, count in enumerate((5, 23, 4)):
        with writing(store) as connection:
            accepted = Event("ledger.accepted", SNAPSHOT, DAY)
            staged = (event(turn, n) for n in range(count - 1))
            record_many(connection, rt, run_id=f"run-{turn}", events=[accepted, *staged])
        seal(rt, store)
    return store


def event(turn: int, number: int) -> Event:
    data = {"n": number, "branch": "广州\n分公司"}
    on = DAY + timedelta(days=turn)
    policy = sha256(POLICY.encode())
    return Event("account.staged", f"key-{turn}-{number:03}", on, f"subject-{number}", data=data, policy_sha256=policy)


@pytest.fixture
def bundle(sealed: Engine, tmp_path: Path) -> Path:
    return export_bundle(sealed, "run-1", tmp_path / "bundle", lambda _packet: None)


def standalone(*arguments: object) -> int:
    """The exit code of docs/verify.py, in this process: starting Python hundreds of times would take minutes."""
    return told(*arguments)[0]


def told(*arguments: object) -> tuple[int, int | None]:
    """The exit code of docs/verify.py and the first bad event that it names."""
    argv, sys.argv = sys.argv, ["verify.py", *map(str, arguments)]
    try:
        with redirect_stdout(StringIO()) as said:
            code = int(STANDALONE["main"]())
    finally:
        sys.argv = argv
    found = re.search(r"first bad event (\d+):", said.getvalue())
    return code, int(found[1]) if found else None


def both(path: Path) -> tuple[int, int]:
    return verify_bundle(path).exit_code, standalone(path)


def test_a_bundle_holds_the_log_up_to_the_checkpoint_of_its_run(bundle: Path) -> None:
    assert sorted(path.name for path in (bundle / "checkpoints").iterdir()) == ["28.txt", "5.txt"]
    assert len((bundle / "events.jsonl").read_bytes().split(b"\n")) == 28 + 1
    assert [path.read_text(encoding="utf-8") for path in (bundle / "policy").iterdir()] == [POLICY]
    assert SNAPSHOT in (bundle / "manifest.json").read_text(encoding="utf-8")
    verdict = verify_bundle(bundle)
    assert (verdict.status, verdict.size) == ("intact", 28)


def test_a_bundle_verifies_on_a_machine_without_arrears(bundle: Path, rt: Runtime, tmp_path: Path) -> None:
    program = shutil.copy(ROOT / "docs" / "verify.py", tmp_path / "verify.py")
    against = rt.settings.home / "checkpoints" / "5.txt"
    blocked = (
        "import sys, runpy; sys.modules['arrears'] = None\n"
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", blocked, program, bundle, "--against", against]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "intact"), done


def test_the_single_file_names_nothing_of_ours() -> None:
    source = (ROOT / "docs" / "verify.py").read_text(encoding="utf-8")
    assert "import arrears" not in source
    assert "from arrears" not in source
    assert len(source.splitlines()) < 420


def test_a_flip_of_any_byte_of_the_events_is_tampering(bundle: Path) -> None:
    file, chance = bundle / "events.jsonl", random.Random(11)
    whole = file.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == 10]
    places = {0, 1, len(whole) - 1, *ends, *(chance.randrange(len(whole)) for _ in range(60))}
    for place in sorted(places):
        bit = chance.randrange(8)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        verdict = verify_bundle(bundle)
        bad = whole[:place].count(b"\n")
        assert (verdict.exit_code, verdict.first_bad_seq) == (1, bad), (place, bit)
        assert told(bundle) == (1, bad), (place, bit)


def lines(change: Callable[[list[bytes]], object]) -> Callable[[Path], None]:
    """Change events and leaves alike, as somebody would who knows the format."""

    def apply(bundle: Path) -> None:
        for name in ("events.jsonl", "leaves.txt"):
            content = (bundle / name).read_bytes().splitlines(keepends=True)
            change(content)
            (bundle / name).write_bytes(b"".join(content))

    return apply


def rewritten(bundle: Path) -> None:
    events = (bundle / "events.jsonl").read_bytes().splitlines(keepends=True)
    events[9] = events[9].replace(b'"actor":"system"', b'"actor":"nobody"')
    (bundle / "events.jsonl").write_bytes(b"".join(events))
    leaves = [STANDALONE["leaf_hash"](line[:-1]).hex() + "\n" for line in events]
    (bundle / "leaves.txt").write_text("".join(leaves), encoding="utf-8")


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        [file] = list(bundle.glob(name))
        content = file.read_text(encoding="utf-8")
        assert old in content
        file.write_text(content.replace(old, new), encoding="utf-8")

    return apply


def foreign_head(bundle: Path) -> None:
    file = bundle / "checkpoints" / "28.txt"
    text = file.read_text(encoding="utf-8").rpartition("\n\n")[0] + "\n"
    file.write_text(Signer(text.split("\n")[0], bytes(32)).sign(text), encoding="utf-8")


@pytest.mark.parametrize(
    "tamper",
    [
        lines(lambda content: content.pop()),
        lines(lambda content: content.pop(7)),
        lines(lambda content: content.insert(3, content[5])),
        lines(lambda content: content.append(content[5])),
        lines(lambda content: content.reverse()),
        rewritten,
        foreign_head,
        edit("leaves.txt", "a", "A"),
        edit("manifest.json", '"events":23', '"events":22'),
        edit("manifest.json", "run-1", "run-0"),
        edit("manifest.json", "{", "{ "),
        edit("policy/*.json", "示例公司", "别的公司"),
        edit("checkpoints/5.txt", "\n5\n", "\n6\n"),
        lambda bundle: (bundle / "checkpoints" / "28.txt").unlink(),
        lambda bundle: (bundle / "checkpoints" / "5.txt").rename(bundle / "checkpoints" / "6.txt"),
        lambda bundle: (bundle / "policy" / ("0" * 64 + ".json")).write_text("{}", encoding="utf-8"),
        lambda bundle: shutil.rmtree(bundle / "policy"),
    ],
)
def test_whatever_is_changed_in_a_bundle_is_tampering(bundle: Path, tamper: Callable[[Path], None]) -> None:
    tamper(bundle)
    verdict = verify_bundle(bundle)
    assert verdict.exit_code == 1
    assert told(bundle) == (1, verdict.first_bad_seq)


Damage = Callable[[Path, random.Random], tuple[int, int]]
"""Damages a bundle of 28 events and returns the span in which the first bad event must be named."""

RUN_FROM, HEAD = 5, 28


def change_lines(bundle: Path, change: Callable[[list[bytes]], object], *, hashes: bool = True) -> None:
    for name in ("events.jsonl", "leaves.txt")[: 1 + hashes]:
        content = (bundle / name).read_bytes().splitlines(keepends=True)
        change(content)
        (bundle / name).write_bytes(b"".join(content))


def proved_before(seq: int) -> int:
    return RUN_FROM if seq >= RUN_FROM else 0


def flip_a_bit(bundle: Path, chance: random.Random) -> tuple[int, int]:
    file = bundle / chance.choice(["events.jsonl", "leaves.txt"])
    whole = bytearray(file.read_bytes())
    place = chance.randrange(len(whole))
    seq = bytes(whole[:place]).count(b"\n")
    whole[place] ^= 1 << chance.randrange(8)
    file.write_bytes(whole)
    return seq, seq


def delete_an_event(bundle: Path, chance: random.Random) -> tuple[int, int]:
    seq, hashes = chance.randrange(HEAD), chance.random() < 0.5
    change_lines(bundle, lambda content: content.pop(seq), hashes=hashes)
    return (proved_before(seq) if hashes else seq), seq


def swap_two_events(bundle: Path, chance: random.Random) -> tuple[int, int]:
    one, two = sorted(chance.sample(range(HEAD), 2))

    def swap(content: list[bytes]) -> None:
        content[one], content[two] = content[two], content[one]

    hashes = chance.random() < 0.5
    change_lines(bundle, swap, hashes=hashes)
    return (proved_before(one) if hashes else one), one


def add_an_event(bundle: Path, chance: random.Random) -> tuple[int, int]:
    place, source = chance.randrange(HEAD + 1), chance.randrange(HEAD)
    change_lines(bundle, lambda content: content.insert(place, content[source]))
    return proved_before(place), max(place, HEAD)


def rewrite_an_event(bundle: Path, chance: random.Random) -> tuple[int, int]:
    """With its hash, as somebody would who knows the format."""
    seq = chance.randrange(HEAD)
    new = b'"actor":"nobody%d"' % chance.randrange(9)

    def rewrite(content: list[bytes]) -> None:
        content[seq] = content[seq].replace(b'"actor":"system"', new)

    change_lines(bundle, rewrite, hashes=False)
    events = (bundle / "events.jsonl").read_bytes().splitlines()
    (bundle / "leaves.txt").write_text("".join(leaf_hash(line).hex() + "\n" for line in events), encoding="utf-8")
    return proved_before(seq), seq


def flip_a_checkpoint(bundle: Path, chance: random.Random) -> tuple[int, int]:
    size = chance.choice([RUN_FROM, HEAD])
    file = bundle / "checkpoints" / f"{size}.txt"
    whole = bytearray(file.read_bytes())
    whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    file.write_bytes(whole)
    return proved_before(size - 1), size - 1


def sign_with_a_foreign_key(bundle: Path, chance: random.Random) -> tuple[int, int]:
    size = chance.choice([RUN_FROM, HEAD])
    file = bundle / "checkpoints" / f"{size}.txt"
    text = file.read_text(encoding="utf-8").rpartition("\n\n")[0] + "\n"
    file.write_text(Signer(text.split("\n")[0], chance.randbytes(32)).sign(text), encoding="utf-8")
    return proved_before(size - 1), size - 1


def take_the_last_checkpoint(bundle: Path, chance: random.Random) -> tuple[int, int]:
    (bundle / "checkpoints" / f"{HEAD}.txt").unlink()
    return RUN_FROM, RUN_FROM


def change_the_manifest(bundle: Path, chance: random.Random) -> tuple[int, int]:
    file = bundle / "manifest.json"
    said = json.loads(file.read_bytes())
    name = chance.choice(sorted(said.keys() - {"run_id"}))
    value = said[name]
    said[name] = value + 1 if isinstance(value, int) else value[:-1]
    file.write_bytes(canonical(said) + b"\n")
    return RUN_FROM, RUN_FROM


def change_a_policy_text(bundle: Path, chance: random.Random) -> tuple[int, int]:
    [file] = (bundle / "policy").iterdir()
    whole = bytearray(file.read_bytes())
    whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    file.write_bytes(whole)
    return RUN_FROM, RUN_FROM


DAMAGES: list[Damage] = [
    flip_a_bit, delete_an_event, swap_two_events, add_an_event, rewrite_an_event, flip_a_checkpoint,
    sign_with_a_foreign_key, take_the_last_checkpoint, change_the_manifest, change_a_policy_text,
]  # fmt: skip


def is_found(whole: Path, copy: Path, damage: Damage, chance: random.Random) -> str | None:
    """Damage a copy; None when both verifiers find it and name the same place, else what was said instead."""
    shutil.copytree(whole, copy)
    first, last = damage(copy, chance)
    verdict, theirs = verify_bundle(copy), told(copy)
    shutil.rmtree(copy)
    seq = verdict.first_bad_seq
    named = verdict.exit_code == 1 and seq is not None and first <= seq <= last and theirs == (1, seq)
    return None if named else f"{damage.__name__} {first}..{last}: {verdict} {theirs}"


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_both_verifiers_find_every_damage_and_name_the_same_first_bad_event(
    bundle: Path, tmp_path: Path, damage: Damage
) -> None:
    said = [is_found(bundle, tmp_path / "copy", damage, random.Random(f"{damage.__name__}{n}")) for n in range(4)]
    assert [one for one in said if one] == []


@pytest.mark.long
def test_of_400_random_damages_of_a_bundle_400_are_found_by_both_verifiers(bundle: Path, tmp_path: Path) -> None:
    chance = random.Random(9162)
    said = [is_found(bundle, tmp_path / "copy", chance.choice(DAMAGES), chance) for _ in range(400)]
    assert [one for one in said if one] == []


def test_no_byte_of_checkpoints_and_manifest_is_free(bundle: Path) -> None:
    for file in (bundle / "checkpoints" / "5.txt", bundle / "checkpoints" / "28.txt", bundle / "manifest.json"):
        whole = file.read_bytes()
        for place in range(0, len(whole), 3):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            ours, theirs = both(bundle)
            assert ours > 0, (file.name, place)
            assert theirs > 0, (file.name, place)
        file.write_bytes(whole)


@pytest.mark.parametrize("missing", ["events.jsonl", "leaves.txt", "vkey.txt", "manifest.json", "checkpoints"])
def test_a_bundle_without_a_part_cannot_be_judged(bundle: Path, missing: str) -> None:
    part = bundle / missing
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    assert both(bundle) == (2, 2)


def test_a_bundle_of_a_rewritten_log_is_found_with_one_outside_checkpoint(
    bundle: Path, rt: Runtime, tmp_path: Path
) -> None:
    kept = rt.settings.home / "checkpoints" / "28.txt"
    later = rt.settings.home / "checkpoints" / "32.txt"
    assert verify_bundle(bundle, kept.read_text(encoding="utf-8")).exit_code == 0
    assert standalone(bundle, "--against", kept) == 0
    assert verify_bundle(bundle, later.read_text(encoding="utf-8")).exit_code == 1
    assert standalone(bundle, "--against", later) == 1


def test_a_bundle_signed_by_anybody_else_is_found_with_the_true_public_key(bundle: Path, tmp_path: Path) -> None:
    other = Signer("arrears/other", bytes(32)).public.vkey
    vkey = tmp_path / "true.txt"
    vkey.write_text(other + "\n", encoding="utf-8")
    assert verify_bundle(bundle, vkeys=[other]).exit_code == 1
    assert standalone(bundle, "--vkey", vkey) == 1


def test_a_bundle_holds_the_manifests_of_its_packets_and_no_other(store: Engine, rt: Runtime, tmp_path: Path) -> None:
    manifests = {f"packet-{n}": b'{"files":[%d]}' % n for n in range(3)}
    with writing(store) as connection:
        built = [
            Event("packet.built", packet, DAY, data={"manifest_sha256": sha256(body)})
            for packet, body in manifests.items()
        ]
        record_many(connection, rt, run_id="run-1", events=built)
    seal(rt, store)
    erased = manifests.pop("packet-1")
    bundle = export_bundle(store, "run-1", tmp_path / "bundle", manifests.get)
    kept = {path.name: path.read_bytes() for path in (bundle / "packets").iterdir()}
    assert kept == {f"{sha256(body)}.json": body for body in manifests.values()}
    assert both(bundle) == (0, 0)
    for name, body in [(sha256(erased), b"{}"), (sha256(b"{}"), b"{}"), (sha256(manifests["packet-0"]), b"{}")]:
        spoilt = shutil.copytree(bundle, tmp_path / name)
        (spoilt / "packets" / f"{name}.json").write_bytes(body)
        assert both(spoilt) == (1, 1)
    with pytest.raises(CannotTell, match="manifest"):
        export_bundle(store, "run-1", tmp_path / "other", lambda _packet: b"another")


def test_a_folder_that_holds_something_is_not_written_over(sealed: Engine, bundle: Path) -> None:
    with pytest.raises(BadArguments, match="holds something"):
        export_bundle(sealed, "run-1", bundle, lambda _packet: None)


def test_a_run_without_sealed_events_has_no_bundle(sealed: Engine, tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match="no sealed events"):
        export_bundle(sealed, "run-9", tmp_path / "out", lambda _packet: None)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def receipt(sealed: Engine) -> str:
    return write_receipt(sealed, "subject-3", DAY + timedelta(days=1))


def test_a_receipt_proves_one_decision_offline(receipt: str, rt: Runtime, tmp_path: Path) -> None:
    vkeys = known_keys(rt.settings)
    verdict = verify_receipt(receipt, vkeys)
    assert (verdict.status, verdict.size, receipt_event(receipt)["data"]["n"]) == ("intact", 28, 3)
    file, vkey = tmp_path / "x.tlog-proof", tmp_path / "vkey.txt"
    file.write_text(receipt, encoding="utf-8")
    vkey.write_text("\n".join(vkeys), encoding="utf-8")
    assert standalone(file, "--vkey", vkey) == 0
    assert standalone(file) == 2


def test_a_receipt_is_found_by_its_account_and_walks_through_no_table(sealed: Engine) -> None:
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    engine_event.listen(sealed, "before_cursor_execute", note)
    write_receipt(sealed, "subject-3", DAY + timedelta(days=1))
    engine_event.remove(sealed, "before_cursor_execute", note)
    with reading(sealed) as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", found).all() for text, found in asked]
    steps = [str(step[-1]) for plan in plans for step in plan]
    assert [step for step in steps if "SCAN" in step] == []
    assert [step for step in steps if "audit_event_index" in step] == [
        "SEARCH audit_event_index USING INDEX ix_audit_event_index_subject (subject_ref=? AND business_date=?)"
    ]


def test_no_byte_of_a_receipt_can_change(receipt: str, rt: Runtime, tmp_path: Path) -> None:
    vkeys = known_keys(rt.settings)
    vkey, file = tmp_path / "vkey.txt", tmp_path / "x.tlog-proof"
    vkey.write_text("\n".join(vkeys), encoding="utf-8")
    whole = receipt.encode()
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        verdict = verify_receipt(changed.decode(errors="replace"), vkeys)
        assert verdict.status == "tampered", (place, verdict)
        if place % 5 == 0:  # the same rule in the other verifier, at a fifth of the time
            file.write_text(changed.decode(errors="replace"), encoding="utf-8", newline="")
            assert standalone(file, "--vkey", vkey) > 0, place


def test_a_receipt_is_only_as_good_as_the_key(receipt: str) -> None:
    assert verify_receipt(receipt, [Signer("arrears/other", bytes(32)).public.vkey]).status == "tampered"
    assert verify_receipt(receipt, ["nonsense"]).status == "cannot_tell"


def test_there_is_no_receipt_for_what_was_not_decided(sealed: Engine) -> None:
    with pytest.raises(CannotTell, match=r"no sealed account\.staged"):
        write_receipt(sealed, "subject-3", DAY + timedelta(days=9))


def test_what_is_no_receipt_is_said_so() -> None:
    with pytest.raises(CannotTell, match="not a receipt"):
        receipt_event("hello")


def command(*words: object) -> int:
    """The exit code of ``arrears verify``."""
    from arrears.cli import main

    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):
        patch.setattr("sys.argv", ["arrears", "verify", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
    return int(left.value.code or 0)


def test_the_command_and_the_single_file_end_alike_on_bundles_and_receipts(
    bundle: Path, receipt: str, rt: Runtime, tmp_path: Path
) -> None:
    file, vkey, other = tmp_path / "x.tlog-proof", tmp_path / "vkey.txt", tmp_path / "other.txt"
    file.write_text(receipt, encoding="utf-8")
    vkey.write_text("\n".join(known_keys(rt.settings)) + "\n", encoding="utf-8")
    other.write_text(Signer("arrears/other", bytes(32)).public.vkey + "\n", encoding="utf-8")
    later = rt.settings.home / "checkpoints" / "32.txt"
    for words, code in (
        ((bundle,), 0), ((bundle, "--vkey", vkey), 0), ((bundle, "--vkey", other), 1),
        ((bundle, "--against", later), 1), ((file, "--vkey", vkey), 0), ((file, "--vkey", other), 1), ((file,), 2),
    ):  # fmt: skip
        assert (command(*words), standalone(*words)) == (code, code), words
