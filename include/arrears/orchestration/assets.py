"""What other DAGs may wait for: an accepted ledger and a sealed log; hashes, counts and totals ride on their events."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset

LEDGER = Asset(name="arrears_ledger", uri="x-arrears://ledger")
AUDIT_LOG = Asset(name="arrears_audit_log", uri="x-arrears://audit-log")


def announce(context: Mapping[str, Any], result: object) -> None:
    """Put what a step returned onto the events of the assets it makes; steps return keys, counts and hashes only."""
    if isinstance(result, dict):
        for outlet in context["outlets"]:
            context["outlet_events"][outlet].extra.update(result)
