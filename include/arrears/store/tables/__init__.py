"""Every table of the store, one module an area; importing this package fills ``metadata``."""

from arrears.store.tables import (
    audit,
    decisions,
    feeds,
    legal,
    outreach,
    oversight,
    people,
    reports,
    repossession,
    runs,
)
from arrears.store.tables.base import metadata

__all__ = [
    "audit",
    "decisions",
    "feeds",
    "legal",
    "metadata",
    "outreach",
    "oversight",
    "people",
    "reports",
    "repossession",
    "runs",
]
