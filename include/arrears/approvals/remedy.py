"""A person chooses the remedy: one of those the current packet has open, bound to the facts that were shown."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select

from arrears.approvals.questions import subject_of
from arrears.approvals.votes import check_identity, refuse_collector
from arrears.audit.record import record
from arrears.core.clock import local_date, utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.staff import staff_roles
from arrears.store.engine import writing
from arrears.store.tables.feeds import court_case
from arrears.store.tables.legal import packet

KIND = "remedy"
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
        row = _row(connection, rt, choice, current.packet_id)
        connection.execute(insert(court_case), row)
        record(connection, rt, run_id=run_id, type=f"remedy.{row['state']}", key=row["court_case_key"],
               business_date=today, subject_ref=subject_of(connection, choice.account_id), actor=choice.staff_id,
               causes=[current.packet_id],
               data={"remedy": row["remedy"], "role": role, "identity": choice.identity,
                     "facts_sha256": current.facts_sha256},
               detail={"note": choice.note.strip()})  # fmt: skip


def _packet(connection: Connection, choice: Choice) -> Row[Any]:
    query = select(packet).where(packet.c.account_id == choice.account_id, packet.c.superseded_on.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None or row.state not in STATES:
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


def _row(connection: Connection, rt: Runtime, choice: Choice, packet_id: str) -> dict[str, Any]:
    """Return the row of the cases a packet is made from; it follows the choice before it even if the clock stands."""
    newest = select(func.max(court_case.c.at)).where(
        court_case.c.account_id == choice.account_id, court_case.c.kind == KIND
    )
    now, last = rt.clock.now(), connection.execute(newest).scalar_one_or_none()
    if last is not None:
        now = max(now, datetime.fromisoformat(last) + timedelta(seconds=1))
    at, state = utc_text(now), "withdrawn" if choice.remedy == TAKEN_BACK else "chosen"
    return {
        "court_case_key": natural_key(choice.account_id, packet_id, KIND, state, at),
        "account_id": choice.account_id,
        "case_id": packet_id,
        "kind": KIND,
        "state": state,
        "at": at,
        "remedy": None if choice.remedy == TAKEN_BACK else choice.remedy,
        "staff_id": choice.staff_id,
    }
