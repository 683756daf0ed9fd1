"""What went to court, held against what two people had approved by then: the court's fact stands all the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, and_, exists, func, or_, select, update

from arrears.approvals import questions
from arrears.approvals.in_the_way import PRESERVATION, was_held
from arrears.approvals.packets import KIND, SAID_NO, TO_COURT
from arrears.audit.record import record
from arrears.core.clock import at_local, local_date, utc_text
from arrears.core.keys import digest, natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.store.bulk import replace_all
from arrears.store.tables.feeds import CASES_OVER, court_case
from arrears.store.tables.legal import FILED_KINDS, court_filing, packet
from arrears.store.tables.repossession import approval
from arrears.store.tables.runs import run

NOT_YET = ("asked", "approved")
"""States of a case before anything has reached the court."""
GIVEN_UP = ("withdrawn", "rejected")
"""States that say nothing of a court where the case was only asked for or approved before: the house gave it up."""
ATTESTATION = "attestation"


@dataclass(frozen=True)
class Judged:
    """How many filings were found with their approval, and without."""

    approved: int
    unapproved: int


def judge_filings(connection: Connection, rt: Runtime, run_id: str, business_date: date, policy: Policy) -> Judged:
    """Find the approval in force at each new filing, mark it used, and put a filing without one before two people.

    A case that was filed before this store's first day belongs to those taken over at go-live and is not judged.
    """
    found = [(row, _behind(connection, row, policy)) for row in _new_filings(connection, policy.time_zone)]
    for row, covering in found:
        _keep(connection, rt, run_id, business_date, row, covering)
    approved = sum(covering is not None for _, covering in found)
    return Judged(approved, len(found) - approved)


def is_unapproved() -> ColumnElement[bool]:
    """Say of a filing that no approval stood behind it and that people have not settled it since.

    Two people settle it by attesting it. Where they refuse to, it stays until the case is over at court as well.
    """
    about = and_(approval.c.kind == ATTESTATION, approval.c.subject_key == court_filing.c.filing_key)
    attested = exists().where(about, approval.c.state == "approved")
    asked = exists().where(about, approval.c.state == "open")
    refused = exists().where(about, approval.c.closed_reason.in_(SAID_NO))
    case = court_case.alias("over")
    over = exists().where(*_same_case(case, court_filing), case.c.state.in_(CASES_OVER))
    return and_(court_filing.c.approval_id.is_(None), ~attested, or_(asked, ~refused, ~over))


def stands_at_court(case: FromClause) -> ColumnElement[bool]:
    """Say of a state of a case that the court had the case by then, not that it was meant or given up before."""
    before = court_case.alias("before")
    meant = exists().where(*_same_case(before, case), before.c.state.in_(NOT_YET), before.c.at <= case.c.at)
    return and_(case.c.state.not_in(NOT_YET), or_(case.c.state.not_in(GIVEN_UP), ~meant))


def _same_case(one: FromClause, other: FromClause) -> list[ColumnElement[bool]]:
    return [one.c[name] == other.c[name] for name in ("account_id", "kind", "case_id")]


def _new_filings(connection: Connection, zone: str) -> Sequence[Row[Any]]:
    """Return each case with the moment it first stood at court, unless it was judged by that moment already."""
    first_day = connection.execute(select(func.min(run.c.business_date)).where(run.c.kind == "daily")).scalar()
    if first_day is None:
        return []
    case = court_case.c
    first = (
        select(case.account_id, case.kind, case.case_id, func.min(case.at).label("filed_at"))
        .where(case.kind.in_(FILED_KINDS), stands_at_court(court_case))
        .group_by(case.account_id, case.kind, case.case_id)
        .subquery()
    )
    query = (
        select(first)
        .outerjoin(court_filing, and_(*_same_case(court_filing, first)))
        .where(first.c.filed_at >= utc_text(at_local(first_day, time.min, zone)),
               or_(court_filing.c.filed_at.is_(None), court_filing.c.filed_at != first.c.filed_at))
        .order_by(first.c.account_id, first.c.filed_at, first.c.kind, first.c.case_id)
    )  # fmt: skip
    return connection.execute(query).all()


def _behind(connection: Connection, filing: Row[Any], policy: Policy) -> Row[Any] | None:
    """Return the approval that was in force when a case was filed and covers what the court was asked for.

    None was on a day on which the account was held.
    """
    zone = policy.time_zone
    rows = connection.execute(
        select(approval, packet.c.chosen_remedy)
        .outerjoin(packet, packet.c.packet_id == approval.c.subject_key)
        .where(approval.c.account_id == filing.account_id, approval.c.kind.in_((KIND, PRESERVATION)),
               approval.c.approved_on.is_not(None))
        .order_by(approval.c.approved_on.desc(), approval.c.approval_id)
        .with_for_update(of=approval)
    ).all()  # fmt: skip
    votes = questions.votes_of(connection, [row.approval_id for row in rows])
    for row in rows:
        covers = row.chosen_remedy in TO_COURT if row.kind == KIND else filing.kind == PRESERVATION
        given = max(vote.at for vote in votes[row.approval_id] if vote.decision == "approve")
        if covers and _was_given_by(given, filing.filed_at, zone) and _in_force(row, filing.filed_at, zone):
            on = local_date(datetime.fromisoformat(filing.filed_at), zone)
            if not was_held(connection, on, policy, row.kind, filing.account_id):
                return row
    return None


def _was_given_by(given: str, filed_at: str, zone: str) -> bool:
    """Compare moments; a filing at midnight came without its hour, and an approval of that day was there for it."""
    approved, filed = (datetime.fromisoformat(at) for at in (given, filed_at))
    on = local_date(filed, zone)
    if filed == at_local(on, time.min, zone):
        return local_date(approved, zone) <= on
    return approved <= filed


def _in_force(row: Row[Any], at: str, zone: str) -> bool:
    on = local_date(datetime.fromisoformat(at), zone)
    return bool(on <= row.expires_on and (row.closed_at is None or row.closed_at > at))


def _keep(
    connection: Connection, rt: Runtime, run_id: str, on: date, filing: Row[Any], covering: Row[Any] | None
) -> None:
    """Write down what stands behind a filing, tell the log, and ask two people about one that nothing stands behind."""
    key = natural_key(filing.account_id, filing.kind, filing.case_id)
    behind = None if covering is None else covering.approval_id
    replace_all(connection, court_filing, [{"filing_key": key, **filing._mapping, "approval_id": behind,
                                            "run_id": run_id}])  # fmt: skip
    if covering is not None and covering.state == "approved":
        connection.execute(update(approval).where(approval.c.approval_id == behind).values(state="used"))
    record(connection, rt, run_id=run_id, type="filing.unapproved" if behind is None else "filing.approved", key=key,
           business_date=on, subject_ref=questions.subject_of(connection, filing.account_id),
           causes=[] if covering is None else [covering.approval_id, covering.subject_key],
           data={"kind": filing.kind, "filed_at": filing.filed_at})  # fmt: skip
    _ask_to_attest(connection, rt, run_id, on, filing, key, covered=covering is not None)


def _ask_to_attest(
    connection: Connection, rt: Runtime, run_id: str, on: date, filing: Row[Any], key: str, *, covered: bool
) -> None:
    """Void what was asked or attested of another moment of filing; ask about this one, unless it has its answer."""
    facts = digest([key, filing.filed_at])
    asked = select(approval).where(approval.c.kind == ATTESTATION, approval.c.subject_key == key)
    live = connection.execute(asked.where(approval.c.state.in_(questions.LIVE)).with_for_update()).all()
    for row in live:
        questions.end(connection, rt, row, run_id=run_id, business_date=on, reason="facts_changed", state="void")
    refused = asked.where(approval.c.facts_sha256 == facts, approval.c.closed_reason.in_(SAID_NO))
    if not covered and connection.execute(refused).first() is None:
        questions.request(connection, rt, run_id=run_id, kind=ATTESTATION, subject_key=key, facts_sha256=facts,
                          business_date=on, account_id=filing.account_id)  # fmt: skip
