"""The roles of a PostgreSQL store: the auditor reads and changes nothing, the application cannot touch the log."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib import import_module
from importlib.resources import files

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from old_store import at_revision
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.exc import ProgrammingError

from arrears.audit.record import Event, record_many
from arrears.audit.seal import seal
from arrears.audit.verify import verify_store
from arrears.core.runtime import Runtime
from arrears.store import migrate
from arrears.store.engine import open_engine, reading, writing
from arrears.store.months import make_months
from arrears.store.tables import metadata
from arrears.store.tables.audit import APPEND_ONLY
from arrears.store.views import questions

pytestmark = pytest.mark.real

DAY = date(2026, 11, 12)
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def guarded(postgres_store: Engine) -> Engine:
    """The store after its administrator ran the roles, twice."""
    for _ in range(2):
        with writing(postgres_store) as connection:
            connection.connection.cursor().execute(files("arrears.store").joinpath("roles.sql").read_text("utf-8"))
    return postgres_store


def engine_of(guarded: Engine, role: str) -> Engine:
    return create_engine(guarded.url, connect_args={"options": f"-c role={role}"})


@pytest.fixture
def auditor(guarded: Engine) -> Iterator[Engine]:
    engine = engine_of(guarded, "arrears_auditor")
    yield engine
    engine.dispose()


@pytest.fixture
def app(guarded: Engine) -> Iterator[Engine]:
    engine = engine_of(guarded, "arrears_app")
    yield engine
    engine.dispose()


def refused(engine: Engine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), writing(engine) as connection:
        connection.exec_driver_sql(statement)


def write(engine: Engine, rt: Runtime) -> None:
    with writing(engine) as connection:
        record_many(connection, rt, run_id="daily-2026-11-12-1", events=[
            Event("account.staged", f"k{n}", DAY, detail={"note": "erasable"}) for n in range(300)])  # fmt: skip


def test_every_question_is_answered_to_the_auditor(auditor: Engine) -> None:
    with reading(auditor) as connection:
        for question in questions():
            connection.exec_driver_sql(f"SELECT * FROM {question}").all()


def test_every_write_of_the_auditor_is_refused(auditor: Engine, guarded: Engine) -> None:
    for table in [*metadata.tables, "alembic_version"]:
        column = inspect(guarded).get_columns(table)[0]["name"]
        for statement in (
            f"INSERT INTO {table} DEFAULT VALUES",
            f'UPDATE {table} SET "{column}" = "{column}"',
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"DROP TABLE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        ):
            refused(auditor, statement)
    for statement in ("CREATE TABLE mine (x int)", f"CREATE OR REPLACE VIEW {next(iter(questions()))} AS SELECT 1",
                      "CREATE TEMP TABLE mine (x int)"):  # fmt: skip
        refused(auditor, statement)


def test_the_auditor_sees_no_person(auditor: Engine) -> None:
    for column in ("name", "mobile", "email", "address", "service_address", "id_no"):
        refused(auditor, f"SELECT {column} FROM party")
    for table, column in (("work_item", "script"), ("outcome", "note"), ("hold", "reason"), ("committee", "reason"),
                          ("visit_request", "reason")):  # fmt: skip
        refused(auditor, f"SELECT {column} FROM {table}")
    for column in ("key_info", "gps_device_no", "debit_mandate"):
        refused(auditor, f"SELECT {column} FROM account")
    for place in ("note FROM outcome", "lat FROM location", "lon FROM order_report", "detail FROM event_detail"):
        refused(auditor, f"SELECT {place}")
    with reading(auditor) as connection:
        assert connection.exec_driver_sql("SELECT party_id, erased_at FROM party").all() == []
        assert connection.exec_driver_sql("SELECT account_id, outcome, at FROM outcome").all() == []
        assert connection.exec_driver_sql("SELECT account_id, asset_serial, closed_on FROM account").all() == []


def test_the_application_writes_seals_and_verifies_and_cannot_change_the_log(app: Engine, rt: Runtime) -> None:
    write(app, rt)
    assert seal(rt, app).added == 300
    assert verify_store(app).status == "intact"
    for table in APPEND_ONLY:
        column = metadata.tables[table].primary_key.columns.values()[0].name
        for statement in (
            f"UPDATE {table} SET {column} = {column}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"DROP TABLE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        ):
            refused(app, statement)
    refused(app, "UPDATE audit_pending SET run_id = 'x'")
    refused(app, "UPDATE event_detail SET subject_ref = 'x'")


def test_the_application_has_the_table_of_a_month_made_and_the_auditor_reads_it(app: Engine, auditor: Engine) -> None:
    assert make_months(app, date(2031, 5, 3))
    for month in ("decision_2031_05", "decision_2031_06"):
        refused(app, f"DROP TABLE {month}")
    with reading(auditor) as connection:
        where = "SELECT tableoid::regclass::text FROM decision WHERE business_date >= '2031-05-01'"
        assert connection.exec_driver_sql(where).all() == []
    refused(auditor, "SELECT arrears_make_month('2032-01-01')")


def test_without_the_right_to_make_a_month_the_day_goes_on_and_says_what_to_run(
    guarded: Engine, app: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with writing(guarded) as connection:
        connection.exec_driver_sql("REVOKE EXECUTE ON FUNCTION arrears_make_month(date) FROM arrears_app")
    assert not make_months(app, date(2031, 5, 3))
    [line] = caplog.messages
    assert "InsufficientPrivilege" in line
    assert "`arrears roles`" in line


def test_an_upgrade_of_a_store_with_roles_gives_the_application_its_right(guarded: Engine, app: Engine) -> None:
    upgrade = import_module("arrears.store.migrations.versions.0032_months_ahead").upgrade
    with writing(guarded) as connection:
        connection.exec_driver_sql("DROP FUNCTION arrears_make_month(date)")
        with Operations.context(MigrationContext.configure(connection)):
            upgrade()
        connection.exec_driver_sql("ALTER FUNCTION arrears_make_month(date) OWNER TO arrears_owner")
    assert make_months(app, date(2031, 5, 3))


def test_the_application_writes_what_an_upgrade_adds_before_the_roles_are_given_again(postgres_database: str) -> None:
    engine = open_engine(postgres_database)
    at_revision(engine, "0034")
    before = set(inspect(engine).get_table_names())
    with writing(engine) as connection:
        connection.connection.cursor().execute(files("arrears.store").joinpath("roles.sql").read_text("utf-8"))
    migrate.upgrade(engine)
    added = set(metadata.tables) - before
    assert {"court_filing", "batch_question", "decided_range", "emergency_packet", "account_clock"} <= added
    with reading(engine) as connection:
        for table in sorted(added):
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                asked = f"SELECT has_table_privilege('arrears_app', '{table}', '{right}')"
                assert connection.exec_driver_sql(asked).scalar_one(), (table, right)
    engine.dispose()


def test_two_that_make_one_month_at_once_make_it_once(guarded: Engine, app: Engine) -> None:
    with writing(guarded) as connection:
        connection.exec_driver_sql("SELECT arrears_make_month('2031-05-03')")
        with ThreadPoolExecutor(1) as other:
            second = other.submit(make_months, app, date(2031, 5, 3))
            with guarded.connect() as looking:
                while not second.done() and not looking.exec_driver_sql(WAITS).scalar():
                    looking.rollback()
            connection.commit()
            assert second.result()


def test_a_view_made_anew_by_the_owner_is_open_to_the_auditor(guarded: Engine, auditor: Engine) -> None:
    owner = engine_of(guarded, "arrears_owner")
    with writing(owner) as connection:
        from arrears.store.views import create_views, drop_views

        drop_views(connection)
        create_views(connection)
    owner.dispose()
    for question in questions():
        with reading(auditor) as connection:
            connection.exec_driver_sql(f"SELECT * FROM {question}").all()


def test_the_auditor_verifies_the_log_without_reading_what_was_written_about_people(
    app: Engine, auditor: Engine, rt: Runtime
) -> None:
    write(app, rt)
    seal(rt, app)
    verdict = verify_store(auditor)
    assert verdict.status == "intact"
    assert "no right to read them" in verdict.message
    with writing(app) as connection:
        connection.exec_driver_sql("DELETE FROM event_detail")
    assert verify_store(auditor).status == "tampered"


def test_the_application_may_erase_an_account_and_the_log_stays_whole(app: Engine, rt: Runtime) -> None:
    from arrears.audit.erasure import erase, find_account
    from arrears.store.tables.feeds import account
    from arrears.store.tables.people import subject

    row = {"account_id": "A1", "subject_ref": "ref-1"}
    with writing(app) as connection:
        connection.execute(subject.insert(), row | {"created_at": "2026-01-01T00:00:00Z"})
        plain = {"contract_type": "loan", "currency": "CNY", "branch": "", "plate": "京A12345", "closed_on": DAY}
        connection.execute(account.insert(), row | plain)
        event = Event("approval.refused", "k", DAY, "ref-1", detail={"note": "about a person"})
        record_many(connection, rt, run_id="run-1", events=[event])
    seal(rt, app)
    with writing(app) as connection:
        found = find_account(connection, "A1")
        done = erase(connection, rt, found, run_id="run-2", on=DAY, basis="authority_order", by="S-DPO", files=0)
    seal(rt, app)
    assert done.details == 1
    assert verify_store(app).status == "intact"
    with reading(app) as connection:
        assert connection.exec_driver_sql("SELECT plate, subject_ref = 'ref-1' FROM account").one() == (None, False)
