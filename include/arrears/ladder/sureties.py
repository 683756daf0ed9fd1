"""Who answers for the debt of another: who owes an account is its debtor, whatever other role he has in it."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists

from arrears.store.tables.people import account_party

SURETIES = ("guarantor", "dealer_buyback")
DEBTORS = ("borrower", "co_borrower")


def is_only_surety(account_id: ColumnElement[Any], party_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Say in SQL whether a person answers for an account without owing it himself."""
    return and_(_has_role(account_id, party_id, SURETIES), ~owes(account_id, party_id))


def owes(account_id: ColumnElement[Any], party_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Say in SQL whether a person is borrower or co-borrower of an account."""
    return _has_role(account_id, party_id, DEBTORS)


def _has_role(
    account_id: ColumnElement[Any], party_id: ColumnElement[Any], roles: tuple[str, ...]
) -> ColumnElement[bool]:
    tie = account_party.alias()
    return exists().where(tie.c.account_id == account_id, tie.c.party_id == party_id, tie.c.role.in_(roles))
