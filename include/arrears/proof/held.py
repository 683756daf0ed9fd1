"""Nobody was contacted under a hard hold: neither one of the decision behind the contact, nor one that came after it.

What a decision knew is frozen with it. What came between the decision and the sending is told by the dated rows
themselves, each once it was delivered; a direct debit and a part payment keep no history of their own.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Table, and_, exists, false, func, or_, select, union

from arrears.core.keys import canonical
from arrears.ladder.facts import ALONE
from arrears.ladder.holds import SUIT_ENDED, kind_of_hold
from arrears.ladder.policy import Policy
from arrears.store.tables.decisions import decision, fact_set
from arrears.store.tables.feeds import committee, court_case, delivery, hold, plan, staff
from arrears.store.tables.outreach import contact, item, placement

EFFECTS = ("sent", "in_doubt")
WENT_AT = func.coalesce(contact.c.sent_at, contact.c.intent_at)
"""When a contact went, or may have gone."""
UNDER_HOLD = fact_set.c.body.like('%"hard_holds":["%')
"""Frozen facts are canonical JSON: a list that opens with a word is not empty."""
UNDER_PLAN_ALONE = fact_set.c.body.like('%"hard_holds":["plan"]%')
REMINDS = item.c.occasion.like("promise:%")
"""A reminder of what was agreed: the plan, which holds everything else, does not stop that of its own instalment."""


def contacted_under_hold(connection: Connection, policy: Policy) -> Iterator[str]:
    """Yield the contacts that went out although a hard hold was in force and known."""
    broken = [_reached(_decided_under_hold(policy))]
    broken += [_reached(and_(table.c.account_id == item.c.account_id, when), table) for table, when in _later(policy)]
    yield from connection.execute(union(*broken)).scalars()


def _reached(under: ColumnElement[bool], table: FromClause | None = None) -> Any:
    query = select(contact.c.contact_id).join(item, item.c.contact_id == contact.c.contact_id)
    query = query.where(under) if table is None else query.join(table, under)
    return query.where(contact.c.state.in_(EFFECTS), item.c.dropped_reason.is_(None))


def _to_guarantors_alone(policy: Policy) -> ColumnElement[bool]:
    """Say of an item that it is the letter which what happened to the debtor alone does not stop."""
    return item.c.step.in_([step.name for step in policy.steps if ALONE in step.when])


def _of_debtor_alone(policy: Policy) -> ColumnElement[bool]:
    """Say of frozen facts that nothing but the debtor's own holds was known (policy ``holds.debtor_only``)."""
    kinds = sorted(policy.holds.debtor_only)
    some = (chosen for size in range(1, len(kinds) + 1) for chosen in combinations(kinds, size))
    known = (fact_set.c.body.contains(f'"hard_holds":{canonical(list(chosen)).decode()}') for chosen in some)
    return or_(false(), *known)


def _decided_under_hold(policy: Policy) -> ColumnElement[bool]:
    """A run of the same day may have been without the hold that a later one knew: then that one planned the contact."""
    behind = exists().where(
        decision.c.account_id == item.c.account_id, decision.c.business_date == item.c.business_date,
        fact_set.c.facts_sha256 == decision.c.facts_sha256,
    )  # fmt: skip
    of_plan = and_(REMINDS, ~behind.where(~UNDER_PLAN_ALONE))
    alone = and_(_to_guarantors_alone(policy), ~behind.where(~_of_debtor_alone(policy)))
    return and_(behind.where(UNDER_HOLD), ~behind.where(~UNDER_HOLD), ~of_plan, ~alone)


def _later(policy: Policy) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Yield the tables whose rows hold an account from a day on, with when they did, as known at the sending."""
    on, soft = contact.c.business_date, set(policy.holds.soft) - set(policy.holds.hard)
    yield hold, and_(
        hold.c.kind.not_in(soft), hold.c.from_on <= on, or_(hold.c.until_on.is_(None), hold.c.until_on >= on),
        _known(hold), or_(hold.c.kind != "plan", ~REMINDS),
        ~and_(_to_guarantors_alone(policy), kind_of_hold().in_(policy.holds.debtor_only)),
    )  # fmt: skip
    yield plan, and_(  # nobody can have broken a plan before its first day
        plan.c.approved_by.is_not(None), plan.c.state != "refused", plan.c.signed_on <= on, plan.c.first_due_on >= on,
        or_(plan.c.ended_on.is_(None), plan.c.ended_on > on), _known(plan), ~REMINDS,
    )  # fmt: skip
    ended = court_case.alias("ended")
    over = exists().where(
        ended.c.account_id == court_case.c.account_id, ended.c.case_id == court_case.c.case_id,
        ended.c.state.in_(SUIT_ENDED), ended.c.at <= WENT_AT,
    )  # fmt: skip
    yield court_case, and_(
        court_case.c.kind == "suit", court_case.c.state == "filed", court_case.c.at <= WENT_AT, ~over,
        _known(court_case),
    )  # fmt: skip
    later, two = committee.alias("later"), select(staff.c.staff_id)
    again = exists().where(
        later.c.account_id == committee.c.account_id, later.c.decided_on > committee.c.decided_on,
        later.c.decided_on <= on,
    )  # fmt: skip
    yield committee, and_(
        committee.c.decision == "write_off", committee.c.decided_on <= on, committee.c.decided_by.in_(two),
        committee.c.second_decided_by.in_(two), ~again, _known(committee),
    )  # fmt: skip
    placing = contact.alias("placing")
    yield placement, and_(
        exists().where(
            placing.c.contact_id == placement.c.contact_id, placing.c.contact_id != contact.c.contact_id,
            placing.c.sent_at < WENT_AT,
        ),
        or_(
            placement.c.recall_acknowledged_at.is_(None), placement.c.recall_acknowledged_at > WENT_AT
        ),
    )  # fmt: skip


def _known(table: Table) -> ColumnElement[bool]:
    """A row made by hand at the desk was known at once, a delivered one from its delivery on."""
    after = exists().where(delivery.c.delivery_id == table.c.delivery_id, delivery.c.received_at > WENT_AT)
    return ~after
