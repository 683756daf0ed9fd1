"""Packets that go to a court: two people approve the facts before anybody files them.

A remedy that takes the machine is approved with its order instead; an agency gets what the case committee places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from arrears.approvals.in_the_way import PRESERVATION, in_the_way
from arrears.approvals.questions import LIVE, end, request
from arrears.core.runtime import Runtime
from arrears.ladder.grave_default import TITLE_KEPT
from arrears.ladder.policy import Policy
from arrears.store.tables.feeds import account
from arrears.store.tables.legal import emergency_packet, packet
from arrears.store.tables.repossession import approval

KIND = "packet"
TO_COURT = ("accelerate", "realise_security", "sue_and_preserve")
"""The remedies that ask a court for something."""
ASKED = ("accelerate", "sue_and_preserve")
"""The remedies that always leave as a packet; security is realised by a court only where no contract gives a right."""
SAID_NO = ("refused", "withdrawn")


@dataclass(frozen=True)
class Asked:
    """What a run changed: packets put to people, approvals whose facts are gone, approvals that ran out unused."""

    asked: int
    voided: int
    expired: int


def ask_about_packets(connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy) -> Asked:
    """Ask two people about every ready packet whose chosen remedy leaves as a packet, once for the same facts.

    Changed facts void what was asked or agreed, and so does a hold or money of the day: nobody approves what may not
    leave, and it is asked anew once it may. What was agreed and not used in time is asked again; what was refused on
    the same facts is not.
    """
    return _bring_up_to_date(connection, rt, run_id, business_date, policy, KIND, _ready(connection))


def ask_about_emergencies(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy
) -> Asked:
    """Ask two people about every application for preservation in an emergency, by the same rules."""
    query = select(
        emergency_packet.c.account_id, emergency_packet.c.emergency_id.label("packet_id"),
        emergency_packet.c.facts_sha256,
    ).where(emergency_packet.c.superseded_on.is_(None), emergency_packet.c.state == "ready")  # fmt: skip
    ready = {row.account_id: row for row in connection.execute(query.order_by(emergency_packet.c.account_id))}
    return _bring_up_to_date(connection, rt, run_id, business_date, policy, PRESERVATION, ready)


def _bring_up_to_date(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy, kind: str,
    ready: Mapping[str, Any],
) -> Asked:  # fmt: skip
    live = _live(connection, kind)
    held = in_the_way(connection, business_date, policy, kind, {*ready, *(row.account_id for row in live)})
    over = {row.approval_id: why for row in live if (why := _why_over(row, ready, held, business_date))}
    for row in live:
        if row.approval_id in over:
            state, reason = over[row.approval_id]
            end(connection, rt, row, run_id=run_id, business_date=business_date, reason=reason, state=state)
    standing = {row.account_id for row in live if row.approval_id not in over}
    answered = _answered(connection, business_date, kind)
    wanted = [row for row in ready.values() if row.account_id not in standing]
    asked = [row for row in wanted if row.account_id not in held and (row.account_id, row.facts_sha256) not in answered]
    for row in asked:
        request(connection, rt, run_id=run_id, kind=kind, subject_key=row.packet_id, facts_sha256=row.facts_sha256,
                business_date=business_date, account_id=row.account_id)  # fmt: skip
    ended = [state for state, _ in over.values()]
    return Asked(len(asked), ended.count("void"), ended.count("expired"))


def _ready(connection: Connection) -> dict[str, Any]:
    no_title = and_(packet.c.chosen_remedy == "realise_security", account.c.contract_type.not_in(TITLE_KEPT))
    query = (
        select(packet.c.account_id, packet.c.packet_id, packet.c.facts_sha256)
        .join(account, account.c.account_id == packet.c.account_id)
        .where(packet.c.superseded_on.is_(None), packet.c.state == "ready",
               or_(packet.c.chosen_remedy.in_(ASKED), no_title))
        .order_by(packet.c.account_id)
    )  # fmt: skip
    return {row.account_id: row for row in connection.execute(query)}


def _why_over(row: Row[Any], ready: Mapping[str, Any], held: Mapping[str, str], on: date) -> tuple[str, str] | None:
    """Return the end state of what no longer counts, and why; nothing of what stands."""
    current = ready.get(row.account_id)
    if row.state == "approved" and row.expires_on < on:
        return "expired", "not_used_in_time"
    if row.account_id in held:
        return "void", held[row.account_id]
    if current is None or current.facts_sha256 != row.facts_sha256:
        return "void", "facts_changed"
    return None


def _live(connection: Connection, kind: str) -> Sequence[Row[Any]]:
    query = select(approval).where(approval.c.kind == kind, approval.c.state.in_(LIVE))
    return connection.execute(query.order_by(approval.c.approval_id).with_for_update()).all()


def _answered(connection: Connection, on: date, kind: str) -> set[tuple[str, str]]:
    """Return the facts, by account, that were refused, or approved and filed and still stand for a further filing."""
    said_no = approval.c.closed_reason.in_(SAID_NO if kind == KIND else (*SAID_NO, "sent_back"))
    in_use = and_(approval.c.state == "used", approval.c.expires_on >= on)
    query = select(approval.c.account_id, approval.c.facts_sha256).where(approval.c.kind == kind, or_(said_no, in_use))
    return {(row.account_id, row.facts_sha256) for row in connection.execute(query)}
