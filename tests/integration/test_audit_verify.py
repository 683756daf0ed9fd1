"""Whatever is changed in a sealed store is found, and the first bad event is named."""

import io
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, Engine

from arrears.audit import span
from arrears.audit.checkpoint import Checkpoint, Signer, known_keys
from arrears.audit.merkle import leaf_hash, root_of
from arrears.audit.record import Event, record, record_many
from arrears.audit.seal import seal
from arrears.audit.verify import verify_store
from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.store.engine import open_engine, writing
from arrears.store.tables import metadata
from arrears.store.tables.audit import TRIGGERS, audit_event_index, event_detail

DAY = date(2026, 11, 12)
STEPS = (40, 3, 120, 100, 37)
"""Events of each run; the last of all is the erasure of one detail."""
SIZE = sum(STEPS)
ERASURE, ERASED = SIZE - 1, 30
WITH_DETAIL = [seq for seq in range(0, ERASURE, 10) if seq != ERASED]
HEADS = [sum(STEPS[: place + 1]) for place in range(len(STEPS))]


@dataclass(frozen=True)
class Log:
    """A sealed log that is laid down afresh before each tampering."""

    file: Path
    engine: Engine
    vkeys: list[str]
    notes: list[str]
    erased: tuple[object, ...]
    """The detail that was erased, as an old backup would still have it."""

    @property
    def files(self) -> list[tuple[int, str]]:
        """The checkpoints as files beside the store."""
        return list(zip(HEADS, self.notes, strict=True))

    def fresh(self) -> sqlite3.Connection:
        self.engine.dispose()
        for leftover in self.file.parent.glob("arrears.sqlite*"):
            leftover.unlink()
        shutil.copyfile(self.file.with_name("sealed"), self.file)
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        return connection


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    home = tmp_path_factory.mktemp("sealed")
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    rt = Runtime(settings, PinnedClock(at_local(DAY, at_ten(), "Asia/Shanghai")), SeededEntropy(1))
    engine = open_engine(settings.store_url)
    metadata.create_all(engine)
    with writing(engine) as connection:
        for dialect, ddl in TRIGGERS:
            if dialect == "sqlite":
                connection.exec_driver_sql(ddl)
    notes, done = [], 0
    for turn, step in enumerate(STEPS):
        last = turn == len(STEPS) - 1
        with writing(engine) as connection:
            numbers = range(done, done + step - last)
            record_many(connection, rt, run_id=f"run-{turn}", events=(event(n) for n in numbers))
            kept = erase_one(connection, rt, f"run-{turn}") if last else None
        done += step
        notes.append(seal(rt, engine).checkpoint)
    engine.dispose()
    with sqlite3.connect(home / "arrears.sqlite") as connection:  # as the owner of the file, who can drop any guard
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    shutil.copyfile(home / "arrears.sqlite", home / "sealed")
    yield Log(home / "arrears.sqlite", engine, known_keys(settings), notes, kept)
    engine.dispose()


def erase_one(connection: Connection, rt: Runtime, run_id: str) -> tuple[object, ...]:
    """Erase a detail as the log knows it, and return the row as somebody might have kept it."""
    row = connection.execute(event_detail.select().where(event_detail.c.subject_ref == f"subject-{ERASED}")).one()
    connection.execute(event_detail.delete().where(event_detail.c.detail_commit == row.detail_commit))
    data = {"detail_commits": [row.detail_commit], "legal_basis": "retention_ended"}
    record(connection, rt, run_id=run_id, type="erasure.performed", key="erasure", business_date=DAY, data=data)
    return tuple(row)


def at_ten():
    from datetime import time

    return time(10)


def event(number: int) -> Event:
    detail = {"note": f"secret {number}"} if number % 10 == 0 else None
    return Event("account.staged", f"key-{number:05}", DAY, f"subject-{number}", data={"n": number}, detail=detail)


def head_before(seq: int) -> int:
    return max([head for head in HEADS if head <= seq], default=0)


Tampering = Callable[[sqlite3.Connection, random.Random], tuple[int, int]]
"""Damages the store and returns the span in which the first bad event must be named."""


def flip(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def flip_body(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.randrange(SIZE)
    (body,) = store.execute("SELECT body FROM audit_event WHERE seq = ?", [seq]).fetchone()
    store.execute("UPDATE audit_event SET body = ? WHERE seq = ?", [flip(body, chance), seq])
    return seq, seq


def flip_leaf(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.randrange(SIZE)
    (leaf,) = store.execute("SELECT leaf FROM audit_event WHERE seq = ?", [seq]).fetchone()
    store.execute("UPDATE audit_event SET leaf = ? WHERE seq = ?", [flip(leaf, chance), seq])
    return seq, seq


def rewrite_with_its_hash(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.randrange(SIZE)
    (body,) = store.execute("SELECT body FROM audit_event WHERE seq = ?", [seq]).fetchone()
    body = body.replace(b'"actor":"system"', b'"actor":"nobody"')
    store.execute("UPDATE audit_event SET body = ?, leaf = ? WHERE seq = ?", [body, leaf_hash(body), seq])
    return head_before(seq), seq


def delete_event(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.randrange(SIZE)
    store.execute("DELETE FROM audit_event WHERE seq = ?", [seq])
    if chance.random() < 0.5:
        store.execute("DELETE FROM audit_event_index WHERE seq = ?", [seq])
    return (seq if seq < SIZE - 1 else HEADS[-2]), seq


def delete_and_renumber(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.randrange(SIZE)
    for table in ("audit_event", "audit_event_index"):
        store.execute(f"DELETE FROM {table} WHERE seq = ?", [seq])
        store.execute("BEGIN")
        for later in range(seq + 1, SIZE):
            store.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", [later - 1, later])
        store.execute("COMMIT")
    return head_before(seq), seq


def swap(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    one, two = sorted(chance.sample(range(SIZE), 2))
    tables = ["audit_event", "audit_event_index"][: chance.choice([1, 2])]
    for table in tables:
        for old, new in ((one, -9), (two, one), (-9, two)):
            store.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", [new, old])
    return (one if len(tables) == 1 else head_before(one)), one


def append_unsealed(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    (body,) = store.execute("SELECT body FROM audit_event WHERE seq = ?", [chance.randrange(SIZE)]).fetchone()
    store.execute("INSERT INTO audit_event VALUES (?, ?, ?)", [SIZE, leaf_hash(body), body])
    columns = "run_id, type, key, subject_ref, action_id, at, business_date"
    store.execute(
        f"INSERT INTO audit_event_index SELECT ?, {columns} FROM audit_event_index "
        "WHERE key = json_extract(CAST(? AS TEXT), '$.key')",
        [SIZE, body],
    )
    return SIZE, SIZE


def change_index_column(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.randrange(SIZE)
    column = chance.choice(["run_id", "type", "key", "subject_ref", "action_id", "at", "business_date"])
    value = chance.choice(["x", "2026-11-13"]) if column != "business_date" else "2026-11-13"
    store.execute(f"UPDATE audit_event_index SET {column} = ? WHERE seq = ?", [value, seq])
    return seq, seq


def delete_index_row(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.randrange(SIZE)
    store.execute("DELETE FROM audit_event_index WHERE seq = ?", [seq])
    return seq, seq


def add_index_row(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.choice([-1, SIZE, SIZE + 7])
    values = [seq, "run-0", "contact.sent", "forged", "2026-11-12T02:00:00Z"]
    store.execute("INSERT INTO audit_event_index (seq, run_id, type, key, at) VALUES (?, ?, ?, ?, ?)", values)
    return SIZE, SIZE


def change_checkpoint(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    size = chance.choice(HEADS)
    column = chance.choice(["note", "root", "frontier"])
    (value,) = store.execute(f"SELECT {column} FROM audit_checkpoint WHERE size = ?", [size]).fetchone()
    damaged = (
        flip(value, chance) if isinstance(value, bytes) else value.translate({ord(value[-9]): "ABab"[len(value) % 4]})
    )
    if damaged == value:
        damaged = value + value[:1]
    store.execute(f"UPDATE audit_checkpoint SET {column} = ? WHERE size = ?", [damaged, size])
    return head_before(size - 1), size - 1


def delete_last_checkpoint(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    store.execute("DELETE FROM audit_checkpoint WHERE size = ?", [SIZE])
    return HEADS[-2], HEADS[-2]


def foreign_signature(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    """Sign one checkpoint with another key of the same name."""
    size = chance.choice(HEADS)
    root, note = store.execute("SELECT root, note FROM audit_checkpoint WHERE size = ?", [size]).fetchone()
    head = Checkpoint(note.split("\n")[0], size, bytes.fromhex(root))
    note = Signer(head.origin, chance.randbytes(32)).sign(head.text())
    store.execute("UPDATE audit_checkpoint SET note = ? WHERE size = ?", [note, size])
    return head_before(size - 1), size - 1


def forge_node(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    change = chance.choice(["UPDATE audit_node SET hash = zeroblob(32)", "DELETE FROM audit_node"])
    store.execute(change)
    return 0, 255


def add_node(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    store.execute("INSERT INTO audit_node VALUES (8, ?, zeroblob(32))", [chance.randrange(1, 99)])
    return SIZE, SIZE


def change_detail(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.choice(WITH_DETAIL)
    column = chance.choice(["salt", "detail"])
    change = f"UPDATE event_detail SET {column} = x'00' WHERE subject_ref = ?"
    store.execute(change, [f"subject-{seq}"])
    return seq, seq


def delete_detail(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    seq = chance.choice(WITH_DETAIL)
    store.execute("DELETE FROM event_detail WHERE subject_ref = ?", [f"subject-{seq}"])
    return seq, seq


def add_key(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    vkey = Signer("arrears/other", chance.randbytes(32)).public.vkey
    store.execute("INSERT INTO audit_key VALUES (?, 0, '2026-11-12T02:00:00Z')", [vkey])
    return 0, 0


def resign_all(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    """Rewrite history in full, by somebody who can write the database but does not have the key."""
    seq = chance.randrange(SIZE)
    rewrite_with_its_hash(store, chance)
    leaves = [row[0] for row in store.execute("SELECT leaf FROM audit_event ORDER BY seq")]
    (note,) = store.execute("SELECT note FROM audit_checkpoint LIMIT 1").fetchone()
    forger = Signer(note.split("\n")[0], chance.randbytes(32))
    for size in HEADS:
        head = Checkpoint(forger.name, size, root_of(leaves[:size]))
        values = [forger.sign(head.text()), head.root.hex(), size]
        store.execute("UPDATE audit_checkpoint SET note = ?, root = ? WHERE size = ?", values)
    store.execute("UPDATE audit_key SET vkey = ?", [forger.public.vkey])
    return 0, seq


def forget_keys(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    store.execute("DELETE FROM audit_key")
    return 0, 0


def change_key(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    (vkey,) = store.execute("SELECT vkey FROM audit_key").fetchone()
    place = chance.randrange(len(vkey))
    letter = chance.choice([one for one in "AZaz09+/" if one != vkey[place]])
    store.execute("UPDATE audit_key SET vkey = ?", [vkey[:place] + letter + vkey[place + 1 :]])
    return 0, 0


def change_since_when_a_key_signs(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    store.execute("UPDATE audit_key SET since_size = ?", [chance.randrange(1, SIZE)])
    return 0, 0


def change_run_of_a_checkpoint(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    size = chance.choice(HEADS)
    store.execute("UPDATE audit_checkpoint SET run_id = 'run-9' WHERE size = ?", [size])
    return size - 1, size - 1


def delete_checkpoint(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    """Any one of them: a later one proves all events, but the file beside the store tells that it is gone."""
    size = chance.choice(HEADS)
    store.execute("DELETE FROM audit_checkpoint WHERE size = ?", [size])
    return head_before(size - 1), size


def swap_details(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    one, two = sorted(chance.sample(WITH_DETAIL, 2))
    rows = {seq: store.execute("SELECT salt, detail FROM event_detail WHERE subject_ref = ?",
                               [f"subject-{seq}"]).fetchone() for seq in (one, two)}  # fmt: skip
    for seq, other in ((one, two), (two, one)):
        store.execute("UPDATE event_detail SET salt = ?, detail = ? WHERE subject_ref = ?",
                      [*rows[other], f"subject-{seq}"])  # fmt: skip
    return one, one


def add_detail(store: sqlite3.Connection, chance: random.Random) -> tuple[int, int]:
    values = [chance.randbytes(32).hex(), "subject-1", chance.randbytes(32), b"{}"]
    store.execute("INSERT INTO event_detail VALUES (?, ?, ?, ?)", values)
    return SIZE, SIZE


TAMPERINGS: list[Tampering] = [
    flip_body, flip_leaf, rewrite_with_its_hash, delete_event, delete_and_renumber, swap, append_unsealed,
    change_index_column, delete_index_row, add_index_row, change_checkpoint, delete_last_checkpoint, foreign_signature,
    forge_node, add_node, change_detail, delete_detail, swap_details, add_detail, add_key, change_key, resign_all,
    forget_keys, change_since_when_a_key_signs, change_run_of_a_checkpoint, delete_checkpoint,
]  # fmt: skip
FOUND_BY_FILES = {delete_checkpoint}
DEFAULT_ROUNDS, LONG_ROUNDS = 2, 600


def test_the_sealed_log_is_intact_before_anybody_touches_it(log: Log) -> None:
    log.fresh().close()
    verdict = verify_store(log.engine, vkeys=log.vkeys, kept=log.files)
    assert (verdict.status, verdict.exit_code, verdict.size) == ("intact", 0, SIZE)


def is_found(log: Log, tamper: Tampering, chance: random.Random) -> str | None:
    """Tamper with a fresh copy; None when it is found and its place named, else what was said instead."""
    store = log.fresh()
    first, last = tamper(store, chance)
    store.close()
    verdict = verify_store(log.engine, vkeys=log.vkeys, kept=log.files if tamper in FOUND_BY_FILES else ())
    seq = verdict.first_bad_seq
    named = verdict.exit_code == 1 and seq is not None and first <= seq <= last and f"event {seq}:" in verdict.message
    return None if named else f"{tamper.__name__} {first}..{last}: {verdict}"


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_every_tampering_is_found_and_the_first_bad_event_named(log: Log, tamper: Tampering) -> None:
    said = [is_found(log, tamper, random.Random(f"{tamper.__name__}{seed}")) for seed in range(DEFAULT_ROUNDS)]
    assert [one for one in said if one] == []


@pytest.mark.long
def test_of_600_random_tamperings_of_the_store_600_are_found(log: Log) -> None:
    chance = random.Random(6962)
    said = [is_found(log, chance.choice(TAMPERINGS), chance) for _ in range(LONG_ROUNDS)]
    assert [one for one in said if one] == []


def test_an_erased_detail_that_came_back_from_a_backup_is_found(log: Log) -> None:
    store = log.fresh()
    store.execute("INSERT INTO event_detail VALUES (?, ?, ?, ?)", log.erased)
    store.close()
    verdict = verify_store(log.engine)
    assert (verdict.status, verdict.first_bad_seq) == ("tampered", ERASURE)
    assert "there again" in verdict.message


def test_details_of_events_that_still_wait_belong_to_somebody(log: Log) -> None:
    log.fresh().close()
    settings = Settings.from_environment({"ARREARS_HOME": str(log.file.parent)})
    rt = Runtime(settings, PinnedClock(at_local(DAY, at_ten(), "Asia/Shanghai")), SeededEntropy(5))
    with writing(log.engine) as connection:
        record_many(connection, rt, run_id="run-9", events=[event(400), event(401)])
    assert verify_store(log.engine).status == "intact"


def test_every_checkpoint_kept_outside_is_contained(log: Log) -> None:
    log.fresh().close()
    assert {verify_store(log.engine, note).status for note in log.notes} == {"intact"}


def set_back(store: sqlite3.Connection, erased: tuple[object, ...]) -> None:
    """Take the last run away without a trace, as restoring an older backup does."""
    store.execute("INSERT INTO event_detail VALUES (?, ?, ?, ?)", erased)
    for table in ("audit_event", "audit_event_index"):
        store.execute(f"DELETE FROM {table} WHERE seq >= ?", [HEADS[-2]])
    store.execute("DELETE FROM audit_checkpoint WHERE size = ?", [SIZE])
    store.execute("DELETE FROM audit_node WHERE (position + 1) * 256 > ?", [HEADS[-2]])
    numbers = [f"subject-{number}" for number in range(HEADS[-2], SIZE)]
    store.executemany("DELETE FROM event_detail WHERE subject_ref = ?", [[subject] for subject in numbers])


def test_a_log_that_was_set_back_is_found_with_one_outside_checkpoint_only(log: Log) -> None:
    store = log.fresh()
    set_back(store, log.erased)
    store.close()
    assert verify_store(log.engine).status == "intact"
    verdict = verify_store(log.engine, log.notes[-1])
    assert (verdict.status, verdict.first_bad_seq) == ("tampered", HEADS[-2])
    assert "set back" in verdict.message


def test_history_rewritten_by_the_key_holder_is_found_with_one_outside_checkpoint_only(log: Log) -> None:
    from arrears.audit.checkpoint import load_key

    signer = load_key(Settings.from_environment({"ARREARS_HOME": str(log.file.parent)}))
    assert signer is not None
    store = log.fresh()
    store.execute("DELETE FROM audit_node")
    rewrite_with_its_hash(store, random.Random(3))
    leaves = [row[0] for row in store.execute("SELECT leaf FROM audit_event ORDER BY seq")]
    store.execute("INSERT INTO audit_node VALUES (8, 0, ?)", [root_of(leaves[:256])])
    for size in HEADS:
        from arrears.audit.merkle import Frontier

        frontier = Frontier()
        for leaf in leaves[:size]:
            frontier.append(leaf)
        head = Checkpoint(signer.name, size, frontier.root())
        values = [signer.sign(head.text()), head.root.hex(), frontier.to_bytes(), size]
        store.execute("UPDATE audit_checkpoint SET note = ?, root = ?, frontier = ? WHERE size = ?", values)
    store.close()
    assert verify_store(log.engine, vkeys=log.vkeys).status == "intact"
    verdict = verify_store(log.engine, log.notes[-1], log.vkeys)
    assert (verdict.status, verdict.exit_code) == ("tampered", 1)
    assert "outside checkpoint" in verdict.message


@pytest.mark.parametrize(
    "copied",
    [
        lambda note: note.replace("\n\n", "\n"),
        lambda note: "".join(f"> {line}\r\n" for line in note.splitlines() if line),
        lambda note: f"\n\n   {note.strip()}",
    ],
    ids=["without the empty line", "quoted", "indented"],
)
def test_a_checkpoint_copied_out_of_a_mail_is_one(log: Log, copied: Callable[[str], str], tmp_path: Path) -> None:
    log.fresh().close()
    assert verify_store(log.engine, copied(log.notes[-1])).status == "intact"
    wrong = log.notes[-1].replace(log.notes[-1].split("\n")[2][:4], "AAAA")
    assert verify_store(log.engine, copied(wrong)).status != "intact"


@pytest.mark.parametrize(
    ("against", "said"),
    [
        ("", "cannot be used"),
        ("not a checkpoint", "cannot be used"),
        (
            Signer("arrears/elsewhere", bytes(32)).sign(Checkpoint("arrears/elsewhere", 3, bytes(32)).text()),
            "another log",
        ),
    ],
)
def test_an_outside_checkpoint_that_proves_nothing_is_said_so(log: Log, against: str, said: str) -> None:
    log.fresh().close()
    verdict = verify_store(log.engine, against)
    assert (verdict.status, verdict.exit_code) == ("cannot_tell", 2)
    assert said in verdict.message


def test_an_unusable_outside_checkpoint_does_not_hide_a_tampering(log: Log) -> None:
    store = log.fresh()
    flip_body(store, random.Random(1))
    store.close()
    assert verify_store(log.engine, "nonsense").status == "tampered"


def test_an_outside_checkpoint_of_an_unknown_key_leaves_a_doubt(log: Log) -> None:
    log.fresh().close()
    origin, size, _root, *_ = log.notes[-1].split("\n")
    verdict = verify_store(log.engine, vkeys=log.vkeys)
    stranger = Signer(origin, bytes(32)).sign(Checkpoint(origin, int(size), bytes.fromhex(verdict.root)).text())
    assert verify_store(log.engine, stranger).status == "cannot_tell"


def test_an_erased_detail_that_the_log_names_is_no_tampering(store: Engine, rt: Runtime) -> None:
    import json

    from sqlalchemy import select

    from arrears.store.tables.audit import audit_event

    with writing(store) as connection:
        record_many(connection, rt, run_id="run-0", events=[event(0), event(10)])
    seal(rt, store)
    with writing(store) as connection:
        gone = connection.execute(
            select(event_detail.c.detail_commit).where(event_detail.c.subject_ref == "subject-10")
        ).scalar_one()
        connection.execute(event_detail.delete().where(event_detail.c.detail_commit == gone))
        data = {"detail_commits": [gone], "legal_basis": "PIPL 47"}
        record(connection, rt, run_id="run-1", type="erasure.performed", key="k", business_date=DAY, data=data)
    assert verify_store(store).status == "tampered"
    seal(rt, store)
    assert verify_store(store).status == "intact"
    with writing(store) as connection:
        bodies = list(connection.execute(select(audit_event.c.body).order_by(audit_event.c.seq)).scalars())
    assert [bool(json.loads(body)["detail_commit"]) for body in bodies] == [True, True, False]
    assert not any(b"secret" in body for body in bodies)


def test_an_empty_store_and_no_store_cannot_be_judged(store: Engine, tmp_path: Path) -> None:
    assert verify_store(store).exit_code == 2
    assert verify_store(open_engine(f"sqlite:///{tmp_path / 'nothing.sqlite'}")).exit_code == 2


def test_a_store_emptied_of_its_log_is_found_with_an_outside_checkpoint(log: Log, store: Engine) -> None:
    verdict = verify_store(store, log.notes[-1], log.vkeys)
    assert (verdict.status, verdict.first_bad_seq) == ("tampered", 0)


def test_every_column_of_the_index_is_compared_with_the_bytes() -> None:
    assert ("seq", *span.COLUMNS) == tuple(column.name for column in audit_event_index.columns)


def test_a_process_that_cannot_read_the_store_says_so_and_no_tampering(tmp_path: Path) -> None:
    task = msgspec.json.encode(span.Task("sqlite", str(tmp_path / "no" / "store.sqlite"), [(0, 5)]))
    done = subprocess.run([sys.executable, "-m", span.__name__], input=task, capture_output=True, check=True)
    part = span.receive(io.BytesIO(done.stdout))
    assert (part.problem, part.leaves) == ("", [])
    assert "unable to open" in part.failure
    assert span.receive(io.BytesIO(done.stdout[:20])).failure


def test_a_big_log_is_checked_on_several_cores_with_the_same_answer(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arrears.audit.parts.PART", 64)
    monkeypatch.setattr("arrears.audit.parts.WORTH_MORE_CORES", 100)
    store = log.fresh()
    alone = verify_store(log.engine, vkeys=log.vkeys)
    store.execute("UPDATE audit_event_index SET type = 'x' WHERE seq = 199")
    damaged = verify_store(log.engine, vkeys=log.vkeys)
    store.execute("DELETE FROM audit_event WHERE seq IN (127, 128)")
    cut = verify_store(log.engine, vkeys=log.vkeys)
    store.close()
    assert (alone.status, alone.size) == ("intact", SIZE)
    assert (damaged.status, damaged.first_bad_seq) == ("tampered", 199)
    assert (cut.status, cut.first_bad_seq) == ("tampered", 127)
