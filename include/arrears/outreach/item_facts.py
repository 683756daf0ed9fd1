"""Load the accounts behind a batch of claimed contacts as they stand now: ledger, payments, holds, decisions, ties."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from arrears.ladder.balance import Balance, Balances
from arrears.ladder.facts import ALONE, entitled_rung
from arrears.ladder.findings import refusals
from arrears.ladder.holds import holds_in_force
from arrears.ladder.plans import Due
from arrears.ladder.policy import Policy
from arrears.ladder.promises import state_of
from arrears.outreach.gates import ItemFacts
from arrears.store.tables.decisions import decision, verdict
from arrears.store.tables.feeds import account
from arrears.store.tables.outreach import item
from arrears.store.tables.people import account_party

PROMISE = "promise:"
"""The occasion of an item that reminds of a promise."""

Step = tuple[str, str]
"""A step by name and audience: its channel may be the one that the person prefers (policy ``or_by``)."""

_ITEMS = (
    select(item, account.c.subject_ref, account.c.closed_on, account.c.is_missing, account.c.data_incomplete)
    .join(account, account.c.account_id == item.c.account_id)
    .where(item.c.contact_id.in_(bindparam("contacts", expanding=True)), item.c.dropped_reason.is_(None))
    .order_by(item.c.account_id, item.c.step)
)
_DECIDED = (
    select(decision.c.account_id, decision.c.overdue_minor, decision.c.overdue_instalments, verdict.c.body)
    .join(verdict, verdict.c.verdict_sha256 == decision.c.verdict_sha256)
    .where(
        decision.c.business_date.in_(bindparam("days", expanding=True)),
        decision.c.account_id.in_(bindparam("accounts", expanding=True)),
    )
    .order_by(decision.c.account_id, decision.c.business_date, decision.c.revision)
)
_TIES = select(account_party.c.account_id, account_party.c.party_id, account_party.c.role).where(
    account_party.c.account_id.in_(bindparam("accounts", expanding=True)),
    account_party.c.role.in_(bindparam("roles", expanding=True)),
)
NO_HOLDS: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def load_items(
    connection: Connection, contact_ids: Sequence[str], policy: Policy, today: date, balances: Balances
) -> dict[str, list[ItemFacts]]:
    """Return the items of each contact that were not dropped; ``today`` is the policy's local date."""
    rows = connection.execute(_ITEMS, {"contacts": contact_ids}).all()
    accounts = {row.account_id: row.subject_ref for row in rows}
    holds = holds_in_force(connection, today, policy, accounts.keys())
    decided = _decided(connection, accounts, {row.business_date for row in rows})
    now = balances.of(connection, accounts)
    ties = _ties(connection, accounts, policy)
    dues = _falling_due(connection, rows, balances)
    called = {row.account_id for row in rows if row.channel == "call"}
    refused = refusals(connection, today, policy, called) if called else {}
    quiet = policy.contact.quiet_after_refusal_days
    for_guarantors = {step.name for step in policy.steps if ALONE in step.when}
    found: dict[str, list[ItemFacts]] = defaultdict(list)
    for row in rows:
        about, then = row.occasion.partition(":")[0], decided.get(row.account_id)
        owed = _owed(row, about, now.get(row.account_id), then)
        due = dues.get(row.account_id) if about == "promise" else None
        came = _came_since(owed, then) if due else 0
        hard, soft = holds.get(row.account_id, NO_HOLDS)
        is_alone = row.step in for_guarantors
        stopping = tuple(kind for kind in hard if not (is_alone and kind in policy.holds.debtor_only))
        found[row.contact_id].append(
            ItemFacts(
                item_key=row.item_key,
                account_id=row.account_id,
                subject_ref=row.subject_ref,
                audience=row.audience,
                tone=row.tone,
                rung=row.rung,
                planned_minor=row.amount_minor,
                amount_minor=max(due.left_minor - came, 0) if due else owed.amount_minor,
                currency=row.currency,
                due_on=row.due_on,
                overdue_instalments=owed.instalments,
                is_closed=row.closed_on is not None and row.closed_on <= today,
                is_missing=row.is_missing,
                data_incomplete=row.data_incomplete,
                hard_holds=stopping,
                soft_holds=soft,
                about=about,
                is_tied=(row.account_id, row.party_id, row.audience) in ties,
                still_due=_wants(then, row)
                and owed.entitled >= row.rung
                and _stands(row, about, due, came)
                and not _owes_again(about, owed)
                and (not is_alone or hard != stopping),  # the debtor may be asked again: then nobody is left alone
                paid_since=_is_paid(about, owed, came, due, policy),
                is_refused=refused.get(row.account_id, quiet) < quiet,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Decided:
    """The newest decision of the day about one account."""

    overdue_minor: int
    instalments: int
    wanted: frozenset[Step]


@dataclass(frozen=True, slots=True)
class _Owed:
    """What an item speaks of now, and the rung to which that entitles."""

    amount_minor: int
    instalments: int
    entitled: int


def _wants(decided: _Decided | None, row: Row[Any]) -> bool:
    return decided is not None and (row.step, row.audience) in decided.wanted


def _owes_again(about: str, owed: _Owed) -> bool:
    """Say whether somebody who is to be thanked is in arrears after all: a payment was taken back."""
    return about == "cured" and owed.amount_minor > 0


def _falling_due(connection: Connection, rows: Sequence[Row[Any]], balances: Balances) -> dict[str, Due]:
    """Return what stands of the promises that items remind of."""
    reminding = [row for row in rows if row.occasion.startswith(PROMISE) and row.due_on is not None]
    days = {(row.due_on - row.business_date).days for row in reminding}
    return balances.falling_due(connection, {row.account_id for row in reminding}, days) if reminding else {}


def _came_since(owed: _Owed, decided: _Decided | None) -> int:
    """Return what the arrears fell by since they were decided on: money that came, and counts towards a promise."""
    return max(decided.overdue_minor - owed.amount_minor, 0) if decided else 0


def _stands(row: Row[Any], about: str, due: Due | None, came: int) -> bool:
    """Say whether a promise is still the one that was planned for: its day, and its amount less what came since."""
    if about != "promise":
        return True
    return due is not None and due.due_on == row.due_on and due.left_minor - came <= row.amount_minor <= due.left_minor


def _is_paid(about: str, owed: _Owed, came: int, due: Due | None, policy: Policy) -> bool:
    """Say whether nothing is owed any more, or a promise is kept with what came before the decision and since."""
    if about == "cured":
        return False
    kept = due is not None and state_of(due.amount_minor, due.received_minor + came, policy) == "kept"
    return owed.amount_minor <= 0 or (came > 0 and kept)


def _owed(row: Row[Any], about: str, now: Balance | None, decided: _Decided | None) -> _Owed:
    """Return the live figures: news win over the newest decision, that over what was planned."""
    if now is not None:
        amount = now.overdue_minor or (now.next_due_minor if about == "cycle" else 0)
        return _Owed(amount, now.overdue_instalments, entitled_rung(now.effective_instalments))
    if decided is None or not decided.instalments:
        return _Owed(row.amount_minor, row.overdue_instalments, row.rung)
    return _Owed(decided.overdue_minor, decided.instalments, row.rung)


def _decided(connection: Connection, accounts: dict[str, str], days: set[date]) -> dict[str, _Decided]:
    asked = {"days": list(days), "accounts": list(accounts)}
    newest = {row.account_id: row for row in connection.execute(_DECIDED, asked)}
    wanted = {body: _steps_in(body) for body in {row.body for row in newest.values()}}
    return {
        account_id: _Decided(row.overdue_minor, row.overdue_instalments, wanted[row.body])
        for account_id, row in newest.items()
    }


def _steps_in(body: str) -> frozenset[Step]:
    return frozenset((one["step"], one["audience"]) for one in json.loads(body)["actions"])


def _ties(connection: Connection, accounts: dict[str, str], policy: Policy) -> set[tuple[str, str, str]]:
    """Return (account, person, audience): who is no longer a party of a contract must not hear of it."""
    audiences = {role: audience for audience, names in policy.contact.audience_roles.items() for role in names}
    rows = connection.execute(_TIES, {"accounts": list(accounts), "roles": list(audiences)})
    return {(row.account_id, row.party_id, str(audiences[row.role])) for row in rows}
