"""Reasons to leave an account alone, as of a day: asked when the day is decided and again at the moment of sending."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, or_, select

from arrears.ladder.plans import HOLDING
from arrears.ladder.policy import Policy
from arrears.ladder.promises import holding
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import committee, court_case, debit, hold, opening, plan, staff
from arrears.store.tables.outreach import OPEN_PLACEMENTS, placement

SUIT_ENDED = ("withdrawn", "dismissed", "settled", "judgment", "enforced", "closed")
"""States after which a suit no longer keeps people from talking: the clocks of the law go on elsewhere."""

Holds = tuple[tuple[str, ...], tuple[str, ...]]
"""The hard and the soft holds of one account, by kind."""


def holds_in_force(
    connection: Connection,
    on: date,
    policy: Policy,
    accounts: Collection[str] | None = None,
    *,
    among: AccountRange = EVERY,
) -> dict[str, Holds]:
    """Return the holds of each held account: imported ones, open promises, plans, suits, debits, placements.

    ``accounts`` limits the question to some, ``among`` to a range. A kind that the policy does not call soft is hard
    (policy ``holds``). Whoever asks whether an account may be pursued asks here: people, packets and orders. No hold
    lets an order be handed off, or stay out; a hard one withholds the packet.
    """
    kinds: dict[str, set[str]] = defaultdict(set)
    for account_id in holding(connection, on, policy, accounts, among=among):
        kinds[account_id].add("promise")
    for of_kind, query in _asked(on):
        column = query.selected_columns.account_id
        some = query if accounts is None else query.where(column.in_(accounts))
        for row in connection.execute(among.of(connection, some, column)):
            kinds[row.account_id].add(of_kind or row.kind)
    soft = set(policy.holds.soft) - set(policy.holds.hard)
    return {
        account_id: (tuple(sorted(found - soft)), tuple(sorted(found & soft))) for account_id, found in kinds.items()
    }


def _asked(on: date) -> Iterator[tuple[str | None, Select[Any]]]:
    """Yield each kind of hold with the question which accounts are under it; an imported hold names its own kind."""
    yield None, select(hold.c.account_id, hold.c.kind).where(
        hold.c.from_on <= on, or_(hold.c.until_on.is_(None), hold.c.until_on >= on)
    )  # fmt: skip
    yield "part_payment", select(episode.c.account_id).where(episode.c.cured_on.is_(None), episode.c.quiet_until >= on)
    yield "payment_in_flight", select(debit.c.account_id).where(debit.c.result == "pending")
    yield (
        "plan",
        select(plan.c.account_id).where(
            plan.c.approved_by.is_not(None), plan.c.signed_on <= on, plan.c.state.in_(HOLDING)
        ),
    )
    for table, running in _in_court():
        yield "litigation", select(table.c.account_id).where(running)
    yield "placement", select(placement.c.account_id).where(placement.c.state.in_(OPEN_PLACEMENTS))
    yield "written_off", _written_off(on)


def _written_off(on: date) -> Select[Any]:
    """Ask for the accounts whose newest decision of the case committee, by two of the staff, was to write them off."""
    later, known = committee.alias("later"), select(staff.c.staff_id)
    decided = and_(later.c.decided_by.in_(known), later.c.second_decided_by.in_(known), later.c.decided_on <= on)
    newest = ~exists().where(
        later.c.account_id == committee.c.account_id, later.c.decided_on > committee.c.decided_on, decided
    )
    return select(committee.c.account_id).where(
        committee.c.decision == "write_off", committee.c.decided_on <= on, committee.c.decided_by.in_(known),
        committee.c.second_decided_by.in_(known), newest,
    )  # fmt: skip


def _in_court() -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Yield where running suits stand: filed before go-live or since, and not ended; nobody in court is reminded."""
    later = court_case.alias("later")
    ended = exists().where(
        later.c.account_id == court_case.c.account_id, later.c.case_id == court_case.c.case_id,
        later.c.state.in_(SUIT_ENDED),
    )  # fmt: skip
    yield court_case, and_(court_case.c.kind == "suit", court_case.c.state == "filed", ~ended)
    over = exists().where(
        court_case.c.account_id == opening.c.account_id, court_case.c.kind == "suit",
        court_case.c.state.in_(SUIT_ENDED),
    )  # fmt: skip
    yield opening, and_(opening.c.kind == "suit_filed", ~over)
