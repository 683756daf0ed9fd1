"""What the decisions in force ask for today: one wish per step and person, and what they hold back.

Accounts are read a range at a time; of a range only the wishes are kept.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from arrears.core.runtime import Runtime
from arrears.ladder.contact_days import INTERNAL
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.plans import Span
from arrears.ladder.policy import Policy
from arrears.ladder.promises import falling_due
from arrears.ladder.today import Today
from arrears.outreach.agencies import collectors_for
from arrears.outreach.audience import POINTS, Audience, Person
from arrears.outreach.next_dues import NextDues
from arrears.outreach.owners import named_owner
from arrears.store.account_range import AccountRange, in_byte_order
from arrears.store.tables.decisions import verdict
from arrears.store.tables.feeds import account
from arrears.store.tables.runs import run

EVERYBODY = "*"
"""The party of a suppression that concerns a whole audience."""

RANGE = 16_384
"""Decisions read at a time, with their people."""

BODIES = 500
"""Verdicts read in one statement."""

Owed = tuple[int, date]


class Wanted(NamedTuple):
    """One item that the decisions in force want."""

    account_id: str
    subject_ref: str
    occasion: str
    step: str
    channel: str
    ordinal: int
    audience: str
    tone: str
    rung: int
    stage: int
    amount_minor: int
    currency: str
    due_on: date | None
    overdue_instalments: int
    owner: str | None
    branch: str
    lane: str
    revision: int
    person: Person


class Unwanted(NamedTuple):
    """One step that nobody is contacted for, with one reason."""

    account_id: str
    subject_ref: str
    step: str
    channel: str
    party_id: str
    reason: str


def wanted_today(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy
) -> Iterator[tuple[AccountRange, list[Wanted | Unwanted]]]:
    """Yield, range by range in the order of accounts, what the decisions in force want and what they suppress."""
    bodies = _Bodies(connection)
    audience = Audience(connection, business_date, policy)
    next_dues = NextDues(connection, rt, run_id)
    reports = "credit_report" in policy.notices.consequences
    place_at = collectors_for(connection, business_date)
    or_by = {step.name: frozenset(step.or_by) for step in policy.steps if step.or_by}
    promised = _promised(connection, rt, run_id, business_date, policy)
    for among, decided in _ranges(connection, business_date):
        told = bodies.of({row.verdict_sha256 for row in decided})
        rows = [row for row in decided if row.verdict_sha256 in told]
        people = audience.people_of(connection, among) if rows else {}
        next_due = next_dues.of(among, [row.subject_ref for row in rows if not row.overdue_minor])
        found: list[Wanted | Unwanted] = []
        for row in rows:
            body = told[row.verdict_sha256]
            found += _held_back(body, row)
            for action in body["actions"]:
                there = people.get((row.account_id, action["audience"]), [])
                owed = _owed(action["occasion"], row, next_due, promised)
                for one, some in _by_preference(action, there, or_by.get(action["step"], frozenset())):
                    found += _wishes(one, row, some, owed, business_date, reports=reports, place_at=place_at)
        yield among, found


def _held_back(body: dict[str, Any], row: Row[Any]) -> Iterator[Unwanted]:
    for held in body["suppressed"]:
        for reason in held["reasons"]:
            yield Unwanted(row.account_id, row.subject_ref, held["step"], held["channel"], EVERYBODY, reason)


def _promised(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy
) -> dict[str, Owed]:  # fmt: skip
    """Return what is left of each promise that the decisions speak of, and its day: of the same days and ledger."""
    snapshot_id = connection.execute(select(run.c.snapshot_id).where(run.c.run_id == run_id)).scalar_one_or_none()
    span = Span(snapshot_id, business_date, Today.of(connection, business_date, policy).promise_days)
    dues = falling_due(connection, rt, span, policy)
    return {account_id: (due.left_minor, due.due_on) for account_id, due in dues.items()}


def _owed(
    occasion: str, row: Row[Any], next_due: Mapping[str, Owed], promised: Mapping[str, Owed]
) -> tuple[int, date | None] | None:
    """Return amount and day of what a step speaks of: a promise, arrears paid, arrears, the next instalment."""
    if occasion == "promise":
        return promised.get(row.account_id)
    if occasion == "cured":
        return 0, row.episode_due
    return (row.overdue_minor, row.oldest_unpaid_due) if row.overdue_minor else next_due.get(row.subject_ref)


class _Bodies:
    """The verdicts that ask for something or hold something back, each read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, dict[str, Any] | None] = {}

    def of(self, keys: set[str]) -> dict[str, dict[str, Any]]:
        """Return the bodies of some verdicts; one that says nothing is left out."""
        new = sorted(keys - self._known.keys())
        for start in range(0, len(new), BODIES):
            query = select(verdict).where(verdict.c.verdict_sha256.in_(new[start : start + BODIES]))
            for row in self._connection.execute(query):
                body = json.loads(row.body)
                self._known[row.verdict_sha256] = body if body["actions"] or body["suppressed"] else None
        return {key: body for key in keys if (body := self._known.get(key)) is not None}


def _ranges(connection: Connection, business_date: date) -> Iterator[tuple[AccountRange, Sequence[Row[Any]]]]:
    query = _accounts(connection, business_date)
    result = connection.execute(query, execution_options={"stream_results": True})
    for rows in result.partitions(RANGE):
        yield AccountRange(rows[0].account_id, rows[-1].account_id), rows


def _accounts(connection: Connection, business_date: date) -> Select[Any]:
    decided = decisions_in_force(business_date)
    owner = named_owner(business_date).subquery("named")
    return (
        select(
            decided.c.account_id,
            decided.c.revision,
            decided.c.stage,
            decided.c.overdue_instalments,
            decided.c.overdue_minor,
            decided.c.oldest_unpaid_due,
            decided.c.episode_due,
            decided.c.currency,
            decided.c.branch,
            decided.c.lane,
            decided.c.verdict_sha256,
            account.c.subject_ref,
            account.c.debit_mandate,
            owner.c.owner.label("named_owner"),
        )
        .join(account, account.c.account_id == decided.c.account_id)
        .outerjoin(owner, owner.c.account_id == decided.c.account_id)
        .where(account.c.erased_at.is_(None))
        .order_by(in_byte_order(connection, decided.c.account_id))
    )


def _by_preference(
    action: dict[str, Any], people: list[Person], others: frozenset[str]
) -> Iterator[tuple[dict[str, Any], list[Person]]]:
    """Yield the action by its own channel and, for those who prefer another that the policy leaves open, by that."""
    chosen = {
        one.party_id: one.prefers for one in people if one.prefers in others and one.prefers not in one.unreachable
    }
    if not chosen:
        yield action, people
        return
    for channel in sorted(set(filter(None, chosen.values()))):
        yield action | {"channel": channel}, [one for one in people if chosen.get(one.party_id) == channel]
    if rest := [one for one in people if one.party_id not in chosen]:
        yield action, rest


def _wishes(
    action: dict[str, Any],
    row: Row[Any],
    people: list[Person],
    owed: tuple[int, date | None] | None,
    business_date: date,
    *,
    reports: bool,
    place_at: Callable[[str], str | None],
) -> Iterator[Wanted | Unwanted]:
    step, channel = action["step"], action["channel"]
    refusal = _refusal(channel, action["audience"], people, known=owed is not None)
    if channel == "debit" and not row.debit_mandate:
        refusal = refusal or "no_mandate"
    if channel == "placement" and place_at(row.branch) is None:
        refusal = refusal or "no_agency"
    if channel == "credit_notice" and not reports:
        refusal = refusal or "not_reported"
    if refusal or owed is None:
        yield Unwanted(row.account_id, row.subject_ref, step, channel, EVERYBODY, refusal)
        return
    for person in people[:1] if channel in INTERNAL else people:
        if channel in person.unreachable:
            reason = person.unreachable[channel]
            yield Unwanted(row.account_id, row.subject_ref, step, channel, person.party_id, reason)
        else:
            yield _wish(action, row, person, owed, business_date)


def _refusal(channel: str, audience: str, people: list[Person], *, known: bool) -> str:
    """Say why a step reaches nobody, or return an empty text."""
    if channel not in POINTS:
        return "channel_not_enabled"
    if not known:
        return "no_amount"
    return "" if people else f"no_{audience.removesuffix('s')}"


def _wish(
    action: dict[str, Any], row: Row[Any], person: Person, owed: tuple[int, date | None], business_date: date
) -> Wanted:
    occasion = _occasion(action["occasion"], row, owed[1], business_date)
    return Wanted(
        account_id=row.account_id,
        subject_ref=row.subject_ref,
        occasion=intern(occasion),
        step=action["step"],
        channel=action["channel"],
        ordinal=action["ordinal"],
        audience=action["audience"],
        tone=action["tone"],
        rung=action["rung"],
        stage=row.stage,
        amount_minor=owed[0],
        currency=intern(row.currency),
        due_on=owed[1],
        overdue_instalments=row.overdue_instalments,
        owner=row.named_owner and intern(row.named_owner),
        branch=intern(row.branch),
        lane=intern(row.lane),
        revision=row.revision,
        person=person,
    )


def _occasion(about: str, row: Row[Any], due_on: date | None, business_date: date) -> str:
    """Return why an item exists, as its key has it: a month, the day promised, or the first unpaid due date."""
    if about == "cycle":
        return f"cycle:{business_date:%Y-%m}"
    due = due_on if about == "promise" else row.episode_due or row.oldest_unpaid_due or due_on
    return f"{about}:{due}"
