"""Runs the migrations on the connection it is handed; it never opens one of its own."""

from alembic import context

from arrears.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
