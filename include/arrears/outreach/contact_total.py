"""What a contact adds up to: one figure for its message, its work list and the record."""

from collections.abc import Iterable
from typing import NamedTuple

from arrears.outreach.gates import APART


class Said(NamedTuple):
    """What one item speaks of, of which contract, in minor units."""

    about: str
    account_id: str
    currency: str
    amount_minor: int


def totals(items: Iterable[Said]) -> dict[str, int]:
    """Add up what is owed by currency, each contract once.

    What was promised is a part of what is owed, and counts only when alone; thanks ask for nothing.
    """
    asked = [one for one in items if one.about != "cured"]
    counted = [one for one in asked if one.about not in APART] or asked
    owed: dict[tuple[str, str], int] = {}
    for one in counted:
        owed.setdefault((one.currency, one.account_id), one.amount_minor)
    found: dict[str, int] = {}
    for (currency, _), amount in owed.items():
        found[currency] = found.get(currency, 0) + amount
    return found


def headline(items: Iterable[Said], preferred: str) -> tuple[str, int]:
    """Return the one currency and amount a contact is known by: the preferred one, unless all is owed in another."""
    found = totals(items)
    currency = preferred if preferred in found or not found else min(found)
    return currency, found.get(currency, 0)
