"""Every account has a named owner: where the ledger names none who works here, one is assigned and it is told."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Select, and_, func, select

from arrears.audit.record import Event, record_many
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.outreach.desks import Member, members_of
from arrears.store.bulk import insert_new
from arrears.store.shelf import Shelf
from arrears.store.tables.feeds import account, assignment
from arrears.store.tables.people import account_party, party

if TYPE_CHECKING:
    import pyarrow as pa

ROLE = "collector"
AT_A_TIME = 5_000
"""Decided accounts looked at, and given an owner, in one round: a statement binds only so many names."""


class Orphan(NamedTuple):
    """A decided account whose owner, if it has one, is nobody of the staff."""

    account_id: str
    branch: str
    subject_ref: str
    owner: str | None


def named_owner(on: date) -> Select[Any]:
    """Return a query of account and owner on a day: the newest assignment counts, else the ledger's word."""
    since = (
        select(assignment.c.account_id, func.max(assignment.c.from_on).label("from_on"))
        .where(assignment.c.from_on <= on)
        .group_by(assignment.c.account_id)
        .subquery("since")
    )
    given = (
        select(assignment.c.account_id, assignment.c.staff_id)
        .join(since, and_(since.c.account_id == assignment.c.account_id, since.c.from_on == assignment.c.from_on))
        .subquery("given")
    )
    owner = func.coalesce(given.c.staff_id, account.c.owner).label("owner")
    return select(account.c.account_id, owner).outerjoin(given, given.c.account_id == account.c.account_id)


def assign_owners(connection: Connection, rt: Runtime, run_id: str, on: date, policy: Policy) -> int:
    """Assign a collector to every decided account whose owner is nobody of the staff, and return how many.

    Chosen: a certified collector of the branch (of any branch where it has none) who speaks the borrower's dialect,
    with the fewest accounts. A list of ``assignments`` that comes later wins. Without a staff feed nothing is assigned.
    """
    members = {member.staff_id: member for member in members_of(connection, on)}
    able = [member for member in members.values() if ROLE in member.roles and member.is_certified]
    if not able:
        return 0
    load, orphans, found = Counter[str](), Shelf(), 0
    decided = connection.execute(_decided(on), execution_options={"stream_results": True})
    for rows in decided.partitions(AT_A_TIME):
        load.update(row.owner for row in rows if row.owner in members)
        if without := [tuple(row) for row in rows if row.owner not in members]:
            orphans.put(_columns(without))  # all are counted before the first is given away
    for batch in orphans:
        _assign(connection, rt, run_id, on, policy, able, load, [Orphan(**row) for row in batch.to_pylist()])
        found += len(batch)
    return found


def _columns(rows: Sequence[tuple[str | None, ...]]) -> "pa.RecordBatch":
    import pyarrow as pa

    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.record_batch(columns, names=list(Orphan._fields))


def _decided(on: date) -> Select[Any]:
    named, decided = named_owner(on).subquery("named"), decisions_in_force(on)
    return (
        select(decided.c.account_id, decided.c.branch, account.c.subject_ref, named.c.owner)
        .join(account, account.c.account_id == decided.c.account_id)
        .outerjoin(named, named.c.account_id == decided.c.account_id)
        .order_by(decided.c.account_id)
    )


def _assign(
    connection: Connection, rt: Runtime, run_id: str, on: date, policy: Policy, able: list[Member],
    load: Counter[str], orphans: Sequence[Orphan],
) -> None:  # fmt: skip
    dialects = _dialects(connection, [row.account_id for row in orphans], policy)
    near: dict[str, list[Member]] = {}
    new = []
    for row in orphans:
        if row.branch not in near:
            near[row.branch] = [member for member in able if member.branch == row.branch] or able
        chosen = _choose(near[row.branch], dialects.get(row.account_id, frozenset()), load)
        load[chosen.staff_id] += 1
        new.append((row, chosen))
    rows_new = ({"account_id": row.account_id, "staff_id": chosen.staff_id, "from_on": on} for row, chosen in new)
    insert_new(connection, assignment, rows_new)
    record_many(connection, rt, run_id=run_id, events=(_event(row, chosen, on) for row, chosen in new))


def _choose(near: list[Member], dialects: frozenset[str], load: Counter[str]) -> Member:
    return min(near, key=lambda m: (not (dialects & m.dialects), load[m.staff_id], m.staff_id))


def _dialects(connection: Connection, accounts: list[str], policy: Policy) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    query = (
        select(account_party.c.account_id, party.c.dialect)
        .join(party, party.c.party_id == account_party.c.party_id)
        .where(account_party.c.account_id.in_(accounts), party.c.dialect.is_not(None))
        .where(account_party.c.role.in_(policy.contact.audience_roles["borrower"]))
    )
    for account_id, dialect in connection.execute(query):
        found[account_id].add(dialect)
    return {account_id: frozenset(words) for account_id, words in found.items()}


def _event(row: Orphan, chosen: Member, on: date) -> Event:
    return Event(
        "account.assigned",
        natural_key(row.subject_ref, on.isoformat(), chosen.staff_id),
        on,
        row.subject_ref,
        data={"staff_id": chosen.staff_id, "was": row.owner, "branch": row.branch},
    )
