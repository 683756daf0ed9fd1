"""Four eyes: who decided what, on which facts, how sure we are who it was, and until when it counts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select, true, update

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.store.artefacts import packet_number
from arrears.store.engine import reading
from arrears.store.tables.feeds import account
from arrears.store.tables.repossession import approval, approval_vote, repossession_order

LIVE = ("open", "approved")
"""The states in which a question stands."""
PACKETS = ("packet", "preservation")
"""The kinds whose subject is a packet."""


@dataclass(frozen=True)
class OpenApproval:
    """A decision that waits for people."""

    approval_id: str
    kind: str
    subject_key: str
    order_no: str | None
    order_kind: str | None
    account_id: str | None
    facts_sha256: str
    requested_on: date
    given: tuple[str, ...]
    missing: tuple[str, ...]
    number: str | None = None
    """What people call it: the number of the order, or of the packet."""

    @property
    def about(self) -> str:
        """Return the word people know it by: a lock is no other order, what is attested of an account is its filing."""
        if self.kind == "attestation" and self.account_id is not None:
            return "filing"
        return "lock" if self.order_kind == "lock" else self.kind

    def as_dict(self) -> dict[str, Any]:
        """Return the row as JSON data."""
        return {**asdict(self), "requested_on": self.requested_on.isoformat()}


def request(
    connection: Connection,
    rt: Runtime,
    *,
    run_id: str,
    kind: str,
    subject_key: str,
    facts_sha256: str,
    business_date: date,
    account_id: str | None = None,
) -> str:
    """Put a decision to people and return its id; asked again on the same facts it is a new question, numbered on.

    Who must agree is read from the policy in force now and kept with the question.
    """
    roles = load_policy(rt.settings.policy_file).repossession.approval_roles[kind]
    same = (approval.c.kind == kind, approval.c.subject_key == subject_key, approval.c.facts_sha256 == facts_sha256)
    ordinal = connection.execute(select(func.count()).select_from(approval).where(*same)).scalar_one() + 1
    approval_id = natural_key("approval", kind, subject_key, facts_sha256, ordinal)
    connection.execute(
        approval.insert(),
        {
            "approval_id": approval_id,
            "kind": kind,
            "subject_key": subject_key,
            "account_id": account_id,
            "facts_sha256": facts_sha256,
            "ordinal": ordinal,
            "requested_on": business_date,
            "requested_at": utc_text(rt.clock.now()),
            "state": "open",
            "roles": ";".join(roles),
            "run_id": run_id,
        },
    )
    record(
        connection,
        rt,
        run_id=run_id,
        type="approval.requested",
        key=approval_id,
        business_date=business_date,
        subject_ref=subject_of(connection, account_id),
        causes=[subject_key],
        data={"kind": kind, "facts_sha256": facts_sha256, "roles": roles},
    )
    return approval_id


def count_open(connection: Connection, *kinds: str, branch: str | None = None) -> int:
    """Return how many decisions wait for people: all, or those of some kinds, or those a branch sees."""
    query = select(func.count()).select_from(approval).where(approval.c.state == "open", _seen_by(branch))
    if kinds:
        query = query.where(approval.c.kind.in_(kinds))
    return connection.execute(query).scalar_one()


def list_open(
    engine: Engine, first: int = 0, limit: int | None = None, branch: str | None = None
) -> list[OpenApproval]:
    """Return the decisions that wait for people, or those of them a branch sees, so many from the ``first`` on."""
    query = (
        select(approval, repossession_order.c.order_no, repossession_order.c.kind.label("order_kind"))
        .outerjoin(repossession_order, repossession_order.c.order_id == approval.c.subject_key)
        .where(approval.c.state == "open", _seen_by(branch))
        .order_by(approval.c.requested_on, func.coalesce(repossession_order.c.order_no, ""), approval.c.approval_id)
        .offset(first)
        .limit(limit)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
        votes = votes_of(connection, [row.approval_id for row in rows])
    return [_open(row, [vote.role for vote in votes.get(row.approval_id, ())]) for row in rows]


def _seen_by(branch: str | None) -> ColumnElement[bool]:
    """Say whether a question is about no account, or about one of the branch."""
    if branch is None:
        return true()
    held = select(account.c.account_id).where(account.c.account_id == approval.c.account_id, account.c.branch == branch)
    return approval.c.account_id.is_(None) | held.exists()


def votes_of(connection: Connection, approval_ids: Sequence[str]) -> dict[str, Sequence[Row[Any]]]:
    """Return the votes of some approvals, by approval."""
    votes: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(approval_vote).where(approval_vote.c.approval_id.in_(approval_ids))):
        votes[row.approval_id].append(row)
    return {approval_id: tuple(found) for approval_id, found in votes.items()}


def void(
    connection: Connection,
    rt: Runtime,
    *,
    run_id: str,
    order_id: str,
    business_date: date,
    reason: str,
    state: str = "void",
) -> None:
    """Take away what was agreed or asked for an order, because ``reason``; an order without approval is left alone."""
    live = (
        approval.c.kind == "order",
        approval.c.subject_key == order_id,
        approval.c.state.in_((*LIVE, "used")),
    )
    for row in connection.execute(select(approval).where(*live)).all():
        end(connection, rt, row, run_id=run_id, business_date=business_date, reason=reason, state=state)


def end(
    connection: Connection, rt: Runtime, row: Row[Any], *, run_id: str, business_date: date, reason: str, state: str
) -> None:
    """Take away one approval, or the question, because ``reason``, and tell the log."""
    close(connection, rt, row.approval_id, state, reason)
    record(
        connection,
        rt,
        run_id=run_id,
        type=f"approval.{state}",
        key=row.approval_id,
        business_date=business_date,
        subject_ref=subject_of(connection, row.account_id),
        causes=[row.subject_key],
        data={"reason": reason, "facts_sha256": row.facts_sha256},
    )


def subject_of(connection: Connection, account_id: str | None) -> str | None:
    """Return the random name by which the log knows an account."""
    query = select(account.c.subject_ref).where(account.c.account_id == account_id)
    return connection.execute(query).scalar_one_or_none()


def _open(row: Row[Any], given: Sequence[str]) -> OpenApproval:
    missing = tuple(role for role in row.roles.split(";") if role not in given)
    return OpenApproval(
        row.approval_id,
        row.kind,
        row.subject_key,
        row.order_no,
        row.order_kind,
        row.account_id,
        row.facts_sha256,
        row.requested_on,
        tuple(sorted(given)),
        missing,
        packet_number(row.subject_key) if row.kind in PACKETS else row.order_no,
    )


def close(connection: Connection, rt: Runtime, approval_id: str, state: str, reason: str) -> None:
    """Give an approval its end state, with the reason."""
    connection.execute(
        update(approval)
        .where(approval.c.approval_id == approval_id)
        .values(state=state, closed_reason=reason, closed_at=utc_text(rt.clock.now()))
    )
