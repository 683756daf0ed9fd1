"""What a task may tell others about where its figures come from: hashes, counts and versions, nothing about people.

The step wrapper keeps what a step returned; ``lineage_facets`` hands it to OpenLineage, if that is installed.
"""

from collections.abc import Mapping
from typing import Any

FACETS: dict[str, tuple[str, ...]] = {
    "ledger": ("business_date", "sha256", "rows", "accepted", "quarantined", "accounts", "control_total_minor"),
    "policy": ("id", "version", "sha256"),
    "audit": ("size", "root"),
}
"""The facets and their fields: a step that returned all fields of one, plainly or as ``audit_size``, has that facet."""

_said: dict[str, Mapping[str, Any]] = {}


def keep(attempt: str, result: object) -> None:
    """Keep what the step of this attempt returned, in this process alone, until the next step returns."""
    _said.clear()
    if isinstance(result, Mapping):
        _said[attempt] = result


def facets_of(attempt: str) -> dict[str, dict[str, Any]]:
    """Return the facets of an attempt by name: their fields, and nothing else that its step returned."""
    result = _said.get(attempt, {})
    found = {}
    for name, fields in FACETS.items():
        told = {field: result.get(f"{name}_{field}", result.get(field)) for field in fields}
        if None not in told.values():
            found[name] = told
    return found
