"""Legal work of the day: packets and what they still lack, approvals that wait, orders, and clocks that run out."""

from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, func, select

from arrears.reports.running import running_clocks
from arrears.reports.scope import in_force, of_branch, tally
from arrears.reports.standing import Amounts
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account
from arrears.store.tables.legal import packet
from arrears.store.tables.people import account_party, party
from arrears.store.tables.repossession import ORDER_OPEN, approval, repossession_order

STILL_RUNNING = ("open", "approved")


@dataclass(frozen=True)
class PacketLine:
    """One account three instalments behind, with what is missing before it can be handed over."""

    account_id: str
    party_name: str | None
    state: str
    missing: tuple[str, ...]
    reasons: tuple[str, ...]
    open_remedies: tuple[str, ...]
    chosen_remedy: str | None
    overdue_instalments: int
    rung: int
    overdue_minor: int
    currency: str
    order_state: str | None
    """How far the open recovery order of the account is, if it has one."""
    approval_state: str | None = None
    """How far the approval of the packet itself is, if somebody was asked."""


@dataclass(frozen=True)
class Waiting:
    """A kind of question put to people and not yet answered."""

    kind: str
    count: int
    oldest_on: date


@dataclass(frozen=True)
class ClockLine:
    """One right that lapses soon: a guarantee or the limitation period of one account."""

    name: str
    account_id: str
    party_id: str
    expires_on: date
    amount_minor: int
    currency: str


@dataclass
class Lapsing:
    """Rights of one kind that lapse before the month ends; every account's money counts once."""

    count: int = 0
    amount: Amounts = field(default_factory=dict)
    lines: list[ClockLine] = field(default_factory=list)


def packets_by_state(connection: Connection, branch: str | None) -> Counter[str]:
    """Count the current packets by state."""
    rows = connection.execute(
        select(packet.c.state, func.count())
        .where(packet.c.superseded_on.is_(None), of_branch(packet.c.account_id, branch))
        .group_by(packet.c.state)
    )
    return tally(rows)


def packet_lines(connection: Connection, business_date: date, branch: str | None, limit: int) -> list[PacketLine]:
    """Return the current packets that need work, those nearest to hand-over first, then the largest amounts."""
    borrower = (
        select(func.min(account_party.c.party_id))
        .where(account_party.c.account_id == packet.c.account_id, account_party.c.role == "borrower")
        .correlate(packet)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            packet.c.account_id,
            party.c.name,
            packet.c.state,
            packet.c.missing,
            packet.c.reasons,
            packet.c.open_remedies,
            packet.c.chosen_remedy,
            decision.c.overdue_instalments,
            decision.c.rung,
            decision.c.overdue_minor,
            decision.c.currency,
            _open_order(),
            _approval(),
        )
        .select_from(packet)
        .join(decision, and_(decision.c.account_id == packet.c.account_id, in_force(business_date, branch)))
        .join(party, party.c.party_id == borrower, isouter=True)
        .where(packet.c.superseded_on.is_(None), packet.c.state != "withheld")
        .order_by(
            case((packet.c.state == "incomplete", 1), else_=0),  # what cannot be made is nearest to nothing
            func.json_array_length(packet.c.missing),
            decision.c.overdue_minor.desc(),
            packet.c.account_id,
        )
        .limit(limit)
    )
    return [
        PacketLine(row[0], row[1], row[2], _names(row[3]), _names(row[4]), _names(row[5]), row[6], row[7], row[8],
                   row[9], row[10], row[11], row[12])
        for row in rows
    ]  # fmt: skip


def _open_order() -> Any:
    """Ask how far the newest open order to recover the machine of a packet's account is."""
    order = repossession_order.c
    return (
        select(order.state)
        .where(order.account_id == packet.c.account_id, order.kind == "recover", order.state.in_(ORDER_OPEN))
        .order_by(order.order_no.desc())
        .limit(1)
        .correlate(packet)
        .scalar_subquery()
    )


def _approval() -> Any:
    """Ask how far the approval of a packet's own facts is."""
    return (
        select(approval.c.state)
        .where(approval.c.kind == "packet", approval.c.account_id == packet.c.account_id,
               approval.c.facts_sha256 == packet.c.facts_sha256, approval.c.state.in_((*STILL_RUNNING, "used")))
        .order_by(approval.c.ordinal.desc())
        .limit(1)
        .correlate(packet)
        .scalar_subquery()
    )  # fmt: skip


def approvals_waiting(connection: Connection, branch: str | None) -> list[Waiting]:
    """Return the questions that wait for people, by kind, the longest waiting first."""
    rows = connection.execute(
        select(approval.c.kind, func.count(), func.min(approval.c.requested_on))
        .where(approval.c.state == "open", approval.c.account_id.is_(None) | of_branch(approval.c.account_id, branch))
        .group_by(approval.c.kind)
    )
    return sorted((Waiting(*row) for row in rows), key=lambda line: (line.oldest_on, line.kind))


def orders_by_state(connection: Connection, branch: str | None) -> Counter[str]:
    """Count the repossession orders by state."""
    rows = connection.execute(
        select(repossession_order.c.state, func.count())
        .where(of_branch(repossession_order.c.account_id, branch))
        .group_by(repossession_order.c.state)
    )
    return tally(rows)


def lapsing(connection: Connection, business_date: date, branch: str | None) -> dict[str, Lapsing]:
    """Return guarantees and limitation periods of overdue accounts that lapse between today and the month's end.

    An agreed guarantee end comes from the parties feed; the clocks that were counted win, because they know whether
    a demand has already saved the claim. The money is the unpaid principal, or the overdue amount where the ledger
    states no principal.
    """
    last = business_date.replace(day=monthrange(business_date.year, business_date.month)[1])
    lines = _agreed_guarantees(connection, business_date, last, branch)
    lines.update(_counted_clocks(connection, business_date, last, branch))
    found = {"guarantee": Lapsing(), "limitation": Lapsing()}
    counted: set[tuple[str, str]] = set()
    for line in sorted(
        (line for line in lines.values() if line is not None),
        key=lambda line: (line.expires_on, line.account_id, line.party_id),
    ):
        if not business_date <= line.expires_on <= last:
            continue
        total = found[line.name]
        total.count += 1
        total.lines.append(line)
        if (line.name, line.account_id) not in counted:
            counted.add((line.name, line.account_id))
            total.amount[line.currency] = total.amount.get(line.currency, 0) + line.amount_minor
    return found


def _agreed_guarantees(
    connection: Connection, business_date: date, last: date, branch: str | None
) -> dict[tuple[str, str, str], ClockLine | None]:
    money = func.coalesce(account.c.principal_outstanding_minor, decision.c.overdue_minor)
    agreed = account_party.c
    rows = connection.execute(
        select(agreed.account_id, agreed.party_id, agreed.guarantee_until, money, decision.c.currency)
        .select_from(account_party)
        .join(decision, and_(decision.c.account_id == agreed.account_id, in_force(business_date, branch)))
        .join(account, account.c.account_id == agreed.account_id)
        .where(decision.c.stage > 0, *_agreed_between(business_date, last))
    )
    return {("guarantee", row[0], row[1]): ClockLine("guarantee", *row) for row in rows}


def _agreed_between(first: date, last: date) -> tuple[ColumnElement[bool], ...]:
    return account_party.c.role == "guarantor", account_party.c.guarantee_until.between(first, last)


def _counted_clocks(
    connection: Connection, business_date: date, last: date, branch: str | None
) -> dict[tuple[str, str, str], ClockLine | None]:
    """Return the clocks that run, with a packet or without; None for one that a demand or suit has already preserved.

    Only those are read in which some clock names this month, or whose guarantors agreed to an end in it.
    """
    money = func.coalesce(account.c.principal_outstanding_minor, decision.c.overdue_minor)
    agreed = select(account_party.c.account_id).where(*_agreed_between(business_date, last))
    running = running_clocks()
    names_month = cast(running.c.clocks, Text).contains(f'"{last:%Y-%m}-', autoescape=True)
    rows = connection.execute(
        select(running.c.account_id, running.c.clocks, money, decision.c.currency)
        .select_from(running)
        .join(decision, and_(decision.c.account_id == running.c.account_id, in_force(business_date, branch)))
        .join(account, account.c.account_id == running.c.account_id)
        .where(names_month | running.c.account_id.in_(agreed))
    )
    found: dict[tuple[str, str, str], ClockLine | None] = {}
    for account_id, clocks, minor, currency in rows:
        for clock in clocks:
            if clock["name"] not in ("guarantee", "limitation"):
                continue
            party_id = clock.get("party_id", "")
            line = ClockLine(
                clock["name"], account_id, party_id, date.fromisoformat(clock["expires_on"]), minor, currency
            )
            found[clock["name"], account_id, party_id] = None if clock.get("preserved_on") else line
    return found


def _names(value: Any) -> tuple[str, ...]:
    """Return the names in a JSON list of text."""
    return tuple(str(name) for name in value or ())
