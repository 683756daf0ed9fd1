"""Whole columns are written and hashed exactly as single rows would be."""

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from arrears.audit.columns import Events, hole, record_columns, row_digests, words_of
from arrears.audit.record import Event, record_many
from arrears.core.keys import digest
from arrears.core.runtime import Runtime
from arrears.store.bulk import MOST_VALUES, insert_tuples
from arrears.store.columns import fetch, insert_columns, replace_columns
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_node, audit_pending
from arrears.store.tables.decisions import episode

DAY = date(2026, 11, 12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS, st.integers(-(2**40), 2**40)), min_size=1, max_size=20))
def test_a_row_hash_over_columns_is_the_hash_over_the_row(rows):
    columns = {
        name: pa.array(values) for name, values in zip(("id", "name", "minor"), zip(*rows, strict=True), strict=True)
    }
    columns["name"] = columns["name"].cast(pa.string()).dictionary_encode()
    template = {"minor": hole("minor"), "id": hole("id"), "name": hole("name"), "on": "2026-11-12"}
    assert row_digests(template, columns).to_pylist() == [
        digest({"id": a, "name": b, "minor": c, "on": "2026-11-12"}) for a, b, c in rows
    ]
    worded = {name: words_of(values) for name, values in columns.items()}
    assert row_digests(template, worded).to_pylist() == [
        digest({"id": a, "name": str(b), "minor": str(c), "on": "2026-11-12"}) for a, b, c in rows
    ]


def test_a_column_of_floats_has_no_hash():
    with pytest.raises(TypeError, match="no canonical form"):
        row_digests({"a": hole("a")}, {"a": pa.array([1.5])})


def test_columns_land_where_their_names_say_in_whatever_order_they_come(store: Engine):
    rows = {"opened_on": [date(2026, 11, 2)], "first_unpaid_due": [date(2026, 11, 1)], "account_id": ["A1"]}
    batch = pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in rows.items()})
    with writing(store) as connection:
        insert_columns(connection, episode, batch)
        found = connection.execute(select(episode.c.account_id, episode.c.first_unpaid_due, episode.c.opened_on)).one()
    assert found == ("A1", date(2026, 11, 1), date(2026, 11, 2))


def test_events_of_columns_are_the_events_of_rows(rt: Runtime, store: Engine):
    keys, refs, stages = ["k" * 64, "m" * 64], ["r1", "r2"], [1, 3]
    one = [Event("account.staged", key, DAY, ref, key, data={"stage": stage, "lane": "甲"}, policy_sha256="p" * 64,
                 causes=[key], ledger={"row_sha256": key})
           for key, ref, stage in zip(keys, refs, stages, strict=True)]  # fmt: skip
    template = Event("account.staged", hole("key"), DAY, hole("subject_ref"), hole("action_id"), policy_sha256="p" * 64,
                     data={"stage": hole("stage"), "lane": hole("lane")}, ledger={"row_sha256": hole("key")},
                     causes=[hole("key")])  # fmt: skip
    columns = {"key": pa.array(keys), "action_id": pa.array(keys), "subject_ref": pa.array(refs),
               "stage": pa.array(stages), "lane": pa.array(["甲", "甲"]).dictionary_encode()}  # fmt: skip
    with writing(store) as connection:
        record_many(connection, rt, run_id="run", events=one)
        record_columns(connection, rt, run_id="run", events=Events(template, columns))
    with reading(store) as connection:
        rows = [row[1:] for row in connection.execute(select(audit_pending).order_by(audit_pending.c.id))]
    assert rows[:2] == rows[2:]


def check_round_trip(store: Engine) -> None:
    """Write, overwrite and read back; PostgreSQL runs the same."""
    rows = pa.table({"account_id": ['a"b\\', "c,d", "e\n\\.\nf"], "first_unpaid_due": pa.array([DAY] * 3, pa.date32()),
                     "opened_on": pa.array([DAY] * 3, pa.date32()),
                     "cured_on": pa.array([None, DAY, None], pa.date32())})  # fmt: skip
    later = rows.slice(0, 2).set_column(3, "cured_on", pa.array([DAY, None], pa.date32()))
    query = select(episode.c.account_id, episode.c.first_unpaid_due, episode.c.cured_on).order_by(episode.c.account_id)
    schema = pa.schema([("account_id", pa.string()), ("due", pa.string()), ("cured", pa.string())])
    with writing(store) as connection:
        assert insert_columns(connection, episode, rows) == 3
        moved = later.set_column(2, "opened_on", pa.array([date(2026, 11, 13)] * 2, pa.date32()))
        assert replace_columns(connection, episode, moved, kept=("opened_on",)) == 2
    with reading(store) as connection:
        assert set(connection.execute(select(episode.c.opened_on)).scalars()) == {DAY}, "a kept column stays"
        assert connection.execute(query).all() == [('a"b\\', DAY, DAY), ("c,d", DAY, None), ("e\n\\.\nf", DAY, None)]
        ids = [batch.column("account_id").to_pylist() for batch in fetch(connection, query.with_only_columns(
            episode.c.account_id, episode.c.account_id, episode.c.account_id), schema, rows=2)]  # fmt: skip
    assert ids == [['a"b\\', "c,d"], ["e\n\\.\nf"]]
    with pytest.raises(IntegrityError) as refused, writing(store) as connection:
        insert_columns(connection, episode, rows)
    assert "c,d" not in str(refused.value)


def test_a_cell_that_holds_the_separator_is_refused_and_never_split(store: Engine):
    rows = pa.table({"account_id": ["a\x1fb"], "first_unpaid_due": pa.array([DAY]), "opened_on": pa.array([DAY])})
    schema = pa.schema([("account_id", pa.string()), ("opened_on", pa.string())])
    with writing(store) as connection:
        insert_columns(connection, episode, rows)
    with reading(store) as connection, pytest.raises(ValueError, match="U\\+001F"):
        list(fetch(connection, select(episode.c.account_id, episode.c.opened_on), schema))


def test_rows_come_back_whatever_their_number_and_none_twice(store: Engine):
    names = ("height", "position", "hash")
    together = MOST_VALUES // len(names)
    for height, count in enumerate((1, together, together + 1, 2 * together + 7)):
        with writing(store) as connection:
            insert_tuples(connection, audit_node, names, [(height, place, b"h") for place in range(count)])
            stored = connection.execute(select(audit_node.c.position).where(audit_node.c.height == height)).scalars()
            assert sorted(stored) == list(range(count))
    with pytest.raises(IntegrityError), writing(store) as connection:
        insert_tuples(connection, audit_node, names, [(9, place % together, b"h") for place in range(together + 1)])


def test_columns_come_back_as_they_went_in(store: Engine):
    check_round_trip(store)


@pytest.mark.real
def test_columns_come_back_as_they_went_in_on_postgresql(postgres_store: Engine):
    check_round_trip(postgres_store)
