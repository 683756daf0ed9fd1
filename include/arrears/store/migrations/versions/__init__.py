"""Numbered migrations, read by Alembic."""
