"""The ground the other tests stand on."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.store.tables import metadata


def test_a_test_starts_from_a_store_with_the_whole_schema(store: Engine) -> None:
    with store.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_clock_of_a_test_stands_in_contact_hours(rt: Runtime) -> None:
    assert utc_text(rt.clock.now()) == "2026-11-12T02:00:00Z"


def test_a_test_never_reaches_a_real_channel(rt: Runtime) -> None:
    assert (rt.settings.mode, rt.settings.smtp_url, rt.settings.sms_url) == ("sandbox", None, None)
