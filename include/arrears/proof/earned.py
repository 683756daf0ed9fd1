"""No action above the rung that evidence had opened: the evidence is counted anew, not read from the decision.

Evidence of an episode only grows, so the first item of each rung tells for all that follow. What became known later
than the item does not count for it; an account whose record was corrected since is told by the log alone.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, Subquery, and_, case, distinct, exists, func, select

from arrears.ladder.facts import Evidence
from arrears.ladder.policy import Policy
from arrears.ladder.standing import gates_of, unlocked_by
from arrears.store.tables.audit import audit_event_index, audit_pending
from arrears.store.tables.decisions import decision, evidence
from arrears.store.tables.feeds import delivery, outcome
from arrears.store.tables.outreach import item
from arrears.store.tables.people import account_party, subject
from arrears.store.tables.runs import policy_text

SURETIES, DEBTORS = ("guarantor", "dealer_buyback"), ("borrower", "co_borrower")
CALLS = ("call_attempt", "call_answered")
LETTERS = ("letter_served", "letter_refused", "letter_returned")
REMINDERS = ("message_delivered", "call_answered", "demand_served", *LETTERS)
LOWEST_TO_EARN = 2


def unearned(connection: Connection, _policy: Policy) -> Iterator[str]:
    """Yield the account of each item without a decision behind it, and of each rung entered before its evidence."""
    yield from _undecided(connection)
    yield from _too_early(connection)


def _undecided(connection: Connection) -> Iterator[str]:
    behind = exists().where(
        decision.c.account_id == item.c.account_id, decision.c.business_date == item.c.business_date,
        decision.c.rung >= item.c.rung,
    )  # fmt: skip
    yield from connection.execute(select(item.c.account_id).where(~behind)).scalars()


def _too_early(connection: Connection) -> Iterator[str]:
    corrected = _corrected(connection)
    policies: dict[str, Policy] = {}
    sureties = _sureties(connection)
    for row in connection.execute(_tallied(_first_items())):
        if row.account_id in corrected:
            continue
        if row.policy_sha256 not in policies:
            policies[row.policy_sha256] = _policy_of(connection, row.policy_sha256)
        found = _evidence(row, sureties.get(row.account_id, {}))
        gates = gates_of(found, policies[row.policy_sha256], promised=False)
        if unlocked_by(gates) < row.rung:
            yield str(row.account_id)


def _first_items() -> Subquery:
    """Ask when each rung above the first was entered in each episode, by which account, and under which policy.

    Where a correction decided the account anew on that day, below the rung, that decision is not the one behind it.
    """
    first = (
        select(item.c.account_id, item.c.occasion, item.c.rung, func.min(item.c.business_date).label("day"))
        .where(item.c.rung >= LOWEST_TO_EARN)
        .group_by(item.c.account_id, item.c.occasion, item.c.rung)
        .subquery("first")
    )
    behind = and_(decision.c.account_id == first.c.account_id, decision.c.business_date == first.c.day)
    return (
        select(
            first.c.account_id, first.c.occasion, first.c.rung, first.c.day,
            func.min(func.coalesce(decision.c.episode_due, decision.c.oldest_unpaid_due)).label("since"),
            func.max(decision.c.policy_sha256).label("policy_sha256"),
        )
        .join(decision, and_(behind, decision.c.rung >= first.c.rung))
        .group_by(first.c.account_id, first.c.occasion, first.c.rung, first.c.day)
        .subquery("entered")
    )  # fmt: skip


def _tallied(entered: Subquery) -> Any:
    """Count the evidence of the episode up to the day on which a rung was entered, one row a rung."""
    one, day = evidence.c, entered.c.day
    later = exists().where(
        outcome.c.outcome_key == one.source_key, one.source == "outcome",
        delivery.c.delivery_id == outcome.c.delivery_id, delivery.c.business_date > day,
    )  # fmt: skip
    tied = exists().where(account_party.c.account_id == one.account_id, account_party.c.party_id == one.party_id)
    surety = and_(tied.where(account_party.c.role.in_(SURETIES)), ~tied.where(account_party.c.role.in_(DEBTORS)))
    known = and_(
        one.account_id == entered.c.account_id, one.local_date <= day, one.local_date >= entered.c.since, one.counts,
        ~later,
    )  # fmt: skip

    def count(*conditions: Any) -> Any:
        return func.sum(case((and_(*conditions), 1), else_=0))

    of_call = and_(one.kind.in_(CALLS), ~surety)
    return (
        select(
            entered.c.account_id, entered.c.rung, day, entered.c.policy_sha256,
            count(one.kind.in_(REMINDERS), ~surety).label("reminders"),
            count(of_call).label("call_attempts"),
            func.count(distinct(case((of_call, one.local_date)))).label("call_days"),
            func.count(distinct(case((surety, one.party_id)))).label("guarantors_tried"),
            func.count(one.evidence_key).label("attempts"),
            func.count(distinct(one.channel)).label("channels"),
            func.min(one.local_date).label("first_on"),
            func.max(one.local_date).label("last_on"),
            count(one.kind == "visit_reported", ~surety).label("visits"),
            count(one.kind == "visit_failed", ~surety).label("visits_failed"),
            count(one.kind == "no_contact_point", ~surety).label("nowhere"),
            func.min(case((and_(one.kind.in_(LETTERS), ~surety), one.local_date))).label("letter_on"),
        )
        .select_from(entered)
        .outerjoin(evidence, known)
        .group_by(entered.c.account_id, entered.c.occasion, entered.c.rung, day, entered.c.policy_sha256)
    )  # fmt: skip


def _evidence(row: Any, sureties: Mapping[str, date | None]) -> Evidence:
    first, last, letter = (_day(value) for value in (row.first_on, row.last_on, row.letter_on))
    bound = sum(since is None or since <= row.day for since in sureties.values())
    return Evidence(
        reminders=row.reminders,
        call_attempts=row.call_attempts,
        call_days=row.call_days,
        guarantors=bound,
        guarantors_tried=row.guarantors_tried,
        attempts=row.attempts,
        channels=row.channels,
        span_days=(last - first).days if first and last else 0,
        visits=row.visits,
        visits_failed=row.visits_failed,
        letter_age_days=(row.day - letter).days if letter else None,
        no_contact_point=row.nowhere > 0,
    )


def _day(value: Any) -> date | None:
    """Return a date: inside an expression SQLite gives the text of one."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def _sureties(connection: Connection) -> dict[str, dict[str, date | None]]:
    """Return who alone answers for each account's debt, each with the business date on which we came to know."""
    own = account_party.alias()
    owes = exists().where(own.c.account_id == account_party.c.account_id, own.c.party_id == account_party.c.party_id,
                          own.c.role.in_(DEBTORS))  # fmt: skip
    query = (
        select(account_party.c.account_id, account_party.c.party_id, delivery.c.business_date)
        .outerjoin(delivery, delivery.c.delivery_id == account_party.c.delivery_id)
        .where(account_party.c.role.in_(SURETIES), ~owes)
    )
    found: dict[str, dict[str, date | None]] = {}
    for account_id, party_id, since in connection.execute(query):
        found.setdefault(account_id, {})[party_id] = since
    return found


def _corrected(connection: Connection) -> set[str]:
    """Return the accounts of which a contact was told otherwise later: its first evidence is gone from the table."""
    found: set[str] = set()
    for events in (audit_event_index, audit_pending):
        query = select(subject.c.account_id).join(events, events.c.subject_ref == subject.c.subject_ref)
        found |= set(connection.execute(query.where(events.c.type == "contact.corrected")).scalars())
    return found


def _policy_of(connection: Connection, policy_sha256: str) -> Policy:
    body = connection.execute(select(policy_text.c.body).where(policy_text.c.policy_sha256 == policy_sha256))
    return Policy.model_validate_json(body.scalar_one())
