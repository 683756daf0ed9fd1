"""SQLAlchemy tables, migrations, engine and bulk writes; the invariants live in the schema."""
