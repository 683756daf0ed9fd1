"""The store keeps its promises on PostgreSQL too."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from arrears.store.tables import metadata

pytestmark = pytest.mark.real


def test_the_whole_schema_stands_on_postgresql(postgres_store: Engine) -> None:
    with postgres_store.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [found for found in compare_metadata(context, metadata) if found[0] != "add_table_comment"]
    assert differences == []
