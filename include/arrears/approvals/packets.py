"""Packets that go to a court or an agency: two people approve the facts before anybody files them.

A remedy that takes the machine is approved with its order instead.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from arrears.approvals.questions import LIVE, end, request
from arrears.core.runtime import Runtime
from arrears.ladder.grave_default import TITLE_KEPT
from arrears.ladder.holds import holds_in_force
from arrears.ladder.policy import Policy
from arrears.store.tables.feeds import account
from arrears.store.tables.legal import emergency_packet, packet
from arrears.store.tables.repossession import approval

KIND = "packet"
EMERGENCY = "preservation"
"""The approval of a preservation before the gates are open: it covers nothing else."""
TO_COURT = ("accelerate", "realise_security", "sue_and_preserve")
"""The remedies that ask a court for something."""
ASKED = ("accelerate", "sue_and_preserve", "agency")
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

    Changed facts void what was asked or agreed. What was agreed and not used in time is asked again; what was refused
    on the same facts is not, nor is an account under any hold: nobody approves what may not leave.
    """
    ready = _ready(connection)
    held = holds_in_force(connection, business_date, policy, list(ready)) if ready else {}
    return _bring_up_to_date(connection, rt, run_id, business_date, KIND, ready, held)


def ask_about_emergencies(connection: Connection, rt: Runtime, run_id: str, business_date: date) -> Asked:
    """Ask two people about every application for preservation in an emergency, by the same rules.

    Whether a hold stands in its way was judged when it was made.
    """
    query = select(
        emergency_packet.c.account_id, emergency_packet.c.emergency_id.label("packet_id"),
        emergency_packet.c.facts_sha256,
    ).where(emergency_packet.c.superseded_on.is_(None), emergency_packet.c.state == "ready")  # fmt: skip
    ready = {row.account_id: row for row in connection.execute(query.order_by(emergency_packet.c.account_id))}
    return _bring_up_to_date(connection, rt, run_id, business_date, EMERGENCY, ready, ())


def _bring_up_to_date(
    connection: Connection, rt: Runtime, run_id: str, business_date: date, kind: str, ready: Mapping[str, Any],
    held: Container[str],
) -> Asked:  # fmt: skip
    voided, expired, standing = _settle_live(connection, rt, run_id, business_date, kind, ready)
    answered = _answered(connection, business_date, kind)
    wanted = [row for row in ready.values() if row.account_id not in standing]
    asked = [row for row in wanted if row.account_id not in held and (row.account_id, row.facts_sha256) not in answered]
    for row in asked:
        request(connection, rt, run_id=run_id, kind=kind, subject_key=row.packet_id, facts_sha256=row.facts_sha256,
                business_date=business_date, account_id=row.account_id)  # fmt: skip
    return Asked(len(asked), voided, expired)


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


def _settle_live(
    connection: Connection, rt: Runtime, run_id: str, on: date, kind: str, ready: Mapping[str, Any]
) -> tuple[int, int, set[str]]:
    """Void and expire what no longer counts; return how many of each, and the accounts whose question stands."""
    voided = expired = 0
    standing = set()
    for row in _live(connection, kind):
        current = ready.get(row.account_id)
        if current is None or current.facts_sha256 != row.facts_sha256:
            end(connection, rt, row, run_id=run_id, business_date=on, reason="facts_changed", state="void")
            voided += 1
        elif row.state == "approved" and row.expires_on < on:
            end(connection, rt, row, run_id=run_id, business_date=on, reason="not_used_in_time", state="expired")
            expired += 1
        else:
            standing.add(row.account_id)
    return voided, expired, standing


def _live(connection: Connection, kind: str) -> Iterable[Row[Any]]:
    query = select(approval).where(approval.c.kind == kind, approval.c.state.in_(LIVE))
    return connection.execute(query.order_by(approval.c.approval_id).with_for_update()).all()


def _answered(connection: Connection, on: date, kind: str) -> set[tuple[str, str]]:
    """Return the facts, by account, that were refused, or approved and filed and still stand for a further filing."""
    said_no = approval.c.closed_reason.in_(SAID_NO if kind == KIND else (*SAID_NO, "sent_back"))
    in_use = and_(approval.c.state == "used", approval.c.expires_on >= on)
    query = select(approval.c.account_id, approval.c.facts_sha256).where(approval.c.kind == kind, or_(said_no, in_use))
    return {(row.account_id, row.facts_sha256) for row in connection.execute(query)}
