"""One person's vote: who may give it, what it is bound to, and what the last one needed leads to."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from arrears.approvals.chosen import keep_choice
from arrears.approvals.in_the_way import in_the_way
from arrears.approvals.questions import PACKETS, close, end, subject_of, votes_of
from arrears.approvals.target import targets_of
from arrears.audit.record import record
from arrears.core.clock import local_date, utc_text
from arrears.core.errors import BadArguments, NotThere
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.staff import collected_by, is_within_reach, staff_roles
from arrears.store.engine import writing
from arrears.store.tables.legal import emergency_packet, packet
from arrears.store.tables.repossession import (
    DECISIONS,
    IDENTITIES,
    ORDER_UNSENT,
    approval,
    approval_vote,
    repossession_order,
)
from arrears.store.tables.runs import store_identity

ABOUT_A_PACKET = ("order", "packet", "preservation")
REASONS = {"refuse": "refused", "send_back": "sent_back"}
PACKET_NUMBER = re.compile(r"[0-9A-Fa-f]{4}(-[0-9A-Fa-f]{4}){2}")


@dataclass(frozen=True)
class Voted:
    """What a vote led to: the approval's state, and the last day it counts once all have agreed."""

    approval_id: str
    role: str
    state: str
    expires_on: date | None


@dataclass(frozen=True)
class _Vote:
    """A vote about to be cast."""

    staff_id: str
    decision: str
    note: str
    identity: str
    run_id: str
    on: date
    role: str | None


def vote(
    rt: Runtime,
    engine: Engine,
    *,
    approval_id: str,
    staff_id: str,
    decision: str,
    note: str,
    identity: str,
    policy: Policy,
    run_id: str = "cli",
    role: str | None = None,
) -> Voted:
    """Record one person's ``approve``, ``refuse`` or ``send_back`` in a role the staff feed gives them.

    ``role`` is the one they were asked in; without it the first that fits counts.

    The last vote needed approves until the policy's working days have passed; one refusal ends it. A refusal after
    the approval withdraws it. What is sent back ends too, and the choice of remedy with it: somebody has to choose
    again, and may then ask again on the same facts. Changed facts void the approval instead of counting the vote; a
    hold or a payment of the day does so to an ``approve`` of what goes to court.

    Raises:
        NotThere: no such approval, or none of a branch of theirs.
        BadArguments: no note, a person who may not vote, the same person twice, facts that changed,
            what stands in the way, or an identity too weak for this store.
    """
    if decision not in DECISIONS or identity not in IDENTITIES:
        known, sure = " or ".join(DECISIONS), ", ".join(IDENTITIES)
        raise BadArguments(f"vote {decision!r} by {identity!r}: decide {known}, as {sure}")
    if not note.strip():
        raise BadArguments("a decision needs a note: say what you looked at, with --note")
    today = local_date(rt.clock.now(), policy.time_zone)
    cast = _Vote(staff_id, decision, note.strip(), identity, run_id, today, role)
    with writing(engine) as connection:
        row = _approval(connection, approval_id, staff_id)
        check_identity(connection, rt, identity)
        reason = _why_void(connection, row, cast, policy)
        if reason is None:
            return _decide(connection, rt, row, cast, policy)
        end(connection, rt, row, run_id=cast.run_id, business_date=cast.on, reason=reason, state="void")
    if reason == "facts_changed":
        raise BadArguments(f"approval {row.approval_id[:12]} is void: the facts have changed; look at the new packet")
    raise BadArguments(f"approval {row.approval_id[:12]} is void: {reason}; it is asked anew once it may leave")


def _approval(connection: Connection, name: str, staff_id: str) -> Row[Any]:
    """Find an approval by its id, the start of it, or the number of the order or packet it is about, and lock it.

    One about an account of a branch that is not theirs is not there for somebody.
    """
    about = select(repossession_order.c.order_id).where(repossession_order.c.order_no == name).scalar_subquery()
    named = approval.c.approval_id.startswith(name, autoescape=True) | (approval.c.subject_key == about)
    if PACKET_NUMBER.fullmatch(name):
        of_packet = approval.c.subject_key.startswith(name.replace("-", "").lower(), autoescape=True)
        named = named | (of_packet & approval.c.kind.in_(PACKETS))
    query = select(approval).where(named)
    rows = connection.execute(query.order_by(approval.c.ordinal.desc()).with_for_update()).all()
    subjects = {row.subject_key for row in rows}
    if not name or len(subjects) != 1 or not is_within_reach(connection, staff_id, rows[0].account_id):
        raise NotThere(f"approval {name[:24]!r}: give an id or number of `arrears approvals list`")
    return rows[0]


def check_identity(connection: Connection, rt: Runtime, identity: str) -> None:
    """Outside a sandbox a decision counts only from a user whom Airflow has authenticated.

    Raises:
        BadArguments: the store is live and the identity is another, or a rehearsed one outside a rehearsal.
    """
    stamped = connection.execute(select(store_identity.c.mode)).scalar_one_or_none()
    live = "live" in (rt.settings.mode, stamped)
    if live and identity != "airflow":
        raise BadArguments("this store is live: decide as a logged-in user on the desk, not from the shell")
    if identity == "rehearsal" and not rt.rehearsal:
        raise BadArguments("a rehearsed approval exists in a rehearsal only")


def _why_void(connection: Connection, row: Row[Any], cast: _Vote, policy: Policy) -> str | None:
    """Say why a question no longer stands; what stands in the way of leaving keeps nobody from refusing.

    An order is asked for what stands in its way when it is handed over.
    """
    if row.kind not in ABOUT_A_PACKET or row.state != "open":
        return None
    table = emergency_packet if row.kind == "preservation" else packet
    current = select(table.c.facts_sha256).where(
        table.c.account_id == row.account_id, table.c.superseded_on.is_(None), table.c.state == "ready"
    )
    if connection.execute(current).scalar_one_or_none() != row.facts_sha256:
        return "facts_changed"
    if row.kind == "order" and _names_another(connection, row):
        return "facts_changed"
    if row.kind not in PACKETS or cast.decision != "approve":
        return None
    return in_the_way(connection, cast.on, policy, row.kind, [row.account_id]).get(row.account_id)


def _names_another(connection: Connection, row: Row[Any]) -> bool:
    order = select(repossession_order.c.target_sha256).where(repossession_order.c.order_id == row.subject_key)
    now = targets_of(connection, [row.account_id]).get(row.account_id)
    return connection.execute(order).scalar_one_or_none() != now


def _decide(connection: Connection, rt: Runtime, row: Row[Any], cast: _Vote, policy: Policy) -> Voted:
    if cast.decision == "send_back" and row.kind not in ABOUT_A_PACKET:
        raise BadArguments(f"approval {row.approval_id[:12]} is no packet to send back: approve or refuse")
    withdrawing = cast.decision == "refuse" and row.state in ("approved", "used")
    if row.state != "open" and not withdrawing:
        raise BadArguments(f"approval {row.approval_id[:12]} is {row.state}: it takes no more votes")
    held = staff_roles(connection).get(cast.staff_id)
    if held is None:
        raise BadArguments(f"staff {cast.staff_id!r} is not in the staff feed")
    refuse_collector(connection, row.account_id, cast.staff_id, cast.on)
    if withdrawing:
        return _withdraw(connection, rt, row, cast, held)
    role = _free_role(connection, row, cast, held)
    connection.execute(
        approval_vote.insert(),
        {
            "approval_id": row.approval_id,
            "role": role,
            "staff_id": cast.staff_id,
            "decision": cast.decision,
            "note": cast.note,
            "at": utc_text(rt.clock.now()),
            "identity": cast.identity,
        },
    )
    _tell(connection, rt, row, cast, role, "approval.given" if cast.decision == "approve" else "approval.refused")
    return _settle(connection, rt, row, cast, role, policy)


def refuse_collector(connection: Connection, account_id: str | None, staff_id: str, on: date) -> None:
    """Whoever collects an account decides nothing about it.

    Raises:
        BadArguments: the person owns the account, or it is assigned to them.
    """
    if account_id is not None and collected_by(connection, staff_id, [account_id], on):
        raise BadArguments(f"staff {staff_id!r} collects this account: somebody else must decide")


def _free_role(connection: Connection, row: Row[Any], cast: _Vote, held: frozenset[str]) -> str:
    votes = votes_of(connection, [row.approval_id]).get(row.approval_id, ())
    if cast.staff_id in {vote.staff_id for vote in votes}:
        raise BadArguments(f"staff {cast.staff_id!r} has already voted: the other pair of eyes must be somebody else")
    free = [role for role in str(row.roles).split(";") if role not in {vote.role for vote in votes}]
    for role in free:
        if role in held and cast.role in (None, role):
            return role
    raise BadArguments(f"staff {cast.staff_id!r} has none of the roles still needed: {', '.join(free)}")


def _settle(connection: Connection, rt: Runtime, row: Row[Any], cast: _Vote, role: str, policy: Policy) -> Voted:
    if cast.decision != "approve":
        reason = REASONS[cast.decision]
        close(connection, rt, row.approval_id, "refused", reason)
        _move_order(connection, row, "void", reason)
        if cast.decision == "send_back" and row.kind != "preservation":
            _take_back(connection, rt, row, cast, role)
        return Voted(row.approval_id, role, reason, None)
    given = {vote.role for vote in votes_of(connection, [row.approval_id])[row.approval_id]}
    if given != set(str(row.roles).split(";")):
        return Voted(row.approval_id, role, "open", None)
    days = policy.repossession.approval_valid_working_days
    expires_on = policy.business_calendar().add_working_days(cast.on, days)
    connection.execute(
        update(approval)
        .where(approval.c.approval_id == row.approval_id)
        .values(state="approved", approved_on=cast.on, expires_on=expires_on)
    )
    _move_order(connection, row, "approved", None)
    return Voted(row.approval_id, role, "approved", expires_on)


def _take_back(connection: Connection, rt: Runtime, row: Row[Any], cast: _Vote, role: str) -> None:
    """Take back the choice of remedy, so that the next packet says that one has to be chosen."""
    current = select(packet.c.packet_id).where(packet.c.account_id == row.account_id, packet.c.superseded_on.is_(None))
    keep_choice(connection, rt, account_id=row.account_id, packet_id=connection.execute(current).scalar_one(),
                remedy=None, staff_id=cast.staff_id, run_id=cast.run_id, business_date=cast.on, note=cast.note,
                data={"role": role, "identity": cast.identity, "facts_sha256": row.facts_sha256})  # fmt: skip


def _withdraw(connection: Connection, rt: Runtime, row: Row[Any], cast: _Vote, held: frozenset[str]) -> Voted:
    """An order already handed over is recalled by the next stand-down; one that was not is void at once."""
    role = next((role for role in str(row.roles).split(";") if role in held), None)
    if role is None:
        raise BadArguments(
            f"staff {cast.staff_id!r} may not withdraw this: it takes one of {row.roles.replace(';', ', ')}"
        )
    close(connection, rt, row.approval_id, "void", "withdrawn")
    _move_order(connection, row, "void", "withdrawn")
    _tell(connection, rt, row, cast, role, "approval.refused", withdrawn=True)
    return Voted(row.approval_id, role, "void", None)


def _move_order(connection: Connection, row: Row[Any], state: str, reason: str | None) -> None:
    if row.kind != "order":
        return
    unsent = (repossession_order.c.order_id == row.subject_key, repossession_order.c.state.in_(ORDER_UNSENT))
    connection.execute(update(repossession_order).where(*unsent).values(state=state, closed_reason=reason))


def _tell(
    connection: Connection, rt: Runtime, row: Row[Any], cast: _Vote, role: str, event: str, *, withdrawn: bool = False
) -> None:
    record(
        connection,
        rt,
        run_id=cast.run_id,
        type=event,
        key=row.approval_id,
        business_date=cast.on,
        subject_ref=subject_of(connection, row.account_id),
        actor=cast.staff_id,
        causes=[row.subject_key],
        data={
            "kind": row.kind,
            "role": role,
            "identity": cast.identity,
            "facts_sha256": row.facts_sha256,
            "withdrawn": withdrawn,
            "sent_back": cast.decision == "send_back",
        },
        detail={"note": cast.note},
    )
