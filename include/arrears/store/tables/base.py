"""The metadata, the naming of constraints, and the column kinds all tables share."""

from sqlalchemy import CheckConstraint, MetaData, String

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

Sha256 = String(64)
"""A SHA-256 as 64 lower-case hex digits."""

UtcText = String(20)
"""A moment as ``2026-11-12T01:30:00Z``: the same bytes and the same order on every database."""


AccountId = String(64).with_variant(String(64, collation="C"), "postgresql")
"""The ledger's name of an account, ordered byte by byte: a range of accounts is found by the index of any table."""


def one_of(column: str, *values: str) -> CheckConstraint:
    """Return a check that ``column`` holds one of ``values``."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")
