"""What the decisions in force ask for today: one wish per step and person, and what they hold back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Subquery, select

from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.outreach.agencies import collectors_for
from arrears.outreach.audience import POINTS, Person, people_of
from arrears.outreach.owners import named_owner
from arrears.outreach.slots import INTERNAL
from arrears.store.tables.decisions import verdict
from arrears.store.tables.feeds import account
from arrears.store.tables.runs import run

EVERYBODY = "*"
"""The party of a suppression that concerns a whole audience."""

_OWN_COLUMNS = (
    "item_key", "account_id", "occasion", "step", "channel", "ordinal", "audience", "tone", "rung", "stage",
    "amount_minor", "currency", "due_on", "overdue_instalments",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item that the decisions in force want."""

    item_key: str
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
    person: Person
    cause: str

    def as_item(self, contact_id: str, business_date: date) -> dict[str, Any]:
        """Return the row of ``item`` that carries this wish on a contact."""
        row: dict[str, Any] = {name: getattr(self, name) for name in _OWN_COLUMNS}
        return row | {"party_id": self.person.party_id, "contact_id": contact_id, "business_date": business_date}


@dataclass(frozen=True, slots=True)
class Unwanted:
    """One step that nobody is contacted for, with one reason."""

    account_id: str
    subject_ref: str
    step: str
    channel: str
    party_id: str
    reason: str


def wanted_today(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy
) -> Iterator[Wanted | Unwanted]:
    """Yield, in the order of accounts, what the decisions in force want and what they suppress."""
    in_force = decisions_in_force(business_date)
    bodies = _bodies(connection, in_force)
    people = people_of(connection, in_force, policy)
    next_due = _next_dues(connection, rt, run_id)
    reports = "credit_report" in policy.notices.consequences
    place_at = collectors_for(connection, business_date)
    for row in _accounts(connection, in_force, business_date):
        body = bodies.get(row.verdict_sha256)
        if body is None:
            continue
        for held in body["suppressed"]:
            for reason in held["reasons"]:
                yield Unwanted(row.account_id, row.subject_ref, held["step"], held["channel"], EVERYBODY, reason)
        for action in body["actions"]:
            yield from _wishes(
                action,
                row,
                people.get((row.account_id, action["audience"]), []),
                next_due,
                business_date,
                reports=reports,
                place_at=place_at,
            )


def _bodies(connection: Connection, in_force: Subquery) -> dict[str, dict[str, Any]]:
    used = select(in_force.c.verdict_sha256).distinct()
    rows = connection.execute(select(verdict).where(verdict.c.verdict_sha256.in_(used)))
    bodies = ((row.verdict_sha256, json.loads(row.body)) for row in rows)
    return {key: body for key, body in bodies if body["actions"] or body["suppressed"]}


def _accounts(connection: Connection, in_force: Subquery, business_date: date) -> Iterator[Row[Any]]:
    owner = named_owner(business_date).subquery("named")
    query = (
        select(in_force, account.c.subject_ref, account.c.debit_mandate, owner.c.owner.label("named_owner"))
        .join(account, account.c.account_id == in_force.c.account_id)
        .outerjoin(owner, owner.c.account_id == in_force.c.account_id)
        .order_by(in_force.c.account_id)
    )
    yield from connection.execute(query)


def _next_dues(connection: Connection, rt: Runtime, run_id: str) -> dict[str, tuple[int, date]]:
    """Return what falls due next by subject, from the snapshot the run decided on."""
    snapshot_id = connection.execute(select(run.c.snapshot_id).where(run.c.run_id == run_id)).scalar_one_or_none()
    if snapshot_id is None:
        return {}
    from arrears.store import snapshot

    columns = ["subject_ref", "next_due_on", "next_due_minor"]
    found: dict[str, tuple[int, date]] = {}
    for batch in snapshot.accounts(rt.settings.artifacts_url, snapshot_id, columns):
        refs, days, amounts = (batch.column(name).to_pylist() for name in columns)
        found.update(
            {ref: (amount, day) for ref, day, amount in zip(refs, days, amounts, strict=True) if amount and day}
        )
    return found


def _wishes(
    action: dict[str, Any],
    row: Row[Any],
    people: list[Person],
    next_due: dict[str, tuple[int, date]],
    business_date: date,
    *,
    reports: bool,
    place_at: Callable[[str], str | None],
) -> Iterator[Wanted | Unwanted]:
    step, channel = action["step"], action["channel"]
    owed = (row.overdue_minor, row.oldest_unpaid_due) if row.overdue_minor else next_due.get(row.subject_ref)
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
    due = row.episode_due or row.oldest_unpaid_due or owed[1]
    occasion = f"cycle:{business_date:%Y-%m}" if action["occasion"] == "cycle" else f"episode:{due}"
    key = natural_key(row.account_id, occasion, action["step"], action["channel"], person.party_id, action["ordinal"])
    return Wanted(
        item_key=key,
        account_id=row.account_id,
        subject_ref=row.subject_ref,
        occasion=occasion,
        step=action["step"],
        channel=action["channel"],
        ordinal=action["ordinal"],
        audience=action["audience"],
        tone=action["tone"],
        rung=action["rung"],
        stage=row.stage,
        amount_minor=owed[0],
        currency=row.currency,
        due_on=owed[1],
        overdue_instalments=row.overdue_instalments,
        owner=row.named_owner,
        branch=row.branch,
        lane=row.lane,
        person=person,
        cause=natural_key(row.subject_ref, business_date.isoformat(), row.revision),
    )
