"""People and their roles: the rows of one account in a delivery are all parties it has."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select, tuple_

from arrears.ledger.rows import LOOK_UP, Row, write_changed
from arrears.store import bulk
from arrears.store.tables.people import account_party, party

TIES = ("account_id", "party_id", "role", "guarantee_kind", "guarantee_until")
PERSONAL = tuple(column.name for column in party.columns
                 if column.name not in ("party_id", "erased_at", "delivery_id", "row_no"))  # fmt: skip


def store_parties(connection: Connection, rows: list[Row]) -> None:
    """Write people and their ties to accounts; a tie no longer delivered ends, an erased person stays erased."""
    erased = _erased(connection)
    people = [row for row in _people(rows) if row["party_id"] not in erased]
    bulk.replace_all(connection, party, people)
    write_changed(connection, account_party, [_tie(row) for row in rows])
    _end_others(connection, rows)


def _tie(row: Row) -> Row:
    return {name: row[name] for name in (*TIES, "delivery_id", "row_no", "row_sha256")} | {"synthesised": False}


def _people(rows: Iterable[Row]) -> list[Row]:
    """Merge a person's rows: what one account's row leaves empty another's may say; the later word counts."""
    found: dict[str, Row] = {}
    for row in rows:
        known = found.setdefault(row["party_id"], {"party_id": row["party_id"], **dict.fromkeys(PERSONAL)})
        known |= {name: row[name] for name in PERSONAL if row[name] is not None}
        known |= {"delivery_id": row["delivery_id"], "row_no": row["row_no"]}
    return list(found.values())


def _erased(connection: Connection) -> set[str]:
    return set(connection.execute(select(party.c.party_id).where(party.c.erased_at.is_not(None))).scalars())


def _end_others(connection: Connection, rows: list[Row]) -> None:
    delivered = {(row["account_id"], row["party_id"], row["role"]) for row in rows}
    accounts = sorted({row["account_id"] for row in rows})
    keys = (account_party.c.account_id, account_party.c.party_id, account_party.c.role)
    for start in range(0, len(accounts), LOOK_UP):
        query = select(*keys).where(account_party.c.account_id.in_(accounts[start : start + LOOK_UP]))
        ended = [key for key in connection.execute(query) if tuple(key) not in delivered]
        if ended:
            connection.execute(delete(account_party).where(tuple_(*keys).in_(ended)))
