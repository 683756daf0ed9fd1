"""A person chooses the remedy: one of those the current packet has open, bound to the facts that were shown."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from arrears.approvals.chosen import KIND, keep_choice
from arrears.approvals.votes import check_identity, refuse_collector
from arrears.core.clock import local_date
from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.staff import is_within_reach, staff_roles
from arrears.store.engine import writing
from arrears.store.tables.legal import packet

TAKEN_BACK = "none"
"""What is chosen by whoever takes a choice back."""

STATES = ("draft", "ready")
"""The states of a packet that may be decided on; a hold or doubtful data leaves nothing to choose."""


@dataclass(frozen=True)
class Choice:
    """What one person decides about one account; ``facts_sha256`` are the facts they were shown."""

    account_id: str
    remedy: str
    staff_id: str
    note: str
    identity: str
    facts_sha256: str | None = None


def choose(rt: Runtime, engine: Engine, choice: Choice, policy: Policy, run_id: str) -> None:
    """Record the remedy a person chooses, or that a choice is taken back; the next run builds the packet with it.

    Whose roles may choose is the policy's (``repossession.approval_roles.remedy``). Without ``facts_sha256`` the
    facts of the current packet are meant.

    Raises:
        BadArguments: no note, no packet to decide on, facts that changed, a remedy that is not open, a person who may
            not choose, or an identity too weak for this store.
    """
    if not choice.note.strip():
        raise BadArguments("a decision needs a note: say what you looked at, with --note")
    with writing(engine) as connection:
        check_identity(connection, rt, choice.identity)
        current = _packet(connection, choice)
        today = local_date(rt.clock.now(), policy.time_zone)
        role = _role(connection, choice, policy, today)
        _check_remedy(current, choice.remedy)
        keep_choice(connection, rt, account_id=choice.account_id, packet_id=current.packet_id,
                    remedy=None if choice.remedy == TAKEN_BACK else choice.remedy, staff_id=choice.staff_id,
                    run_id=run_id, business_date=today, note=choice.note.strip(),
                    data={"role": role, "identity": choice.identity, "facts_sha256": current.facts_sha256})  # fmt: skip


def _packet(connection: Connection, choice: Choice) -> Row[Any]:
    query = select(packet).where(packet.c.account_id == choice.account_id, packet.c.superseded_on.is_(None))
    row = connection.execute(query).one_or_none()
    seen = is_within_reach(connection, choice.staff_id, choice.account_id)
    if row is None or row.state not in STATES or not seen:
        raise BadArguments("there is no packet to decide on: it is not made, or a hold or doubtful data keeps it back")
    if choice.facts_sha256 not in (None, row.facts_sha256):
        raise BadArguments("the facts have changed: look at the new packet")
    return row


def _role(connection: Connection, choice: Choice, policy: Policy, today: date) -> str:
    held = staff_roles(connection).get(choice.staff_id)
    if held is None:
        raise BadArguments(f"staff {choice.staff_id!r} is not in the staff feed")
    refuse_collector(connection, choice.account_id, choice.staff_id, today)
    wanted = policy.repossession.approval_roles[KIND]
    for role in wanted:
        if role in held:
            return role
    raise BadArguments(f"staff {choice.staff_id!r} may not choose a remedy: it takes one of {', '.join(wanted)}")


def _check_remedy(current: Row[Any], remedy: str) -> None:
    if remedy == TAKEN_BACK and current.chosen_remedy is None:
        raise BadArguments("no remedy is chosen in the current packet: there is nothing to take back")
    if remedy not in (TAKEN_BACK, *current.open_remedies):
        open_ones = ", ".join(current.open_remedies) or "none"
        raise BadArguments(f"remedy {remedy[:40]!r} is not open for this account; open: {open_ones}")
