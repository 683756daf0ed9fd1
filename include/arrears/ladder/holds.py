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
    (policy ``holds``).
    """
    kinds: dict[str, set[str]] = defaultdict(set)
    held = select(hold.c.account_id, hold.c.kind).where(
        hold.c.from_on <= on, or_(hold.c.until_on.is_(None), hold.c.until_on >= on)
    )
    for account_id, kind in connection.execute(
        among.of(connection, _of(held, hold.c.account_id, accounts), hold.c.account_id)
    ):
        kinds[account_id].add(kind)
    for account_id in holding(connection, on, policy, accounts, among=among):
        kinds[account_id].add("promise")
    paid = select(episode.c.account_id).where(episode.c.cured_on.is_(None), episode.c.quiet_until >= on)
    for account_id in connection.execute(
        among.of(connection, _of(paid, episode.c.account_id, accounts), episode.c.account_id)
    ).scalars():
        kinds[account_id].add("part_payment")
    in_flight = select(debit.c.account_id).where(debit.c.result == "pending")
    for account_id in connection.execute(
        among.of(connection, _of(in_flight, debit.c.account_id, accounts), debit.c.account_id)
    ).scalars():
        kinds[account_id].add("payment_in_flight")
    agreed = select(plan.c.account_id).where(
        plan.c.approved_by.is_not(None), plan.c.signed_on <= on, plan.c.state.in_(HOLDING)
    )
    for account_id in connection.execute(
        among.of(connection, _of(agreed, plan.c.account_id, accounts), plan.c.account_id)
    ).scalars():
        kinds[account_id].add("plan")
    for table, condition in _in_court():
        sued = select(table.c.account_id).where(condition)
        for account_id in connection.execute(
            among.of(connection, _of(sued, table.c.account_id, accounts), table.c.account_id)
        ).scalars():
            kinds[account_id].add("litigation")
    placed = select(placement.c.account_id).where(placement.c.state.in_(OPEN_PLACEMENTS))
    for account_id in connection.execute(
        among.of(connection, _of(placed, placement.c.account_id, accounts), placement.c.account_id)
    ).scalars():
        kinds[account_id].add("placement")
    gone = _written_off(on)
    for account_id in connection.execute(
        among.of(connection, _of(gone, committee.c.account_id, accounts), committee.c.account_id)
    ).scalars():
        kinds[account_id].add("written_off")
    hard, soft = set(policy.holds.hard), set(policy.holds.soft)
    return {
        account_id: (tuple(sorted(found - soft)), tuple(sorted(found & soft - hard)))
        for account_id, found in kinds.items()
    }


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


def _of(query: Select[Any], column: Any, accounts: Collection[str] | None) -> Select[Any]:
    return query if accounts is None else query.where(column.in_(accounts))
