"""What other DAGs may wait for: an accepted ledger, a sealed log, orders that wait for two people.

Hashes, counts and totals ride on their events. An alias becomes an event only when there is something to wait for.
"""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, AssetAlias

LEDGER = Asset(name="arrears_ledger", uri="x-arrears://ledger")
AUDIT_LOG = Asset(name="arrears_audit_log", uri="x-arrears://audit-log")
WAITING_ORDERS = Asset(name="arrears_waiting_orders", uri="x-arrears://waiting-orders")
PROPOSED_ORDERS = AssetAlias("arrears_proposed_orders")


def announce(context: Mapping[str, Any], result: object) -> None:
    """Put what a step returned onto the events of the assets it makes; steps return keys, counts and hashes only."""
    if isinstance(result, dict):
        for outlet in context["outlets"]:
            if outlet != PROPOSED_ORDERS:
                context["outlet_events"][outlet].extra.update(result)
            elif result["waiting"]:
                context["outlet_events"][outlet].add(WAITING_ORDERS, extra=dict(result))
