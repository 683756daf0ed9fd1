"""The audit log keeps its promises on PostgreSQL: same root, no change, one sealer at a time."""

import threading
from datetime import date

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DatabaseError

from arrears.audit.record import Event, record_many
from arrears.audit.seal import seal
from arrears.audit.verify import verify_store
from arrears.core.runtime import Runtime
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import APPEND_ONLY, NEVER_CHANGED, TRIGGERS, audit_event

pytestmark = pytest.mark.real

DAY = date(2026, 11, 12)
KEYS = ["a-1", "a1", "A-1", "Z", "z", "_", "a.1"]
"""Keys that a database with a language of its own would sort in another order."""


def events(numbers: range) -> list[Event]:
    made = [Event("account.staged", f"{key}-{n}", DAY, f"subject-{n}", data={"n": n}) for n in numbers for key in KEYS]
    return [*made, Event("account.missing", "k", DAY, detail={"note": "erasable"})]


@pytest.fixture
def log(postgres_store: Engine) -> Engine:
    with writing(postgres_store) as connection:
        for dialect, ddl in TRIGGERS:
            if dialect == "postgresql":
                connection.exec_driver_sql(ddl)
    return postgres_store


def write(log: Engine, rt: Runtime, numbers: range) -> None:
    with writing(log) as connection:
        record_many(connection, rt, run_id="daily-2026-11-12-1", events=events(numbers))


def test_the_same_events_have_the_same_root_on_both_databases(log: Engine, store: Engine, rt: Runtime) -> None:
    from dataclasses import replace

    from arrears.core.entropy import SeededEntropy

    roots = []
    for engine in (log, store):
        seeded = replace(
            rt,
            entropy=SeededEntropy(3),
            settings=rt.settings.model_copy(update={"home": rt.settings.home / engine.dialect.name}),
        )
        write(engine, seeded, range(60))
        first = seal(seeded, engine)
        write(engine, seeded, range(60, 90))
        roots.append((first.root, seal(seeded, engine).root))
        assert verify_store(engine).status == "intact"
    assert roots[0] == roots[1]


@pytest.mark.parametrize("change", ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "TRUNCATE {t}"])
def test_the_owner_changes_nothing_by_accident(log: Engine, rt: Runtime, change: str) -> None:
    write(log, rt, range(60))
    seal(rt, log)
    write(log, rt, range(60, 62))
    tables = APPEND_ONLY if change.startswith("DELETE") else NEVER_CHANGED
    for table in tables:
        column = audit_event.metadata.tables[table].primary_key.columns.values()[0].name
        statement = change.format(t=table, c=column)
        with pytest.raises(DatabaseError, match="append-only"), writing(log) as connection:
            connection.exec_driver_sql(statement)


def test_a_replica_session_does_not_slip_past_the_guards(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(2))
    seal(rt, log)
    with pytest.raises(DatabaseError, match="append-only"), writing(log) as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica; DELETE FROM audit_event")


def test_the_log_takes_no_gap_and_no_second_row(log: Engine, rt: Runtime) -> None:
    write(log, rt, range(2))
    size = seal(rt, log).size
    for seq in (0, size - 1, size + 1, -1):
        with pytest.raises(DatabaseError, match="no gaps"), writing(log) as connection:
            connection.execute(audit_event.insert(), {"seq": seq, "leaf": b"", "body": b""})


def test_sealers_and_writers_at_once_lose_and_double_nothing(log: Engine, rt: Runtime) -> None:
    failures: list[BaseException] = []

    def work(job: object) -> None:
        try:
            for turn in range(8):
                job(turn)
        except BaseException as failure:  # a thread's failure must reach the test
            failures.append(failure)

    def writer(number: int) -> object:
        return lambda turn: write(log, rt, range(number * 1000 + turn * 3, number * 1000 + turn * 3 + 3))

    jobs = [*(writer(number) for number in range(4)), *[lambda _turn: seal(rt, log)] * 3]
    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    seal(rt, log)
    with reading(log) as connection:
        count, leaves = connection.execute(select(func.count(), func.count(audit_event.c.leaf.distinct()))).one()
    assert count == 4 * 8 * (3 * len(KEYS) + 1)
    assert leaves == count
    assert verify_store(log).status == "intact"


def test_events_that_waited_in_an_older_store_are_sealed_by_a_newer_one(log: Engine, rt: Runtime) -> None:
    from importlib import import_module

    write(log, rt, range(3))
    with writing(log) as connection:
        connection.exec_driver_sql(
            "CREATE TEMP TABLE older ON COMMIT DROP AS SELECT * FROM audit_pending; DELETE FROM audit_pending;"
            "UPDATE older SET subject_ref = NULL, action_id = NULL, business_date = NULL;"
            "INSERT INTO audit_pending SELECT * FROM older"
        )
        import_module("arrears.store.migrations.versions.0010_pending_index").fill(connection)
    assert seal(rt, log).added == 3 * len(KEYS) + 1
    assert verify_store(log).status == "intact"
