"""A payment imported during the day keeps the day on which it was told of first, however often a file lists it."""

from datetime import date

from sqlalchemy import Connection, select

from arrears.ledger.rows import LOOK_UP, Row
from arrears.store.tables.feeds import payment


def told_anew(connection: Connection, rows: list[Row], business_date: date) -> list[Row]:
    """Return the payments that say something new, as told on a day: another word about day or amount is news too."""
    known = _known(connection, sorted({row["account_id"] for row in rows}))
    return [row | {"business_date": business_date} for row in rows if _word(row) not in known]


def _word(row: Row) -> tuple[str, str, date, int]:
    return row["account_id"], row["payment_id"], row["paid_on"], row["amount_minor"]


def _known(connection: Connection, accounts: list[str]) -> set[tuple[str, str, date, int]]:
    told = select(payment.c.account_id, payment.c.payment_id, payment.c.paid_on, payment.c.amount_minor)
    found: set[tuple[str, str, date, int]] = set()
    for start in range(0, len(accounts), LOOK_UP):
        some = told.where(payment.c.account_id.in_(accounts[start : start + LOOK_UP]))
        found |= {tuple(row) for row in connection.execute(some)}
    return found
