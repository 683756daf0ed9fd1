"""The machine and the people that an order names, as one hash: who approves it approves these and no others."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, select

from arrears.approvals.in_the_way import AT_ONCE
from arrears.core.keys import digest
from arrears.store.tables.feeds import account
from arrears.store.tables.people import account_party, party

MACHINE = ("asset_kind", "asset_make", "asset_model", "asset_serial", "engine_no", "plate", "asset_colour",
           "gps_device_no")  # fmt: skip
"""What tells one machine from another on the sheet that a crew carries; the hours it ran change every day."""


def targets_of(connection: Connection, account_ids: Collection[str]) -> dict[str, str]:
    """Return what an order about each account would name now, as a hash.

    An order keeps it from the moment it is proposed. A row that changes later, by a file at noon or the next ledger,
    makes it another order: it does not leave, it comes back, and it is asked anew.
    """
    ordered, found = sorted(account_ids), {}
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        people = defaultdict(list)
        tied = (
            select(account_party.c.account_id, account_party.c.role, account_party.c.party_id, party.c.name)
            .join(party, party.c.party_id == account_party.c.party_id)
            .where(account_party.c.account_id.in_(some))
        )
        for row in connection.execute(tied):
            people[row.account_id].append([row.role, row.party_id, row.name or ""])
        columns = [account.c[name] for name in MACHINE]
        machines = select(account.c.account_id, account.c.contract_type, *columns).where(account.c.account_id.in_(some))
        for row in connection.execute(machines):
            told = [value or "" for value in row]
            found[row.account_id] = digest({"machine": told, "people": sorted(people[row.account_id])})
    return found
