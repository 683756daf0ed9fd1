"""Events are sealed once, in one order, under a head that only grows; nothing sealed can be changed in passing."""

import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DatabaseError

from arrears.audit.checkpoint import Signer, ensure_key, key_file
from arrears.audit.log import StoredTree
from arrears.audit.merkle import EMPTY_ROOT, Frontier, root_of
from arrears.audit.move import move
from arrears.audit.record import Event, record, record_many
from arrears.audit.seal import seal
from arrears.audit.verify import verify_store
from arrears.audit.waiting import readers
from arrears.core.clock import SystemClock
from arrears.core.entropy import SeededEntropy, SystemEntropy
from arrears.core.errors import Finding, PermanentFailure
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.store.engine import open_engine, reading, writing
from arrears.store.tables import metadata
from arrears.store.tables.audit import (
    APPEND_ONLY,
    TRIGGERS,
    audit_checkpoint,
    audit_event,
    audit_event_index,
    audit_node,
    audit_pending,
)

DAY = date(2026, 11, 12)
RUN = "daily-2026-11-12-1"


def guard(engine: Engine) -> Engine:
    """The append-only guards, which are safe to apply twice."""
    with writing(engine) as connection:
        for dialect, ddl in TRIGGERS:
            if dialect == engine.dialect.name:
                connection.exec_driver_sql(ddl)
    return engine


@pytest.fixture
def log(store: Engine) -> Engine:
    return guard(store)


def events(numbers: Iterable[int]) -> Iterable[Event]:
    return (
        Event("account.staged", f"key-{number:05}", DAY, f"subject-{number}", data={"n": number}) for number in numbers
    )


def write(log: Engine, rt: Runtime, numbers: Iterable[int], run_id: str = RUN) -> None:
    with writing(log) as connection:
        record_many(connection, rt, run_id=run_id, events=events(numbers))


def count(log: Engine, table: object) -> int:
    with reading(log) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_nothing_waiting_signs_nothing(log: Engine, rt: Runtime) -> None:
    sealed = seal(rt, log)
    assert (sealed.size, sealed.root, sealed.checkpoint, sealed.added) == (0, EMPTY_ROOT.hex(), "", 0)
    assert not key_file(rt.settings).exists()


def test_sealing_moves_every_waiting_event_and_publishes_the_head(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(10))
    sealed = seal(rt, log)
    assert (sealed.size, sealed.added, count(log, audit_pending), count(log, audit_event)) == (10, 10, 0, 10)
    assert (rt.settings.home / "checkpoints" / "10.txt").read_text(encoding="utf-8") == sealed.checkpoint


def test_a_second_seal_without_news_returns_the_same_head(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(3))
    first = seal(rt, log)
    assert seal(rt, log) == replace(first, added=0)
    assert count(log, audit_checkpoint) == 1


def test_an_event_falls_with_the_change_it_tells_of(log: Engine, rt: Runtime) -> None:
    def change() -> None:
        with writing(log) as connection:
            record(connection, rt, run_id=RUN, type="hold.placed", key="k", business_date=DAY)
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError, match="the change failed"):
        change()
    assert count(log, audit_pending) == 0


def test_arrival_does_not_decide_the_order(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    write(log, rt, range(400))
    one = seal(rt, log)
    other_rt = replace(rt, settings=Settings.from_environment({"ARREARS_HOME": str(tmp_path / "other")}))
    other = open_engine(other_rt.settings.store_url)
    metadata.create_all(other)
    for start in (300, 0, 200, 100):
        write(other, other_rt, reversed(range(start, start + 100)))
    assert seal(other_rt, other).root == one.root


def test_the_same_seed_gives_the_same_checkpoint(log: Engine, rt: Runtime, tmp_path: Path) -> None:
    settings = Settings.from_environment({"ARREARS_HOME": str(tmp_path / "again")})
    again = Runtime(settings, rt.clock, SeededEntropy(7))
    other = open_engine(settings.store_url)
    metadata.create_all(other)
    for engine, runtime in ((log, rt), (other, again)):
        write(engine, runtime, range(5))
    assert seal(rt, log) == seal(again, other)


def test_runs_and_types_stand_together_and_keys_in_their_order(log: Engine, rt: Runtime) -> None:
    write(log, rt, [2, 1], run_id="daily-2026-11-12-2")
    write(log, rt, [3, 0])
    with writing(log) as connection:
        record(connection, rt, run_id=RUN, type="account.missing", key="z", business_date=DAY)
    seal(rt, log)
    with reading(log) as connection:
        columns = audit_event_index.c
        found = [tuple(row) for row in connection.execute(select(columns.type, columns.key).order_by(columns.seq))]
    staged = [("account.staged", f"key-{number:05}") for number in (0, 3, 1, 2)]
    assert found == [("account.missing", "z"), *staged]


def test_stored_hashes_give_the_root_of_any_range(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(700))
    sealed = seal(rt, log)
    with reading(log) as connection:
        leaves = list(connection.execute(select(audit_event.c.leaf).order_by(audit_event.c.seq)).scalars())
        tree = StoredTree(connection)
        ranges = [(at, at + size) for size in (1, 64, 128, 256, 512) for at in range(0, 700 - size, size)]
        for start, stop in [*ranges, (0, 700), (512, 700), (640, 700), (0, 300), (256, 300)]:
            assert tree.subtree(start, stop) == root_of(leaves[start:stop])
    assert (count(log, audit_node), sealed.root) == (2, root_of(leaves).hex())


@pytest.mark.parametrize("steps", [(120, 140, 260), (255, 1, 1), (128, 128, 256), (1, 254, 2, 255), (300, 5, 213)])
def test_every_growth_across_the_edge_of_a_stored_subtree_is_proved(
    log: Engine, rt: Runtime, steps: tuple[int, ...]
) -> None:
    size = 0
    for step in steps:
        write(log, rt, range(size, size + step), run_id=f"run-{size:04}")
        size += step
        assert seal(rt, log).size == size


def test_two_sealers_and_four_writers_at_once_lose_and_double_nothing(log: Engine, rt: Runtime) -> None:
    failures: list[BaseException] = []

    def work(job: object, *arguments: object) -> None:
        try:
            for turn in range(6):
                job(turn, *arguments)
        except BaseException as failure:  # a thread's failure must reach the test
            failures.append(failure)

    def write_some(turn: int, writer: int) -> None:
        write(log, rt, range(writer * 1000 + turn * 20, writer * 1000 + turn * 20 + 20))

    threads = [threading.Thread(target=work, args=(write_some, writer)) for writer in range(4)]
    threads += [threading.Thread(target=work, args=(lambda _turn: seal(rt, log),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    seal(rt, log)
    with reading(log) as connection:
        keys = list(connection.execute(select(audit_event_index.c.key)).scalars())
    assert (len(keys), len(set(keys))) == (480, 480)
    assert verify_store(log).status == "intact"


def test_a_seal_that_fails_at_the_signature_has_moved_nothing(
    log: Engine, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log, rt, range(4))

    def fail(self: Signer, text: str) -> str:
        raise OSError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(Signer, "sign", fail)
        with pytest.raises(OSError, match="the disk is gone"):
            seal(rt, log)
    assert (count(log, audit_pending), count(log, audit_event)) == (4, 0)
    assert seal(rt, log).added == 4


@pytest.mark.parametrize("worth_a_thread", [500, 5_000])
def test_a_seal_killed_before_its_commit_leaves_the_events_waiting(
    log: Engine, rt: Runtime, worth_a_thread: int
) -> None:
    write(log, rt, range(2_000))
    program = (
        "import os; from arrears.audit import seal as module, waiting; from arrears.core.runtime import Runtime\n"
        f"waiting.WORTH_A_THREAD = {worth_a_thread}\n"
        "from arrears.core.settings import Settings; from arrears.store.engine import open_engine\n"
        "module._prove_growth = lambda *_: os._exit(9)\n"
        "rt = Runtime(Settings.from_environment()); module.seal(rt, open_engine(rt.settings.store_url))\n"
    )
    home = {"ARREARS_HOME": str(rt.settings.home)}
    assert subprocess.run([sys.executable, "-c", program], env=home, check=False).returncode == 9
    assert (count(log, audit_pending), count(log, audit_event)) == (2_000, 0)
    assert (seal(rt, log).added, verify_store(log).status) == (2_000, "intact")


def test_many_waiting_events_are_read_beside_the_writing_and_give_the_same_head(
    log: Engine, rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_rt = replace(rt, settings=Settings.from_environment({"ARREARS_HOME": str(tmp_path / "other")}))
    other = open_engine(other_rt.settings.store_url)
    metadata.create_all(other)
    for engine in (log, other):
        write(engine, rt, reversed(range(11_000)))
        write(engine, rt, range(1_000), "daily-2026-11-11-9")
    one = seal(rt, log)
    monkeypatch.setattr("arrears.audit.waiting.WORTH_A_THREAD", 10_000)
    with writing(other) as connection, readers(connection) as beside:
        assert len(beside) == 2
    two = seal(other_rt, other)
    assert (two.root, two.added, count(other, audit_pending)) == (one.root, 12_000, 0)
    assert verify_store(other).status == "intact"


def guards(log: Engine) -> set[tuple[str, str]]:
    with reading(log) as connection:
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {(row.name, row.sql) for row in found}


@pytest.mark.parametrize("broken", [False, True])
def test_every_guard_stands_again_after_many_events_were_sealed_or_were_not(
    log: Engine, rt: Runtime, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    before = guards(log)
    monkeypatch.setattr("arrears.audit.waiting.WORTH_A_THREAD", 100)
    write(log, rt, range(300))
    if broken:
        monkeypatch.setattr("arrears.audit.move.forget_rest", lambda _connection: 0)
        with pytest.raises(Finding, match="300 events were read, but 0 waited"):
            seal(rt, log)
    else:
        assert seal(rt, log).added == 300
        for table in ("audit_event", "audit_event_index"):
            with pytest.raises(DatabaseError, match=r"append-only|no gaps"), writing(log) as connection:
                connection.exec_driver_sql(f"REPLACE INTO {table} SELECT * FROM {table}")
    assert guards(log) == before
    assert {"audit_event_no_gap", "audit_event_index_no_replace"} <= {name for name, _ in before}


def test_what_the_sealing_transaction_wrote_itself_is_not_overlooked(
    log: Engine, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arrears.audit.waiting.WORTH_A_THREAD", 100)
    write(log, rt, range(300))
    with writing(log) as connection:
        record_many(connection, rt, run_id=RUN, events=events([300]))
        with readers(connection) as beside:
            assert not beside
        frontier = Frontier()
        move(connection, frontier)
    assert (frontier.size, count(log, audit_pending), count(log, audit_event)) == (301, 0, 301)


def test_an_event_changed_while_it_waited_among_many_moves_nothing(
    log: Engine, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arrears.audit.waiting.WORTH_A_THREAD", 100)
    write(log, rt, range(12_000))
    unguarded(log, "UPDATE audit_pending SET body = x'7b7d' WHERE id = 11000")
    with pytest.raises(Finding, match=r"changed after it was written: not sealed \(it would be 10999\)"):
        seal(rt, log)
    assert (count(log, audit_pending), count(log, audit_event)) == (12_000, 0)


def test_a_checkpoint_file_that_a_crash_left_unwritten_is_written_by_the_next_seal(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(4))
    sealed = seal(rt, log)
    file = rt.settings.home / "checkpoints" / "4.txt"
    file.unlink()
    seal(rt, log)
    assert file.read_text(encoding="utf-8") == sealed.checkpoint


def test_a_store_that_was_set_back_is_not_sealed(log: Engine, rt: Runtime, store_template: Path) -> None:
    import shutil

    write(log, rt, range(4))
    seal(rt, log)
    log.dispose()
    for file in rt.settings.home.glob("arrears.sqlite*"):
        file.unlink()
    shutil.copyfile(store_template, rt.settings.home / "arrears.sqlite")
    write(log, rt, range(2))
    with pytest.raises(Finding, match="set back"):
        seal(rt, log)


def unguarded(log: Engine, statement: str) -> None:
    """What the owner of a database can always do."""
    with writing(log) as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM audit_event WHERE seq = 299", "its last checkpoint says 300"),
        ("UPDATE audit_checkpoint SET frontier = zeroblob(length(frontier))", "not what was signed"),
        ("UPDATE audit_checkpoint SET frontier = x'00'", "cannot be trusted"),
        ("UPDATE audit_checkpoint SET root = 'abc'", "not what was signed"),
        ("UPDATE audit_checkpoint SET note = replace(note, '300', '299')", "not the checkpoint in the store"),
        ("UPDATE audit_node SET hash = zeroblob(32)", "no longer begins"),
        ("DELETE FROM audit_node", "cannot prove that it only grew"),
        ("UPDATE audit_pending SET body = x'7b7d'", "changed after it was written"),
    ],
)
def test_nothing_is_signed_over_a_log_that_no_longer_agrees(log: Engine, rt: Runtime, damage: str, said: str) -> None:
    write(log, rt, range(300))
    seal(rt, log)
    write(log, rt, range(300, 310))
    unguarded(log, damage)
    with pytest.raises(Finding, match=said):
        seal(rt, log)
    assert count(log, audit_checkpoint) == 1


def test_a_lost_key_is_never_replaced_in_silence(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(2))
    seal(rt, log)
    key_file(rt.settings).unlink()
    write(log, rt, range(2, 4))
    with pytest.raises(PermanentFailure, match="no signing key"):
        seal(rt, log)
    ensure_key(rt.settings, SystemEntropy())
    with pytest.raises(PermanentFailure, match="not one this log knows"):
        seal(rt, log)


def test_a_live_store_without_a_key_fails_closed(log: Engine, tmp_path: Path, rt: Runtime) -> None:
    live = Settings.from_environment({"ARREARS_HOME": str(tmp_path / "var"), "ARREARS_MODE": "live"})
    write(log, rt, range(2))
    with pytest.raises(PermanentFailure, match="arrears init"):
        seal(Runtime(live, SystemClock(), SystemEntropy()), log)


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize(
    "change", ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "INSERT OR REPLACE INTO {t} SELECT * FROM {t}"]
)
def test_what_is_sealed_refuses_every_change(log: Engine, rt: Runtime, table: str, change: str) -> None:
    write(log, rt, range(300))
    seal(rt, log)
    column = metadata.tables[table].primary_key.columns.values()[0].name
    before = count(log, metadata.tables[table])
    with pytest.raises(DatabaseError, match=r"append-only|no gaps|only grows"), writing(log) as connection:
        connection.exec_driver_sql(change.format(t=table, c=column))
    assert count(log, metadata.tables[table]) == before > 0


@pytest.mark.parametrize("seq", [0, 3, 5, -1])
def test_the_log_takes_no_gap_and_no_second_row(log: Engine, rt: Runtime, seq: int) -> None:
    write(log, rt, range(4))
    seal(rt, log)
    with pytest.raises(DatabaseError, match="no gaps"), writing(log) as connection:
        connection.execute(audit_event.insert(), {"seq": seq, "leaf": b"", "body": b""})


def test_a_waiting_event_can_be_neither_changed_nor_replaced(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(2))
    for change in ("UPDATE audit_pending SET run_id = 'x'", "REPLACE INTO audit_pending SELECT * FROM audit_pending"):
        with pytest.raises(DatabaseError, match="append-only"), writing(log) as connection:
            connection.exec_driver_sql(change)


def test_a_float_is_no_evidence(log: Engine, rt: Runtime) -> None:
    with pytest.raises(TypeError, match="floats"), writing(log) as connection:
        record(connection, rt, run_id=RUN, type="t", key="k", business_date=DAY, data={"amount": 1.5})


@pytest.mark.parametrize(("kind", "key"), [("", "k"), ("t", "")])
def test_an_event_without_type_or_key_is_refused(log: Engine, rt: Runtime, kind: str, key: str) -> None:
    with pytest.raises(ValueError, match="type and a key"), writing(log) as connection:
        record(connection, rt, run_id=RUN, type=kind, key=key, business_date=DAY)
