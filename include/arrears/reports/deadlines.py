"""The last days that nobody must miss: of our rights, packets, approvals, orders, licences, notices, bankruptcies.

A day that runs against the lender is shown as it falls, never moved to a working day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, String, cast, exists, func, or_, select

from arrears.approvals.filings import stands_at_court
from arrears.core.clock import local_date
from arrears.ladder.holds import SUIT_ENDED
from arrears.ladder.policy import Policy
from arrears.reports.filings import waiting_to_be_filed
from arrears.reports.running import running_clocks
from arrears.reports.scope import of_branch
from arrears.store.tables.feeds import agency, court_case, hold
from arrears.store.tables.legal import legal_notice, packet
from arrears.store.tables.repossession import repossession_order

OUT = ("offered", "acknowledged", "accepted", "located")
AGAINST_US = ("guarantee", "limitation", "preservation", "enforcement")


@dataclass(frozen=True)
class Deadline:
    """One last day: of which kind, for which account, order or agency, and on which assumption it was counted."""

    kind: str
    subject: str
    on: date
    party_id: str = ""
    assumption: str = ""
    of_account: str = ""
    """The account of an order."""

    def days_left(self, day: date) -> int:
        """Return the days until then; below zero it is over."""
        return (self.on - day).days


def deadlines_of(
    connection: Connection, business_date: date, policy: Policy, branch: str | None = None
) -> list[Deadline]:
    """Return the deadlines within the policy's alert days and those that passed, the soonest first.

    An approval that waits to be used is one from its first day on: it lives for a few.
    """
    alert = policy.legal.alert_days
    steps = {
        "guarantee": alert.guarantee,
        "limitation": alert.limitation,
        "preservation": alert.preservation,
        "enforcement": alert.enforcement,
        "order": alert.order,
        "licence": alert.licence,
        "disposition": alert.disposition,
        "claim": alert.claim,
    }
    widest = {name: max(days, default=0) for name, days in steps.items()}
    found = (*_running(connection, branch), *_orders(connection, branch), *_notices(connection, branch),
             *_claims(connection, business_date, policy, branch), *_preserved(connection, policy, branch))  # fmt: skip
    agencies = () if branch else _agencies(connection)
    near = [line for line in (*found, *agencies) if line.days_left(business_date) <= widest[line.kind]]
    near += [Deadline("filing", row.account_id, row.expires_on) for row in waiting_to_be_filed(connection, branch)]
    return sorted(near, key=lambda line: (line.on, line.kind, line.subject, line.party_id))


def _running(connection: Connection, branch: str | None) -> Iterator[Deadline]:
    """A claim that a demand or suit has preserved no longer runs."""
    running = running_clocks()
    rows = connection.execute(
        select(running).where(of_branch(running.c.account_id, branch)).order_by(running.c.account_id)
    )
    for account_id, clocks in rows:
        for clock in clocks:
            if clock["name"] in AGAINST_US and not clock["preserved_on"]:
                ends = date.fromisoformat(clock["expires_on"])
                yield Deadline(clock["name"], account_id, ends, clock["party_id"], clock["assumption"])


def _preserved(connection: Connection, policy: Policy, branch: str | None) -> Iterator[Deadline]:
    """Return until when to sue after a preservation of an account without a packet, which would carry the clock."""
    case, later = court_case.c, court_case.alias("later")
    sued = exists().where(later.c.account_id == case.account_id, later.c.kind == "suit", stands_at_court(later))
    has_packet = exists().where(packet.c.account_id == case.account_id, packet.c.superseded_on.is_(None))
    over = exists().where(
        later.c.account_id == case.account_id, later.c.case_id == case.case_id, later.c.state.in_(SUIT_ENDED)
    )
    rows = connection.execute(
        select(case.account_id, func.max(case.at).label("at"))
        .where(case.kind == "preservation", case.state == "preserved", ~sued, ~has_packet, ~over,
               of_branch(case.account_id, branch))
        .group_by(case.account_id)
        .order_by(case.account_id)
    )  # fmt: skip
    for row in rows:
        on = local_date(datetime.fromisoformat(row.at), policy.time_zone)
        yield Deadline("preservation", row.account_id, on + timedelta(days=policy.legal.preservation_sue_days))


def _claims(connection: Connection, business_date: date, policy: Policy, branch: str | None) -> Iterator[Deadline]:
    """Return until when a claim must be proved in the bankruptcy of a customer (policy ``legal.claim_days``).

    The court names the day; until somebody looked it up, it is the earliest that the law allows.
    """
    proved = exists().where(
        court_case.c.account_id == hold.c.account_id, court_case.c.kind == "claim",
        court_case.c.at >= cast(hold.c.from_on, String),
    )  # fmt: skip
    rows = connection.execute(
        select(hold.c.account_id, func.min(hold.c.from_on).label("known_on"))
        .where(hold.c.kind == "bankrupt", hold.c.from_on <= business_date, ~proved,
               or_(hold.c.until_on.is_(None), hold.c.until_on >= business_date), of_branch(hold.c.account_id, branch))
        .group_by(hold.c.account_id)
        .order_by(hold.c.account_id)
    )  # fmt: skip
    for row in rows:
        yield Deadline("claim", row.account_id, row.known_on + timedelta(days=policy.legal.claim_days))


def _orders(connection: Connection, branch: str | None) -> Iterator[Deadline]:
    order = repossession_order.c
    rows = connection.execute(
        select(order.order_no, order.expires_on, order.account_id)
        .where(order.state.in_(OUT), order.expires_on.is_not(None), of_branch(order.account_id, branch))
        .order_by(order.order_no)
    )
    yield from (Deadline("order", row.order_no, row.expires_on, of_account=row.account_id) for row in rows)


def _notices(connection: Connection, branch: str | None) -> Iterator[Deadline]:
    """Return when a recovered machine may be redeemed last and sold first, while it stands in the yard."""
    order = repossession_order.c
    rows = connection.execute(
        select(legal_notice.c.account_id, legal_notice.c.ends_on)
        .join(repossession_order, order.order_id == legal_notice.c.order_id)
        .where(
            legal_notice.c.kind == "disposition",
            order.machine.is_(None) | (order.machine == "stored"),
            of_branch(legal_notice.c.account_id, branch),
        )
        .distinct()
        .order_by(legal_notice.c.account_id, legal_notice.c.ends_on)
    )
    yield from (Deadline("disposition", row.account_id, row.ends_on) for row in rows if row.ends_on)


def _agencies(connection: Connection) -> Iterator[Deadline]:
    rows: Any = connection.execute(select(agency).order_by(agency.c.agency_id))
    for row in rows:
        for until in sorted({row.licence_until, row.insurance_until, row.active_until} - {None}):
            yield Deadline("licence", row.agency_id, until)
