"""The store keeps its promises on PostgreSQL too."""

import re
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from contact_crowd import fill
from old_store import A_MONTH
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from arrears.store import months
from arrears.store.account_range import AccountRange
from arrears.store.months import make_months
from arrears.store.tables import metadata
from arrears.store.tables.decisions import decision, episode, evidence
from arrears.store.tables.feeds import account, hold, promise
from arrears.store.tables.outreach import item
from arrears.store.tables.people import account_party, subject

pytestmark = pytest.mark.real

LITERAL = {"literal_binds": True}


def not_a_month(name: str | None, kind: str, parents: object) -> bool:
    return not (kind == "table" and A_MONTH.fullmatch(name or ""))


def test_the_whole_schema_stands_on_postgresql(postgres_store: Engine) -> None:
    with postgres_store.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": not_a_month})
        differences = [found for found in compare_metadata(context, metadata) if found[0] != "add_table_comment"]
    by_statement = [found for found in differences if found[0] == "add_fk" and found[1].parent.name == "decision"]
    assert differences == by_statement, "parents of decisions are looked up once a statement, by a trigger"
    assert len(by_statement) == 4


PARENTS = {"run_id": "run", "facts_sha256": "fact_set", "verdict_sha256": "verdict", "policy_sha256": "policy_text"}


@pytest.mark.parametrize(("column", "parent"), PARENTS.items())
def test_no_decision_points_at_nothing_and_nothing_goes_that_one_points_at(postgres_store, rt, column, parent) -> None:
    fill(rt, postgres_store, 3)
    names = ", ".join(one.name for one in decision.columns)
    other = names.replace("revision", "revision + 1").replace(column, f"'{'e' * 64}'")
    for attempt in (
        f"INSERT INTO decision ({names}) SELECT {other} FROM decision",
        f"UPDATE decision SET {column} = '{'e' * 64}' WHERE account_id = 'A1'",
        f"DELETE FROM {parent}",
        f"UPDATE {parent} SET {column} = '{'e' * 64}'",
    ):
        with pytest.raises(IntegrityError), postgres_store.begin() as connection:
            connection.exec_driver_sql(attempt)
    fine = names.replace("revision", "revision + 1")
    with postgres_store.begin() as connection:
        assert connection.exec_driver_sql(f"INSERT INTO decision ({names}) SELECT {fine} FROM decision").rowcount == 3


def test_a_range_of_accounts_is_found_by_an_index_in_every_table(postgres_store) -> None:
    among = AccountRange("A1", "A2")
    with postgres_store.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for table in (account, account_party, decision, episode, evidence, hold, item, promise, subject):
            query = among.of(connection, select(table.c.account_id), table.c.account_id)
            plan = connection.exec_driver_sql(f"EXPLAIN {query.compile(connection, compile_kwargs=LITERAL)}").scalars()
            assert re.search(r"Index Cond: .*account_id >= 'A1'", "".join(plan)), table.name


def test_a_decision_lies_in_the_table_of_its_month_and_a_day_of_another_year_is_not_refused(postgres_store, rt) -> None:
    fill(rt, postgres_store, 3)
    with postgres_store.begin() as connection:
        where = "SELECT DISTINCT tableoid::regclass::text FROM decision"
        assert connection.exec_driver_sql(where).scalars().all() == ["decision_2026_11"]
        connection.exec_driver_sql("UPDATE decision SET business_date = '2019-03-01' WHERE account_id = 'A1'")
        assert sorted(connection.exec_driver_sql(where).scalars()) == ["decision_2026_11", "decision_other"]
        plan = "EXPLAIN SELECT * FROM decision WHERE business_date = '2026-11-12'"
        assert "decision_2026_10" not in "".join(connection.exec_driver_sql(plan).scalars()), "one month is read"


def test_a_month_has_its_table_before_it_begins_and_takes_in_what_came_before_it(postgres_store, rt) -> None:
    fill(rt, postgres_store, 3)
    where = "SELECT DISTINCT tableoid::regclass::text FROM decision"
    with postgres_store.begin() as connection:
        connection.exec_driver_sql("UPDATE decision SET business_date = '2030-12-31' WHERE account_id = 'A1'")
        assert sorted(connection.exec_driver_sql(where).scalars()) == ["decision_2026_11", "decision_other"]
    assert make_months(postgres_store, date(2030, 12, 30)), "and a second time changes nothing"
    assert make_months(postgres_store, date(2030, 12, 31))
    with postgres_store.begin() as connection:
        assert sorted(connection.exec_driver_sql(where).scalars()) == ["decision_2026_11", "decision_2030_12"]
        connection.exec_driver_sql("UPDATE decision SET business_date = '2031-01-01' WHERE account_id = 'A1'")
        assert sorted(connection.exec_driver_sql(where).scalars()) == ["decision_2026_11", "decision_2031_01"]
        keys = "SELECT indkey::text FROM pg_index WHERE indrelid = 'decision_2031_01'::regclass ORDER BY 1"
        own, like = (connection.exec_driver_sql(asked).all() for asked in (keys, keys.replace("2031_01", "2026_11")))
        assert own == like
        assert len(own) == 4


def test_a_month_that_somebody_reads_is_left_to_the_next_day(postgres_store, monkeypatch) -> None:
    monkeypatch.setattr(months, "PATIENCE", "50ms")
    with postgres_store.begin() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM decision")
        assert not make_months(postgres_store, date(2030, 12, 30))
    assert make_months(postgres_store, date(2030, 12, 30))


def test_a_second_day_waits_until_the_first_gives_up_its_turn(postgres_url):
    from threading import Event, Thread

    from arrears.store.turn import turn

    waiting, done = Event(), Event()

    def second() -> None:
        with turn(postgres_url, waiting.set):
            done.set()

    with turn(postgres_url, lambda: None):
        other = Thread(target=second)
        other.start()
        assert waiting.wait(30)
        assert not done.is_set()
    other.join(30)
    assert done.is_set()
