"""In a rehearsal an account without people gets an invented borrower, marked as such and unreachable."""

from sqlalchemy import Connection, exists, func, select

from arrears.core.keys import natural_key
from arrears.ladder.policy import Policy
from arrears.store import bulk
from arrears.store.tables.feeds import account
from arrears.store.tables.people import account_party, party

PREFIX = "sample-"


def synthesise_parties(connection: Connection, policy: Policy) -> int:
    """Give every account without a party an invented borrower and return how many accounts that were.

    Accounts of one customer share the person. Names count upwards, so a repeat invents the same people; mail goes to
    a reserved domain and numbers to an unassigned block, so nothing invented here can reach anybody.
    """
    people = select(account_party.c.account_id).where(account_party.c.account_id == account.c.account_id)
    bare = connection.execute(
        select(account.c.account_id, account.c.customer_id).where(~exists(people)).order_by(account.c.account_id)
    ).all()
    known = set(connection.execute(select(party.c.party_id).where(party.c.party_id.startswith(PREFIX))).scalars())
    number = connection.execute(
        select(func.count()).select_from(party).where(party.c.party_id.startswith(PREFIX))
    ).scalar_one()
    persons, ties = [], []
    for row in bare:
        party_id = PREFIX + natural_key(row.customer_id or row.account_id)[:32]
        if party_id not in known:
            known.add(party_id)
            number += 1
            persons.append(_person(party_id, number, policy))
        ties.append({"account_id": row.account_id, "party_id": party_id, "role": "borrower", "synthesised": True})
    bulk.insert_all(connection, party, persons)
    bulk.insert_all(connection, account_party, ties)
    return len(ties)


def _person(party_id: str, number: int, policy: Policy) -> dict[str, str]:
    chinese = policy.language == "zh"
    return {
        "party_id": party_id,
        "name": f"示例客户{number:04d}" if chinese else f"Sample Customer {number:04d}",
        "language": policy.language,
        "mobile": f"+86199{number:08d}",
        "email": f"sample{number:04d}@arrears.example",
        "address": f"示例市示例路{number}号" if chinese else f"{number} Sample Road, Sampletown",
    }
