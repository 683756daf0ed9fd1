"""The drill with the signing key: lost, restored, rotated, replaced; and a store that comes back from a backup."""

import json
import runpy
import shutil
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from arrears.approvals.votes import vote
from arrears.audit.chain import ROTATED, rotated
from arrears.audit.checkpoint import Signer, key_file, known_keys, load_key
from arrears.audit.export import export_bundle
from arrears.audit.receipt import verify_receipt, write_receipt
from arrears.audit.record import Event, record, record_many
from arrears.audit.seal import Sealed, seal, seal_handover
from arrears.audit.succession import draft, next_file
from arrears.audit.verify import kept_beside, verify_bundle, verify_store
from arrears.core.entropy import SystemEntropy
from arrears.core.errors import BadArguments, Finding, PermanentFailure
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.steps import keys, overrides
from arrears.steps.world import policy_of
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_event_index, audit_pending
from arrears.store.tables.feeds import staff

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 12)
STANDALONE = runpy.run_path(str(ROOT / "docs" / "verify.py"), run_name="docs_verify")


def work(rt: Runtime, store: Engine, run_id: str, count: int = 7) -> Sealed:
    """A run whose events are sealed."""
    with writing(store) as connection:
        events = (Event("account.staged", f"{run_id}-{n}", DAY, f"{run_id}-{n}", data={"n": n}) for n in range(count))
        record_many(connection, rt, run_id=run_id, events=events)
    return seal(rt, store)


@pytest.fixture
def log(store: Engine, rt: Runtime) -> Engine:
    """A sealed log, and the two people who can attest a key."""
    work(rt, store, "run-1")
    row = {"name": "x", "skills": "", "dialects": "", "branch": ""}
    with writing(store) as connection:
        connection.execute(staff.insert(), [row | {"staff_id": "S-SUP", "roles": "supervisor"},
                                            row | {"staff_id": "S-LAW", "roles": "legal"}])  # fmt: skip
    return store


def standalone(path: Path, tmp_path: Path, vkeys: list[str], against: str | None = None) -> int:
    """The exit code of docs/verify.py with keys and a checkpoint from outside."""
    given = tmp_path / "given.txt"
    given.write_text("".join(f"{line}\n" for line in vkeys), encoding="utf-8")
    words = ["verify.py", str(path), "--vkey", str(given)]
    if against is not None:
        (tmp_path / "against.txt").write_text(against, encoding="utf-8")
        words += ["--against", str(tmp_path / "against.txt")]
    argv, sys.argv = sys.argv, words
    try:
        with redirect_stdout(StringIO()):
            return int(STANDALONE["main"]())
    finally:
        sys.argv = argv


def judged(log: Engine, tmp_path: Path, run_id: str, vkeys: list[str], against: str | None = None) -> list[int]:
    """What the store, our verifier of a bundle, and the single file say."""
    out = tmp_path / f"bundle-{len(list(tmp_path.glob('bundle-*')))}"
    export_bundle(log, run_id, out, lambda _packet: None)
    codes = [verify_store(log, against, vkeys).exit_code, verify_bundle(out, against, vkeys).exit_code]
    return [*codes, standalone(out, tmp_path, vkeys, against)]


def test_a_rotated_key_is_believed_by_whoever_holds_the_old_one(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    old, before = known_keys(rt.settings), seal(rt, log).checkpoint
    changed = keys.rotate(rt, "S-SUP")
    after = work(rt, log, "run-2").checkpoint
    signer = load_key(rt.settings)
    assert signer is not None
    assert signer.public.vkey == changed.vkey != old[0]
    assert known_keys(rt.settings) == [*old, changed.vkey]
    assert not next_file(rt.settings).exists()
    for trusted in (old, [changed.vkey], known_keys(rt.settings)):
        assert judged(log, tmp_path, "run-2", trusted, before) == [0, 0, 0]
    assert verify_store(log, after, old).status == "intact"


def test_a_bundle_of_a_run_before_the_change_knows_only_the_old_key(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    old = known_keys(rt.settings)
    keys.rotate(rt, "S-SUP")
    assert judged(log, tmp_path, "run-1", old) == [0, 0, 0]


def test_keys_may_be_rotated_more_than_once(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    old = known_keys(rt.settings)
    for turn in (2, 3, 4):
        keys.rotate(rt, "S-SUP")
        work(rt, log, f"run-{turn}")
    assert len(known_keys(rt.settings)) == 4
    assert judged(log, tmp_path, "run-4", old) == [0, 0, 0]
    assert [key["is_here"] for key in keys.list_keys(rt)] == [False, False, False, True]


def test_a_receipt_after_the_change_is_checked_with_the_new_key(log: Engine, rt: Runtime) -> None:
    old = known_keys(rt.settings)
    keys.rotate(rt, "S-SUP")
    work(rt, log, "run-2")
    receipt = write_receipt(log, "run-2-3", DAY)
    assert verify_receipt(receipt, known_keys(rt.settings)).status == "intact"
    assert verify_receipt(receipt, old).status == "tampered"


def test_a_lost_key_that_is_restored_goes_on_signing(log: Engine, rt: Runtime) -> None:
    backup = key_file(rt.settings).read_bytes()
    key_file(rt.settings).unlink()
    with pytest.raises(PermanentFailure, match="restore it from your backup"):
        work(rt, log, "run-2")
    key_file(rt.settings).write_bytes(backup)
    key_file(rt.settings).chmod(0o600)
    assert seal(rt, log).size == 14
    assert verify_store(log, vkeys=known_keys(rt.settings), kept=kept_beside(rt.settings)).status == "intact"


def attest(rt: Runtime, log: Engine, approval_id: str, who: str) -> str | None:
    voted = vote(rt, log, approval_id=approval_id, staff_id=who, decision="approve", note="I saw the new key line",
                 identity="shell", policy=policy_of(rt.settings))  # fmt: skip
    return overrides.apply(rt, voted.approval_id)


def lose_and_replace(rt: Runtime, log: Engine) -> None:
    key_file(rt.settings).unlink()
    asked, changed = keys.replace_lost(rt, "S-SUP")
    assert changed is None
    assert attest(rt, log, asked, "S-SUP") is None
    assert "new key" in str(attest(rt, log, asked, "S-LAW"))


def test_a_key_lost_for_good_is_replaced_by_one_that_two_people_attest(
    log: Engine, rt: Runtime, tmp_path: Path
) -> None:
    old, before = known_keys(rt.settings), seal(rt, log).checkpoint
    lose_and_replace(rt, log)
    work(rt, log, "run-2")
    assert judged(log, tmp_path, "run-2", known_keys(rt.settings), before) == [0, 0, 0]
    assert judged(log, tmp_path, "run-2", old, before) == [2, 2, 2]
    said = verify_store(log, vkeys=old).message
    assert "lost and replaced, attested by S-LAW, S-SUP" in said


def test_until_two_people_have_attested_it_the_new_key_signs_nothing(log: Engine, rt: Runtime) -> None:
    key_file(rt.settings).unlink()
    asked, _ = keys.replace_lost(rt, "S-SUP")
    attest(rt, log, asked, "S-SUP")
    with pytest.raises(PermanentFailure, match="no signing key"):
        work(rt, log, "run-2")
    assert keys.replace_lost(rt, "S-SUP") == (asked, None)


def test_a_key_that_is_there_is_rotated_never_replaced(log: Engine, rt: Runtime) -> None:
    with pytest.raises(BadArguments, match="arrears keys rotate"):
        keys.replace_lost(rt, "S-SUP")


def test_a_log_without_a_sealed_event_has_no_key_to_change(store: Engine, rt: Runtime) -> None:
    with pytest.raises(BadArguments, match="nothing was sealed"):
        keys.rotate(rt, "S-SUP")
    with pytest.raises(BadArguments, match="arrears init"):
        keys.replace_lost(rt, "S-SUP")


def test_a_crash_between_the_log_and_the_file_is_mended_by_the_next_seal(
    log: Engine, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(keys, "finish_change", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            keys.rotate(rt, "S-SUP")
    assert next_file(rt.settings).exists()
    work(rt, log, "run-2")
    assert not next_file(rt.settings).exists()
    assert verify_store(log, vkeys=known_keys(rt.settings)).status == "intact"


def test_the_old_key_signs_nothing_after_it_was_followed(log: Engine, rt: Runtime) -> None:
    old = key_file(rt.settings).read_bytes()
    keys.rotate(rt, "S-SUP")
    key_file(rt.settings).write_bytes(old)
    with pytest.raises(PermanentFailure, match="followed by another"):
        work(rt, log, "run-2")


def take_over(rt: Runtime, log: Engine, data: dict[str, object], successor: Signer, kind: str = ROTATED) -> None:
    """Seal a change of the key as somebody would who can write the store and change this program."""

    def tell(connection: object) -> None:
        record(connection, rt, run_id="run-2", type=kind, key="k", business_date=DAY, data=data)

    seal_handover(rt, log, successor, tell)


def test_a_change_that_the_old_key_did_not_sign_is_found(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    old = load_key(rt.settings)
    assert old is not None
    thief = Signer(old.name, bytes(32))
    data = rotated(thief, thief) | {"old_vkey": old.public.vkey}
    take_over(rt, log, data, thief)
    assert judged(log, tmp_path, "run-2", [old.public.vkey]) == [1, 1, 1]
    verdict = verify_store(log)
    assert (verdict.status, verdict.first_bad_seq) == ("tampered", 7)
    assert "not from the key that was in force" in verdict.message


def test_a_key_that_no_event_introduces_is_found(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    old = load_key(rt.settings)
    assert old is not None
    stranger = Signer(old.name, bytes(32))
    take_over(rt, log, {}, stranger, kind="hold.recorded")
    assert judged(log, tmp_path, "run-2", [old.public.vkey]) == [1, 1, 1]
    assert "none of its events introduces" in verify_store(log).message


def test_a_checkpoint_of_the_old_key_after_its_time_is_found(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    old = load_key(rt.settings)
    assert old is not None
    new = draft(rt.settings, rt.entropy, old.name)
    take_over(rt, log, rotated(old, new), new)
    with writing(log) as connection:
        record(connection, rt, run_id="run-3", type="hold.recorded", key="late", business_date=DAY)
    seal_handover(rt, log, old, lambda _connection: None)
    assert judged(log, tmp_path, "run-3", [old.public.vkey]) == [1, 1, 1]
    assert "key that was in force" in verify_store(log).message


@pytest.mark.parametrize("data", [{}, {"old_vkey": 1, "new_vkey": "x", "note": "y"}])
def test_a_change_that_does_not_say_how_is_found(log: Engine, rt: Runtime, data: dict[str, object]) -> None:
    take_over(rt, log, data, Signer("arrears/other", bytes(32)))
    verdict = verify_store(log)
    assert (verdict.status, verdict.first_bad_seq) == ("tampered", 7)


def test_a_live_store_draws_no_key_and_writes_no_event_that_could_be_foretold(
    log: Engine, rt: Runtime, settings: Settings
) -> None:
    live = replace(rt, settings=settings.model_copy(update={"mode": "live"}))
    with pytest.raises(BadArguments, match="seeded"):
        draft(live.settings, live.entropy, "arrears/x")
    with pytest.raises(BadArguments, match="seeded"), writing(log) as connection:
        record(connection, live, run_id="run-2", type="hold.recorded", key="k", business_date=DAY)
    with reading(log) as connection:
        assert connection.execute(select(func.count()).select_from(audit_pending)).scalar_one() == 0
    work(replace(live, entropy=SystemEntropy()), log, "run-2")


def test_the_drill_of_a_store_restored_from_last_nights_backup(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    """docs/audit.md, 'Store restored from a backup': what stops, what is found, and how it goes on."""
    home, kept = rt.settings.home, tmp_path / "mailbox"
    log.dispose()
    backup = tmp_path / "backup.sqlite"
    shutil.copyfile(home / "arrears.sqlite", backup)
    yesterday = (home / "checkpoints" / "7.txt").read_text(encoding="utf-8")
    lost = work(rt, log, "run-2").checkpoint
    log.dispose()
    for file in home.glob("arrears.sqlite*"):
        file.unlink()
    shutil.copyfile(backup, home / "arrears.sqlite")

    with pytest.raises(Finding, match="set back"):
        work(rt, log, "run-3")
    found = verify_store(log, vkeys=known_keys(rt.settings), kept=kept_beside(rt.settings))
    assert (found.status, found.first_bad_seq) == ("tampered", 7)

    kept.mkdir()
    shutil.move(home / "checkpoints" / "14.txt", kept / "14.txt")
    seal(rt, log)
    after = verify_store(log, yesterday, known_keys(rt.settings), kept_beside(rt.settings))
    assert (after.status, after.size) == ("intact", 14)
    told = verify_store(log, lost, known_keys(rt.settings))
    assert (told.status, told.exit_code) == ("tampered", 1)


def test_the_log_itself_tells_who_changed_the_key(log: Engine, rt: Runtime) -> None:
    lose_and_replace(rt, log)
    keys.rotate(rt, "S-LAW")
    index = audit_event_index.c
    with reading(log) as connection:
        kinds = list(
            connection.execute(select(index.type).where(index.type.like("key.%")).order_by(index.seq)).scalars()
        )
    assert kinds == ["key.replaced", "key.rotated"]
    assert json.dumps(known_keys(rt.settings)).count("arrears/") == 3
