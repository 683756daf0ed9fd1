"""The store keeps its promises on PostgreSQL too."""

import pytest
from sqlalchemy import Engine, inspect

from arrears.store.tables import metadata

pytestmark = pytest.mark.real


def test_the_whole_schema_stands_on_postgresql(postgres_store: Engine) -> None:
    assert set(metadata.tables) <= set(inspect(postgres_store).get_table_names())
