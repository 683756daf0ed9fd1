"""Numbered, forward-only migrations: the one way a store gets its schema, on SQLite and PostgreSQL alike."""

import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, String, column, select, table
from sqlalchemy.exc import DBAPIError

from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.store.engine import file_of, open_engine, open_to_read, writing
from arrears.store.identity import ensure_identity
from arrears.store.views import create_views, drop_views

NO_STORE = "no current store here: run `arrears init` (or set ARREARS_HOME or ARREARS_STORE_URL)"
_VERSION = select(column("version_num", String())).select_from(table("alembic_version"))


def upgrade(engine: Engine) -> None:
    """Bring the schema of a store to the newest revision; a store that is there already is left alone."""
    with writing(engine) as connection:
        drop_views(connection)  # a database refuses to change a table under a view
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        create_views(connection)


def open_store(rt: Runtime) -> Engine:
    """Return the engine of the configured store, made or migrated first, with its identity."""
    engine = open_engine(rt.settings.store_url)
    if not is_current(engine):
        upgrade(engine)
        with writing(engine) as connection:
            ensure_identity(connection, rt)
    return engine


def apply_roles(rt: Runtime) -> None:
    """Give owner, application and auditor their rights in the store, as its owner; safe to repeat.

    Raises:
        BadArguments: the store is no PostgreSQL, or is not current.
    """
    engine = existing_store(rt)
    if engine.dialect.name != "postgresql":
        raise BadArguments("roles belong to PostgreSQL: a SQLite store has one owner, its file's")
    with writing(engine) as connection:
        connection.connection.cursor().execute(files("arrears.store").joinpath("roles.sql").read_text("utf-8"))


def existing_store(rt: Runtime) -> Engine:
    """Return the engine of a store that must be there and current; one that may only be read is opened to read.

    Raises:
        BadArguments: there is no store, or it needs a migration.
    """
    url = rt.settings.store_url
    file = file_of(url)
    if file is not None and not file.is_file():  # to open it would make it
        raise BadArguments(NO_STORE)
    engine = open_engine(url) if file is None or _may_write(file) else open_to_read(file)
    if not is_current(engine):
        raise BadArguments(NO_STORE)
    return engine


def _may_write(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def is_current(engine: Engine) -> bool:
    """Say whether the store stands at the newest revision."""
    return _revision(engine) == newest_revision()


def _revision(engine: Engine) -> str | None:
    """Ask the one row outright, for every step asks; only a store without it is looked at the long way."""
    try:
        with engine.connect() as connection:
            return connection.execute(_VERSION).scalar()
    except DBAPIError:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()


@lru_cache(maxsize=1)
def newest_revision() -> str | None:
    """Return the revision this package ends at; its files are read once, for every step asks."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
