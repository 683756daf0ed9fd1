"""On PostgreSQL the log's index begins a table with each month: a number stands once, each table has the guards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from importlib.resources import files

import pytest
from old_store import at_revision
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from arrears.audit import span
from arrears.audit.receipt import write_receipt
from arrears.audit.record import Event, record_many
from arrears.audit.seal import Sealed, seal
from arrears.audit.verify import verify_store
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Runtime
from arrears.store import migrate, months
from arrears.store.engine import open_engine, reading, writing
from arrears.store.months import make_months

pytestmark = pytest.mark.real

NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 12), date(2026, 12, 1), date(2027, 1, 2)
INDEX, FIRST = "audit_event_index", "audit_event_index_first"
IN_DECEMBER, IN_JANUARY = "audit_event_index_2026_12", "audit_event_index_2027_01"
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
TABLES = f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{INDEX}'::regclass"


def write(engine: Engine, rt: Runtime, on: date, count: int = 5) -> Sealed:
    events = [Event("account.staged", f"{on}-{n}", on, f"subject-{n}", data={"n": n}) for n in range(count)]
    with writing(engine) as connection:
        record_many(connection, rt, run_id=f"daily-{on}-1", events=events)
    return seal(rt, engine)


def live_through(engine: Engine, rt: Runtime, *days: date) -> Sealed:
    for on in days:
        make_months(engine, on)
        done = write(engine, rt, on)
    return done


def tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.exec_driver_sql(TABLES).scalars())


def rows(engine: Engine) -> list[tuple[str, int, int]]:
    """Return which numbers lie in which table."""
    asked = f"SELECT tableoid::regclass::text, min(seq), max(seq) FROM {INDEX} GROUP BY 1 ORDER BY 2"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(asked)]


def refusal(engine: Engine, statement: str) -> str:
    with pytest.raises(DBAPIError) as refused, writing(engine) as connection:
        connection.exec_driver_sql(statement)
    return str(refused.value.orig)


@pytest.fixture
def guarded(postgres_store: Engine) -> Engine:
    give_roles(postgres_store)
    return postgres_store


def give_roles(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.connection.cursor().execute(files("arrears.store").joinpath("roles.sql").read_text("utf-8"))


@pytest.fixture
def app(guarded: Engine) -> Iterator[Engine]:
    engine = create_engine(guarded.url, connect_args={"options": "-c role=arrears_app"})
    yield engine
    engine.dispose()


@pytest.fixture
def auditor(guarded: Engine) -> Iterator[Engine]:
    engine = create_engine(guarded.url, connect_args={"options": "-c role=arrears_auditor"})
    yield engine
    engine.dispose()


def test_what_is_sealed_since_a_month_began_lies_in_its_table(postgres_store, rt) -> None:
    live_through(postgres_store, rt, NOVEMBER, DECEMBER, JANUARY)
    assert rows(postgres_store) == [(FIRST, 0, 4), (IN_DECEMBER, 5, 9), (IN_JANUARY, 10, 14)]
    assert verify_store(postgres_store).status == "intact"


def test_a_month_begins_once_and_a_day_of_an_older_month_begins_none(postgres_store, rt) -> None:
    live_through(postgres_store, rt, NOVEMBER, DECEMBER, DECEMBER, NOVEMBER)
    assert rows(postgres_store) == [(FIRST, 0, 4), (IN_DECEMBER, 5, 19)], "what comes late lies where it was sealed"


def test_a_month_in_which_nothing_was_sealed_leaves_its_table_to_the_next(postgres_store, rt) -> None:
    assert make_months(postgres_store, NOVEMBER)
    live_through(postgres_store, rt, NOVEMBER, DECEMBER)
    make_months(postgres_store, JANUARY)
    make_months(postgres_store, date(2027, 2, 1))
    write(postgres_store, rt, date(2027, 2, 1))
    assert rows(postgres_store) == [(FIRST, 0, 4), (IN_DECEMBER, 5, 9), (IN_JANUARY, 10, 14)]


def test_months_change_no_root_and_no_receipt(postgres_store: Engine, store: Engine, rt: Runtime) -> None:
    told = []
    for engine in (postgres_store, store):
        home = rt.settings.model_copy(update={"home": rt.settings.home / engine.dialect.name})
        seeded = replace(rt, entropy=SeededEntropy(3), settings=home)
        done = live_through(engine, seeded, NOVEMBER, DECEMBER, JANUARY)
        told.append(
            (done.root, done.checkpoint, [write_receipt(engine, "subject-2", on) for on in (NOVEMBER, JANUARY)])
        )
    assert told[0] == told[1]


@pytest.mark.parametrize("change", ["UPDATE {t} SET seq = seq", "DELETE FROM {t}", "TRUNCATE {t}"])
def test_every_table_has_the_guards_for_its_owner_and_for_a_replica_session_too(postgres_store, rt, change) -> None:
    live_through(postgres_store, rt, NOVEMBER, DECEMBER, JANUARY)
    for table in (INDEX, FIRST, IN_DECEMBER, IN_JANUARY):
        for session in ("", "SET LOCAL session_replication_role = replica; "):
            assert "is append-only" in refusal(postgres_store, session + change.format(t=table)), table


def test_a_second_row_for_a_number_is_refused_whatever_its_time_says(postgres_store, rt) -> None:
    live_through(postgres_store, rt, NOVEMBER, DECEMBER)
    make_months(postgres_store, JANUARY)
    for seq in (2, 4, 5, 9):
        again = f"INSERT INTO {INDEX} SELECT seq, run_id, type, key, NULL, NULL, '2027-01-01T00:00:00Z', NULL"
        assert "duplicate key" in refusal(postgres_store, f"{again} FROM {INDEX} WHERE seq = {seq}")


def test_an_index_row_of_an_event_that_is_not_there_is_found_in_any_table(postgres_store, rt) -> None:
    live_through(postgres_store, rt, NOVEMBER)
    with writing(postgres_store) as connection:
        added = f"INSERT INTO {INDEX} SELECT seq + 100, run_id, type, key, NULL, NULL, at, NULL FROM {INDEX}"
        connection.exec_driver_sql(f"{added} WHERE seq = 0")
    live_through(postgres_store, rt, DECEMBER)
    assert rows(postgres_store) == [(FIRST, 0, 100)]
    assert verify_store(postgres_store).status == "tampered"


def test_a_month_begins_the_next_day_where_somebody_reads_the_index(postgres_store, rt, monkeypatch) -> None:
    live_through(postgres_store, rt, NOVEMBER)
    monkeypatch.setattr(months, "PATIENCE", "50ms")
    with postgres_store.begin() as connection:
        connection.exec_driver_sql(f"SELECT count(*) FROM {INDEX}")
        assert not make_months(postgres_store, DECEMBER)
    assert tables(postgres_store) == {FIRST}
    assert make_months(postgres_store, DECEMBER)
    assert tables(postgres_store) == {FIRST, IN_DECEMBER}


def test_two_days_that_begin_a_month_at_once_begin_it_once(postgres_store: Engine, rt: Runtime) -> None:
    live_through(postgres_store, rt, NOVEMBER)
    with writing(postgres_store) as connection, ThreadPoolExecutor(1) as other:
        connection.exec_driver_sql(f"SELECT arrears_begin_month('{DECEMBER}')")
        second = other.submit(make_months, postgres_store, DECEMBER)
        with postgres_store.connect() as looking:
            while not second.done() and not looking.exec_driver_sql(WAITS).scalar():
                looking.rollback()
        connection.commit()
        assert second.result()
    assert tables(postgres_store) == {FIRST, IN_DECEMBER}


def test_the_application_begins_a_month_and_writes_its_tables_through_the_whole_alone(
    guarded: Engine, app: Engine, auditor: Engine, rt: Runtime
) -> None:
    live_through(app, rt, NOVEMBER, DECEMBER)
    give_roles(guarded)
    live_through(app, rt, JANUARY)
    assert tables(guarded) == {FIRST, IN_DECEMBER, IN_JANUARY}
    for table in tables(guarded):
        for statement in (
            f"INSERT INTO {table} SELECT * FROM {table}",
            f"DELETE FROM {table}",
            f"UPDATE {table} SET seq = seq",
            f"TRUNCATE {table}",
        ):
            assert "permission denied" in refusal(app, statement)
        for statement in (
            f"DROP TABLE {table}",
            f"ALTER TABLE {INDEX} DETACH PARTITION {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        ):
            assert "must be owner" in refusal(app, statement)
    assert verify_store(app).status == "intact"
    assert "permission denied" in refusal(auditor, "SELECT arrears_begin_month('2027-03-01')")
    assert verify_store(auditor).status == "intact"
    with reading(auditor) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM audit_log").scalar() == 15
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {IN_JANUARY}").scalar() == 5


def test_an_older_store_with_roles_seals_begins_months_and_verifies_before_the_roles_are_given_again(
    postgres_empty: str, rt: Runtime
) -> None:
    owner = open_engine(postgres_empty)
    at_revision(owner, "0043")
    write(owner, rt, NOVEMBER)
    give_roles(owner)
    migrate.upgrade(owner)
    app, auditor = (
        create_engine(owner.url, connect_args={"options": f"-c role=arrears_{role}"}) for role in ("app", "auditor")
    )
    live_through(app, rt, DECEMBER)
    assert rows(auditor) == [(FIRST, 0, 4), (IN_DECEMBER, 5, 9)]
    assert verify_store(auditor).status == "intact"
    for engine in (app, auditor, owner):
        engine.dispose()


def test_verification_reads_the_part_of_the_index_that_it_compares_and_no_other_month(postgres_store, rt) -> None:
    live_through(postgres_store, rt, NOVEMBER, DECEMBER, JANUARY)
    asked: list[str] = []
    span.read(lambda query: asked.append(query) or [], "postgresql", 5, 10)
    with postgres_store.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {asked[0]}").scalars())
    assert IN_DECEMBER in plan
    assert FIRST not in plan
    assert IN_JANUARY not in plan
