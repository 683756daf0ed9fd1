"""A reading of a whole portfolio may take memory of PostgreSQL, for itself alone; no question is compiled."""

import pytest
from sqlalchemy import Connection, Engine, text

from arrears.store.engine import reading, reading_widely

pytestmark = pytest.mark.real


def shown(connection: Connection, *names: str) -> list[str]:
    return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]


def test_a_wide_reading_has_memory_of_its_own_and_no_question_is_compiled(postgres_store: Engine):
    with reading(postgres_store) as connection:
        before = shown(connection, "jit", "work_mem", "random_page_cost")
    with reading_widely(postgres_store) as connection:
        assert shown(connection, "jit", "work_mem", "random_page_cost") == ["off", "64MB", "1.1"]
    with reading(postgres_store) as connection:
        assert shown(connection, "jit", "work_mem", "random_page_cost") == before
    assert before[0] == "off"
    assert before[1:] != ["64MB", "1.1"]
