"""Rows that arrive broken, as they do: fewer than one in a hundred, each on an account that must then be left alone."""

from datetime import date, timedelta

from arrears.rehearsal.contracts import Contract
from arrears.rehearsal.feeds import Feeds, yuan

UNKNOWN_ACCOUNT = "Z99999"


def add_faults(feeds: Feeds, contracts: list[Contract], on: date) -> None:
    """Add a duplicate, an exponent, a bad date, a thousands mark, a short row, an unknown account, an unknown word."""
    day = (on - timedelta(days=1)).isoformat()
    broken = [contract for contract in contracts if contract.story.name == "bad_schedule_row"]
    for contract, fault in zip(broken, ("duplicate", "exponent", "date"), strict=False):
        feeds.add_cells("instalments", _instalment(contract, fault))
    for contract in contracts:
        if contract.story.name == "bad_payment_row":
            feeds.add_cells(
                "payments", [f"Y-{contract.account_id}-x", contract.account_id, day, "1,000.00", "transfer"]
            )
    feeds.add_cells("payments", ["Y-unknown-1", UNKNOWN_ACCOUNT, day, "1000.00", "transfer"])
    for contract in broken[:1]:
        feeds.add_cells("payments", [f"Y-{contract.account_id}-x", contract.account_id, day])
        party_id = contract.borrower.party_id
        feeds.add_cells("outcomes", [contract.account_id, party_id, "call", f"{day}T02:00:00Z", "shouted", *[""] * 10])


def _instalment(contract: Contract, fault: str) -> list[str]:
    number, due = len(contract.dues), contract.dues[-1].isoformat()
    if fault == "duplicate":
        return [contract.account_id, str(number), due, yuan(contract.amount + 100), "", "", ""]
    if fault == "exponent":
        return [contract.account_id, str(number + 1), due, "1E+30", "", "", ""]
    return [contract.account_id, str(number + 1), "2027-02-30", yuan(contract.amount), "", "", ""]
