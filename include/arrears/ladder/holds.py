"""Reasons to leave an account alone, as of a day: asked when the day is decided and again at the moment of sending."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    union_all,
)

from arrears.ladder.committee import is_newest_word
from arrears.ladder.plans import HOLDING
from arrears.ladder.policy import Policy
from arrears.ladder.promises import holding
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import committee, court_case, debit, hold, opening, plan, staff
from arrears.store.tables.outreach import OPEN_PLACEMENTS, placement

SUIT_ENDED = ("withdrawn", "dismissed", "settled", "judgment", "enforced", "closed")
"""States after which a suit no longer keeps people from talking: the clocks of the law go on elsewhere."""

ON, SILENT = bindparam("on", type_=Date), bindparam("silent", type_=Date)
"""The day asked about, and the last one on which a debit asked for by then is answered by silence: it makes nobody
immune (policy ``holds.in_flight_working_days``)."""

DEAD_SINCE = bindparam("dead_since", type_=Date)
"""A death that became known after this day holds whatever end was named (policy ``holds.deceased_days``)."""

ANSWERED_SINCE = bindparam("answered_since", type_=Date)
"""A dispute whose last day is after this one still pauses treatment (policy ``holds.after_dispute_working_days``)."""

DEATH, ESTATE = "deceased", "estate"
"""The borrower died; and a lawyer has looked at what that means for the estate and the guarantors since."""

Asked = tuple[Select[Any], ColumnElement[str]]
"""A question for (account_id, kind), with the column of the accounts."""

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
    """Return the holds of each held account: imported ones, open promises, plans, suits, debits, placements, pauses.

    ``accounts`` limits the question to some, ``among`` to a range. A kind that the policy does not call soft is hard
    (policy ``holds``). Whoever asks whether an account may be pursued asks here: people, packets and orders. No hold
    lets an order be handed off, or stay out; a hard one withholds the packet.
    """
    kinds: dict[str, set[str]] = defaultdict(set)
    for account_id in holding(connection, on, policy, accounts, among=among):
        kinds[account_id].add("promise")
    calendar, rules = policy.business_calendar(), policy.holds
    days = {"on": on, "silent": calendar.working_days_before(on, rules.in_flight_working_days + 1),
            "answered_since": calendar.working_days_before(on, rules.after_dispute_working_days + 1),
            "dead_since": on - timedelta(days=rules.deceased_days)}  # fmt: skip
    for query, column in _of_all() if accounts is None else _of_some():
        asked = days if accounts is None else {**days, "accounts": list(accounts)}
        for account_id, kind in connection.execute(among.of(connection, query, column), asked):
            kinds[account_id].add(kind)
    soft = set(policy.holds.soft) - set(policy.holds.hard)
    return {
        account_id: (tuple(sorted(found - soft)), tuple(sorted(found & soft))) for account_id, found in kinds.items()
    }


def kind_of_hold() -> ColumnElement[str]:
    """Return what a hold of the feed is: after a death the guarantors' turn comes by a lawyer's word, nobody else's."""
    is_lawyer = (";" + staff.c.roles + ";").contains(";legal;")
    by_lawyer = exists().where(staff.c.staff_id == hold.c.approved_by, is_lawyer)
    return case((and_(hold.c.kind == ESTATE, ~by_lawyer), DEATH), else_=hold.c.kind)


def _is_running() -> ColumnElement[bool]:
    """Say of a hold of the feed that it is in force: to its last day, a death for its least number of days."""
    lately = and_(hold.c.kind == DEATH, hold.c.from_on > DEAD_SINCE)
    return and_(hold.c.from_on <= ON, or_(hold.c.until_on.is_(None), hold.c.until_on >= ON, lately))


@cache
def _of_all() -> Sequence[Asked]:
    """Return the questions which accounts are under which kind of hold; made once, for messages ask them often."""
    asked = [
        (hold.c.account_id, kind_of_hold(), _is_running()),
        _named("dispute_answered", hold, and_(
            hold.c.kind == "dispute", hold.c.until_on < ON, hold.c.until_on > ANSWERED_SINCE)),
        _named("part_payment", episode, and_(episode.c.cured_on.is_(None), episode.c.quiet_until >= ON)),
        _named("payment_in_flight", debit, and_(
            debit.c.result == "pending", debit.c.requested_on > SILENT, debit.c.requested_on <= ON)),
        _named("plan", plan, and_(
            plan.c.approved_by.is_not(None), plan.c.signed_on <= ON, plan.c.state.in_(HOLDING))),
        *(_named("litigation", table, running) for table, running in _in_court()),
        _named("placement", placement, placement.c.state.in_(OPEN_PLACEMENTS)),
        _named("written_off", committee, and_(committee.c.decision == "write_off", is_newest_word(ON))),  # for good
    ]  # fmt: skip
    return [(select(column, kind.label("kind")).where(running), column) for column, kind, running in asked]


@cache
def _of_some() -> Sequence[Asked]:
    """Return the same about some accounts: one question, since each has its own price."""
    some = [query.where(column.in_(bindparam("accounts", expanding=True))) for query, column in _of_all()]
    together = union_all(*some).subquery()
    return [(select(together.c.account_id, together.c.kind), together.c.account_id)]


def _named(kind: str, table: Table, running: ColumnElement[bool]) -> tuple[Any, Any, ColumnElement[bool]]:
    return table.c.account_id, literal(kind), running


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
