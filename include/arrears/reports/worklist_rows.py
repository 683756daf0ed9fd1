"""Read what stands on today's work lists: one row a contract, the contracts of a customer together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Subquery, and_, case, func, select, true

from arrears.reports.scope import (
    CARRIED,
    STAFFED,
    contact_of_branch,
    desk_of_contact,
    in_force,
    is_co_borrower,
    is_told,
)
from arrears.reports.work import LANES
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account, outcome
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.people import party


@dataclass(frozen=True)
class Row:
    """One contract on one list; everything a collector needs to make the call."""

    desk: str
    account_id: str
    party_id: str
    party_name: str | None
    mobile: str | None
    address: str | None
    channel: str
    audience: str
    tone: str
    overdue_instalments: int
    amount_minor: int
    total_minor: int
    currency: str
    product: str
    last_outcome: str | None
    last_on: str | None
    lane: str


def rows_by_desk(
    connection: Connection,
    business_date: date,
    branch: str | None = None,
    limit: int | None = None,
    *,
    only_open: bool = False,
) -> Iterator[tuple[str, list[Row]]]:
    """Yield each desk with its rows: a member of staff, the legal desk for letters, '' for what nobody owns.

    The easy ones come first, then those who move the machine; a customer's contracts and channels stand together.
    ``only_open`` leaves out what somebody has told the result of.
    """
    rows = map(_row, connection.execute(_query(business_date, branch, limit, only_open=only_open)))
    for desk, found in groupby(rows, key=lambda row: row.desk):
        yield desk, _customers_together(_each_contract_once(found))


def _query(business_date: date, branch: str | None, limit: int | None, *, only_open: bool) -> Any:
    """Ask for the rows in their order; what is told of them is looked up for those within the limit only."""
    chosen = _chosen(business_date, branch, limit, only_open=only_open)
    audience = case((is_co_borrower(item.c.account_id, contact.c.party_id), "co_borrower"), else_=contact.c.audience)
    return (
        select(
            chosen.c.desk,
            item.c.account_id,
            contact.c.party_id,
            party.c.name,
            party.c.mobile,
            func.coalesce(party.c.service_address, party.c.address).label("address"),
            contact.c.channel,
            audience.label("audience"),
            contact.c.tone,
            item.c.overdue_instalments,
            item.c.amount_minor,
            contact.c.total_minor,
            item.c.currency,
            account.c.asset_make,
            account.c.asset_model,
            outcome.c.outcome,
            outcome.c.at,
            chosen.c.lane,
        )
        .select_from(chosen)
        .join(contact, contact.c.contact_id == chosen.c.contact_id)
        .join(item, item.c.item_key == chosen.c.item_key)
        .join(account, account.c.account_id == item.c.account_id)
        .join(party, party.c.party_id == contact.c.party_id, isouter=True)
        .join(outcome, outcome.c.outcome_key == _newest_outcome(), isouter=True)
        .order_by(
            chosen.c.desk, chosen.c.lane, contact.c.total_minor.desc(), contact.c.party_id, contact.c.channel,
            item.c.account_id,
        )
    )  # fmt: skip


def _chosen(business_date: date, branch: str | None, limit: int | None, *, only_open: bool) -> Subquery:
    """Return which items stand on a list of the day, the first ones of the first desks where there is a limit."""
    desk = desk_of_contact().label("desk")
    lane = case({name: place for place, name in enumerate(LANES)}, value=decision.c.lane, else_=len(LANES))
    return (
        select(desk, lane.label("lane"), contact.c.contact_id, item.c.item_key)
        .select_from(contact)
        .join(item, item.c.contact_id == contact.c.contact_id)
        .join(decision, and_(decision.c.account_id == item.c.account_id, in_force(business_date, None)), isouter=True)
        .where(
            contact.c.business_date == business_date,
            contact.c.channel.in_(STAFFED),
            contact.c.state.in_(CARRIED),
            item.c.dropped_reason.is_(None),
            contact_of_branch(branch),
            ~is_told() if only_open else true(),
        )
        .order_by(
            "desk", "lane", contact.c.total_minor.desc(), contact.c.party_id, contact.c.channel, item.c.account_id
        )
        .limit(limit)
        .subquery("chosen")
    )


def _newest_outcome() -> Any:
    """Ask for what came of the last contact with a person about an account."""
    last = outcome.alias("last")
    return (
        select(last.c.outcome_key)
        .where(last.c.account_id == item.c.account_id, last.c.party_id == contact.c.party_id)
        .order_by(last.c.at.desc(), last.c.outcome_key)
        .limit(1)
        .correlate(item, contact)
        .scalar_subquery()
    )


def _row(found: Any) -> Row:
    product = " ".join(part for part in (found.asset_make, found.asset_model) if part)
    return Row(
        desk=found.desk,
        account_id=found.account_id,
        party_id=found.party_id,
        party_name=found.name,
        mobile=found.mobile,
        address=found.address,
        channel=found.channel,
        audience=found.audience,
        tone=found.tone,
        overdue_instalments=found.overdue_instalments,
        amount_minor=found.amount_minor,
        total_minor=found.total_minor,
        currency=found.currency,
        product=product,
        last_outcome=found.outcome,
        last_on=found.at[:10] if found.at else None,
        lane=(*LANES, "")[found.lane],
    )


def _each_contract_once(rows: Iterable[Row]) -> list[Row]:
    """Keep one row a person, channel and contract: two steps of a day are one conversation about one debt."""
    once = {(row.party_id, row.channel, row.account_id): row for row in rows}
    return list(once.values())


def _customers_together(rows: list[Row]) -> list[Row]:
    """Keep the order of customers by their most pressing row, and put all rows of a customer there."""
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        first.setdefault(row.party_id, place)
    return sorted(rows, key=lambda row: first[row.party_id])
