"""What nobody has taken up in time: arrears untreated, reasons unasked, questions of customers unanswered.

Source: the seed's first principle (no waiting without a reason) and its first step (the real reason for the arrears).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, case, cast, exists, false, func, or_, select, union_all

from arrears.ladder.committee import is_in_force
from arrears.ladder.evidence import ANSWERED
from arrears.ladder.policy import Policy
from arrears.ladder.promises import horizon_of
from arrears.ladder.visit_requests import is_answered
from arrears.reports.committee import due_accounts
from arrears.reports.scope import in_force, of_branch
from arrears.reports.untreated import is_held, untreated
from arrears.store.tables.decisions import decision, fact_set
from arrears.store.tables.feeds import (
    account,
    assignment,
    committee,
    court_case,
    debit,
    hold,
    outcome,
    promise,
    staff,
    visit_request,
)
from arrears.store.tables.legal import packet
from arrears.store.tables.people import account_party, party

OWNERS = {
    "untreated": "supervisor",
    "reason_missing": "supervisor",
    "number_dead": "supervisor",
    "visit_waits": "supervisor",
    "review_due": "supervisor",
    "promise_too_far": "supervisor",
    "answer_overdue": "manager",
    "committee_due": "manager",
    "prepare_early": "legal",
    "debit_silent": "finance",
}
"""Which role settles each kind."""

DEAD_NUMBER = ('"dead_number":true', '"calls_answered":0', '"no_contact_point":false')
"""What the frozen facts say of somebody whose number leads to nobody, as nobody has attested yet."""


def neglected(
    connection: Connection, business_date: date, branch: str | None, policy: Policy
) -> Iterator[tuple[str, int, date | None]]:
    """Yield each kind with how many there are and since when the oldest waits."""
    queries = {
        "reason_missing": _counted(without_reason(business_date, branch, policy)),
        "number_dead": number_dead(business_date, branch),
        "visit_waits": visit_waits(business_date, branch),
        "review_due": review_due(business_date, branch, policy),
        "answer_overdue": answer_overdue(business_date, branch, policy),
        "prepare_early": prepare_early(business_date, branch),
        "debit_silent": debit_silent(business_date, branch, policy),
        "committee_due": _counted(due_accounts(business_date, branch, policy)),
    }
    for kind, query in queries.items():
        count, oldest = connection.execute(query).one()
        yield kind, count, date.fromisoformat(oldest) if isinstance(oldest, str) else oldest
    nobody = untreated(connection, business_date, branch, policy)
    yield "untreated", len(nobody), nobody[0][0] if nobody else None
    count, oldest = connection.execute(promised_too_far(connection, branch, policy)).one()
    yield "promise_too_far", count, date.fromisoformat(oldest) if isinstance(oldest, str) else oldest


def no_owner(business_date: date, branch: str | None) -> Any:
    """Ask for the overdue accounts that are nobody's by name."""
    assigned = exists(
        select(assignment.c.staff_id).where(
            assignment.c.account_id == decision.c.account_id, assignment.c.from_on <= business_date
        )
    )
    return (
        select(func.count(), func.min(decision.c.oldest_unpaid_due))
        .select_from(decision)
        .join(account, account.c.account_id == decision.c.account_id)
        .where(in_force(business_date, branch), decision.c.stage > 0, account.c.owner.is_(None), ~assigned)
    )


def no_contact_point(business_date: date, branch: str | None) -> Any:
    """Ask for the overdue accounts of which no party has a phone or mail."""
    columns = decision.c.account_id, decision.c.oldest_unpaid_due.label("day")
    overdue = select(*columns).where(in_force(business_date, branch), decision.c.stage > 0)
    tied = and_(account_party.c.party_id == party.c.party_id, account_party.c.account_id == decision.c.account_id)
    silent = and_(party.c.mobile.is_(None), party.c.email.is_(None))
    of_silent = (
        select(account_party.c.account_id).join(party, party.c.party_id == account_party.c.party_id).where(silent)
    )  # few: the others are not looked at one by one
    alone = overdue.where(~exists().where(account_party.c.account_id == decision.c.account_id))
    unheard = overdue.where(decision.c.account_id.in_(of_silent), ~exists().where(tied, ~silent))
    return union_all(alone, unheard)


def without_reason(business_date: date, branch: str | None, policy: Policy) -> Any:
    """Ask for the overdue accounts spoken to so often that the reason for the arrears should be known, and is not.

    Policy ``lanes.reason_by_contact``, conversations of the episode.
    """
    day = func.substr(outcome.c.at, 1, 10)
    known = case((and_(outcome.c.reason.is_not(None), outcome.c.reason != "unknown"), 1), else_=0)
    return (
        select(outcome.c.account_id, func.min(day).label("day"))
        .join(decision, decision.c.account_id == outcome.c.account_id)
        .where(
            in_force(business_date, branch),
            decision.c.stage > 0,
            outcome.c.channel.in_(("call", "visit")),
            outcome.c.outcome.in_((*ANSWERED, "visit_met")),
            outcome.c.at >= cast(decision.c.episode_due, String),
            day <= business_date.isoformat(),
        )
        .group_by(outcome.c.account_id)
        .having(func.count() >= policy.lanes.reason_by_contact, func.max(known) == 0)
    )


def number_dead(business_date: date, branch: str | None) -> Any:
    """Ask for the overdue accounts whose borrower's number is dead: without calls they do not climb past rung 2.

    Somebody finds another number, or a supervisor attests that there is no contact point: nobody is immune.
    """
    asked = (in_force(business_date, branch), decision.c.stage > 0)
    told = select(decision.c.facts_sha256).where(*asked).distinct()
    said = (fact_set.c.body.contains(word, autoescape=True) for word in DEAD_NUMBER)
    dead = select(fact_set.c.facts_sha256).where(fact_set.c.facts_sha256.in_(told), *said)
    return select(func.count(), func.min(decision.c.oldest_unpaid_due)).where(*asked, decision.c.facts_sha256.in_(dead))


def review_due(business_date: date, branch: str | None, policy: Policy) -> Any:
    """Ask for the arrears that no supervisor has looked at in time (policy ``lanes.review_working_days``).

    An outcome a supervisor wrote, a visit one approved, a new owner or a word of the committee is a look. Who is on
    hold is looked at for that.
    """
    last = policy.business_calendar().working_days_before(business_date, policy.lanes.review_working_days)
    since = decision.c.episode_due
    supervisors = select(staff.c.staff_id).where((";" + staff.c.roles + ";").contains(";supervisor;"))
    one = decision.alias("one")
    told = (
        select(one.c.account_id)
        .join(outcome, and_(outcome.c.account_id == one.c.account_id, outcome.c.at >= cast(one.c.episode_due, String)))
        .where(one.c.business_date == business_date, outcome.c.staff_id.in_(supervisors))
    )  # supervisors write little: what they wrote is found by them, not by account
    looks = (
        decision.c.account_id.in_(told),
        exists().where(
            visit_request.c.account_id == decision.c.account_id,
            is_answered(),
            visit_request.c.asked_on >= since,
        ),
        exists().where(assignment.c.account_id == decision.c.account_id, assignment.c.from_on >= since),
        exists().where(committee.c.account_id == decision.c.account_id, committee.c.decided_on >= since),
    )
    return select(func.count(), func.min(decision.c.oldest_unpaid_due)).where(
        in_force(business_date, branch),
        decision.c.entitled_rung > 1,
        decision.c.oldest_unpaid_due <= last,
        *(~look for look in looks),  # one by one: of an OR PostgreSQL makes a look at every row
        ~is_held(business_date),
    )


def prepare_early(business_date: date, branch: str | None) -> Any:
    """Ask for accounts whose papers are prepared early: rated neither willing nor able before the third instalment.

    So are those that the case committee sent to court, until their packet is ready or a suit is filed.
    """
    rated = exists().where(
        outcome.c.account_id == decision.c.account_id,
        outcome.c.willingness == "low",
        outcome.c.ability == "low",
        outcome.c.at >= cast(decision.c.episode_due, String),
    )
    to_court = select(committee.c.account_id).where(committee.c.decision == "legal", is_in_force(business_date))
    ready = exists().where(
        packet.c.account_id == decision.c.account_id, packet.c.superseded_on.is_(None), packet.c.state == "ready"
    )
    filed = exists().where(
        court_case.c.account_id == decision.c.account_id, court_case.c.kind == "suit", court_case.c.state == "filed"
    )
    sent = and_(decision.c.stage > 0, decision.c.account_id.in_(to_court), ~ready, ~filed)
    return select(func.count(), func.min(decision.c.oldest_unpaid_due)).where(
        in_force(business_date, branch), or_(and_(decision.c.stage.in_((1, 2)), rated), sent)
    )


def visit_waits(business_date: date, branch: str | None) -> Any:
    """Ask for the requests for a visit that nobody has answered."""
    return select(func.count(), func.min(visit_request.c.asked_on)).where(
        ~is_answered(),
        visit_request.c.asked_on <= business_date,
        of_branch(visit_request.c.account_id, branch),
    )


def promised_too_far(connection: Connection, branch: str | None, policy: Policy) -> Any:
    """Ask for the open promises that reach further than they may hold anything (policy ``promises``)."""
    is_open = promise.c.state == "open"
    days = connection.execute(select(promise.c.made_on).where(is_open).distinct()).scalars()
    far = (and_(promise.c.made_on == day, promise.c.due_on > horizon_of(day, policy)) for day in days)
    return select(func.count(), func.min(promise.c.made_on)).where(
        is_open, or_(false(), *far), of_branch(promise.c.account_id, branch)
    )


def answer_overdue(business_date: date, branch: str | None, policy: Policy) -> Any:
    """Ask for holds that a person should have answered by now (policy ``holds.answer_working_days``)."""
    calendar = policy.business_calendar()
    late: list[ColumnElement[bool]] = [
        and_(hold.c.kind == kind, hold.c.from_on <= calendar.working_days_before(business_date, days + 1))
        for kind, days in policy.holds.answer_working_days.items()
    ]
    return select(func.count(), func.min(hold.c.from_on)).where(
        or_(*late),
        or_(hold.c.until_on.is_(None), hold.c.until_on >= business_date),
        of_branch(hold.c.account_id, branch),
    )


def debit_silent(business_date: date, branch: str | None, policy: Policy) -> Any:
    """Ask for the direct debits that the bank has not answered in time: they hold nobody any longer."""
    last = policy.business_calendar().working_days_before(business_date, policy.holds.in_flight_working_days + 1)
    return select(func.count(), func.min(debit.c.requested_on)).where(
        debit.c.result == "pending", debit.c.requested_on <= last, of_branch(debit.c.account_id, branch)
    )


def _counted(found: Any) -> Any:
    rows = found.subquery()
    return select(func.count(), func.min(rows.c.day)).select_from(rows)
