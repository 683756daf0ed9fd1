"""Erase what identifies the people of one account: the log keeps its bytes, and says who erased what and why.

What stays are amounts and dates under the account number, and events under a random name that nothing leads back to.
Sources: Personal Information Protection Law (PIPL) art. 19 and 47; General Data Protection Regulation art. 17.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, exists, or_, select, update

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.entropy import random_uuid
from arrears.core.errors import BadArguments, CannotTell
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.store.artefacts import agreement_path, emergency_id, order_path, packet_folder, packet_id
from arrears.store.tables.audit import event_detail
from arrears.store.tables.feeds import (
    CASES_OVER,
    account,
    committee,
    court_case,
    document,
    hold,
    location,
    outcome,
    plan,
    visit_request,
)
from arrears.store.tables.legal import emergency_packet, legal_notice, packet
from arrears.store.tables.outreach import item, work_item
from arrears.store.tables.people import account_party, party, subject
from arrears.store.tables.repossession import ORDER_OPEN, approval, approval_vote, repossession_order

BASES = {
    "retention_ended": "the time for which records are kept is over",
    "consent_withdrawn": "the person withdrew the consent, and no record must be kept any longer",
    "unlawful_processing": "the data should never have been processed",
    "authority_order": "an authority or court ordered it",
}
AT_ONCE = ("unlawful_processing", "authority_order")
"""Bases that do not wait for the end of the retention."""

ERASED = "erased"
"""Stands where a text was that must not be empty."""

NOT_PERSONAL = ("party_id", "erased_at", "delivery_id", "row_no")
FREE_TEXT: tuple[tuple[Table, dict[str, str | None]], ...] = (
    (outcome, {"note": None}),
    (hold, {"reason": None}),
    (visit_request, {"reason": ERASED}),
    (committee, {"reason": ERASED}),
    (document, {"title": None}),
    (court_case, {"court": None, "case_no": None}),
)


@dataclass(frozen=True)
class Erased:
    """What one erasure took away; ``persons_kept`` have another account that is still kept."""

    persons: int
    persons_kept: int
    details: int
    rows: int
    files: int


def find_account(connection: Connection, name: str) -> Row[Any]:
    """Return an account by its id or by the random name under which the log knows it.

    Raises:
        CannotTell: there is none.
    """
    query = select(account).where(or_(account.c.account_id == name, account.c.subject_ref == name))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise CannotTell("no account has this id or subject_ref: nothing to erase")
    return row


def kept_until(closed_on: date, years: int) -> date:
    """Return the last day on which the records of a closed account are kept; 29 February ends on the 28th."""
    try:
        return closed_on.replace(year=closed_on.year + years)
    except ValueError:
        return closed_on.replace(year=closed_on.year + years, day=28)


def refuse_if_needed(
    connection: Connection, found: Row[Any], on: date, basis: str, years: int, proceedings: Collection[str]
) -> None:
    """Refuse to erase what is still needed: an open contract, running proceedings, a retention that has not ended.

    ``proceedings`` are the kinds of hold in which the data may be evidence.

    Raises:
        BadArguments: names what stands in the way.
    """
    if basis not in BASES:
        raise BadArguments(f"--basis {basis}: one of {', '.join(BASES)}")
    if found.erased_at is not None:
        raise BadArguments(f"this account was erased at {found.erased_at}")
    if found.closed_on is None or found.closed_on > on:
        raise BadArguments("the contract is open: its data is still needed for it (PIPL art. 47, 1); "
                           "to stop contact, import a hold of kind cease")  # fmt: skip
    for reason, query in _proceedings(found.account_id, on, proceedings).items():
        if connection.execute(query.limit(1)).first() is not None:
            raise BadArguments(f"legal hold: {reason}; erase when it has ended")
    until = kept_until(found.closed_on, years)
    if until >= on and basis not in AT_ONCE:
        raise BadArguments(f"kept until {until} by retention.years_after_close: until then the data is stored, "
                           "not used (PIPL art. 47, 2)")  # fmt: skip


def _proceedings(account_id: str, on: date, proceedings: Collection[str]) -> Mapping[str, Any]:
    return {
        "a hold for proceedings is in force": select(hold.c.hold_key).where(
            hold.c.account_id == account_id, _holds(on, proceedings)
        ),
        "a court case is running": select(court_case.c.case_id).where(
            court_case.c.account_id == account_id, _is_running()
        ),
        "a repossession order is open": select(repossession_order.c.order_id).where(
            repossession_order.c.account_id == account_id, repossession_order.c.state.in_(ORDER_OPEN)
        ),
    }


def _holds(on: date, proceedings: Collection[str]) -> ColumnElement[bool]:
    in_force = or_(hold.c.until_on.is_(None), hold.c.until_on >= on)
    return and_(hold.c.kind.in_(proceedings), hold.c.from_on <= on, in_force)


def _is_running() -> ColumnElement[bool]:
    """The newest state of the case is not one in which it is over."""
    later = court_case.alias("later")
    newer = exists().where(
        later.c.account_id == court_case.c.account_id, later.c.case_id == court_case.c.case_id,
        later.c.kind == court_case.c.kind, later.c.at > court_case.c.at,
    )  # fmt: skip
    return and_(court_case.c.state.not_in(CASES_OVER), ~newer)


def expired_accounts(
    connection: Connection, on: date, closed_before: date, most: int, proceedings: Collection[str]
) -> list[str]:
    """Return accounts closed before a day that nothing holds on ``on``, the oldest first, at most ``most``."""
    own = account.c.account_id
    held = (
        exists().where(hold.c.account_id == own, _holds(on, proceedings)),
        exists().where(court_case.c.account_id == own, _is_running()),
        exists().where(repossession_order.c.account_id == own, repossession_order.c.state.in_(ORDER_OPEN)),
    )
    query = select(own).where(account.c.erased_at.is_(None), account.c.closed_on < closed_before)
    query = query.where(*(~one for one in held)).order_by(account.c.closed_on, own)
    return list(connection.execute(query.limit(most)).scalars())


def files_of(connection: Connection, account_id: str) -> list[str]:
    """Return the artefacts that show the people of an account: whole packets, orders, letters, agreements, notices.

    A name that ends in ``/`` is a folder with all that lies in it.
    """
    rows = select(packet.c.packet_id, packet.c.version).where(packet.c.account_id == account_id)
    built = connection.execute(rows).all()
    next_version = max((row.version for row in built), default=0) + 1
    packets = [*(row.packet_id for row in built), packet_id(account_id, next_version)]  # a run may have died over it
    packets += _emergencies(connection, account_id)
    documents = select(repossession_order.c.document_sha256).where(
        repossession_order.c.account_id == account_id, repossession_order.c.document_sha256.is_not(None)
    )
    orders = connection.execute(documents).scalars()
    listed = select(work_item.c.documents).where(_carried(account_id), work_item.c.documents.is_not(None))
    letters = [one for text in connection.execute(listed).scalars() for one in json.loads(text)]
    signed = connection.execute(select(plan.c.signed_on).where(plan.c.account_id == account_id)).scalars()
    notices = connection.execute(select(legal_notice.c.pdf_path).where(legal_notice.c.account_id == account_id))
    return [
        *(f"{packet_folder(name)}{ending}" for name in packets for ending in ("/", ".zip")),
        *(agreement_path(account_id, day) for day in signed),
        *notices.scalars(),
        *(order_path(name) for name in orders),
        *(one["path"] for one in letters if one["account_id"] == account_id),
    ]


def _emergencies(connection: Connection, account_id: str) -> Iterator[str]:
    """Yield the applications of an account in emergencies, and for each the next, over which a run may have died."""
    made = select(emergency_packet.c.case_id, emergency_packet.c.version).where(
        emergency_packet.c.account_id == account_id
    )
    asked = select(court_case.c.case_id).where(court_case.c.account_id == account_id).distinct()
    newest = dict.fromkeys(connection.execute(asked).scalars(), 0)
    for case_id, version in connection.execute(made):
        newest[case_id] = max(version, newest.get(case_id, 0))
    for case_id, version in newest.items():
        yield from (emergency_id(account_id, case_id, number) for number in range(1, version + 2))


def erase(
    connection: Connection, rt: Runtime, found: Row[Any], *, run_id: str, on: date, basis: str, by: str, files: int
) -> Erased:
    """Erase in the caller's transaction, with the event that tells of it; ``files`` artefacts were deleted before."""
    at = utc_text(rt.clock.now())
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")  # else the bytes stay in the file until they are reused
    commits = _erase_details(connection, found.subject_ref)
    gone, kept = _erase_people(connection, found.account_id, at)
    rows = _erase_texts(connection, found.account_id, at) + _erase_account(connection, rt, found, at)
    result = Erased(gone, kept, len(commits), rows, files)
    data = {"legal_basis": basis, "detail_commits": commits, "persons": gone, "persons_kept": kept, "rows": rows,
            "files": files}  # fmt: skip
    record(connection, rt, run_id=run_id, type="erasure.performed", key=natural_key("erasure", found.subject_ref),
           business_date=on, subject_ref=found.subject_ref, actor=by, data=data)  # fmt: skip
    return result


def _erase_details(connection: Connection, subject_ref: str) -> list[str]:
    own = event_detail.c.subject_ref == subject_ref
    commits = sorted(connection.execute(select(event_detail.c.detail_commit).where(own)).scalars())
    connection.execute(event_detail.delete().where(own))
    return commits


def _erase_people(connection: Connection, account_id: str, at: str) -> tuple[int, int]:
    """Blank the persons of an account unless another account of theirs is kept; the ties of this one end."""
    tied = set(connection.execute(
        select(account_party.c.party_id).where(account_party.c.account_id == account_id)).scalars())  # fmt: skip
    elsewhere = select(account_party.c.party_id).join(account, account.c.account_id == account_party.c.account_id)
    others = (
        account_party.c.party_id.in_(tied),
        account_party.c.account_id != account_id,
        account.c.erased_at.is_(None),
    )
    kept = set(connection.execute(elsewhere.where(*others)).scalars())
    blank: dict[str, Any] = {column.name: None for column in party.columns if column.name not in NOT_PERSONAL}
    going = party.c.party_id.in_(tied - kept)
    gone = connection.execute(update(party).where(going).values(**blank, erased_at=at)).rowcount
    connection.execute(account_party.delete().where(account_party.c.account_id == account_id))
    return gone, len(kept)


def _erase_texts(connection: Connection, account_id: str, at: str) -> int:
    """Blank what people wrote, and forget where a machine stood."""
    rows = 0
    for table, values in FREE_TEXT:
        written = or_(*(table.c[name].is_not(None) for name in values))
        rows += connection.execute(
            update(table).where(table.c.account_id == account_id, written).values(**values)
        ).rowcount
    rows += connection.execute(location.delete().where(location.c.account_id == account_id)).rowcount
    asked = select(approval.c.approval_id).where(approval.c.account_id == account_id)
    notes = update(approval_vote).where(approval_vote.c.approval_id.in_(asked)).values(note=ERASED)
    rows += connection.execute(notes).rowcount
    said = dict.fromkeys(("script", "brief", "checklist", "documents")) | {"erased_at": at}
    lists = update(work_item).where(_carried(account_id), work_item.c.erased_at.is_(None)).values(**said)
    return rows + connection.execute(lists).rowcount


def _carried(account_id: str) -> ColumnElement[bool]:
    """Say whether a work item spoke of an account: its script is written anew for nobody."""
    return work_item.c.contact_id.in_(select(item.c.contact_id).where(item.c.account_id == account_id))


def _erase_account(connection: Connection, rt: Runtime, found: Row[Any], at: str) -> int:
    """Give the account another random name: what the log tells of the old one leads nowhere any more."""
    new = random_uuid(rt.entropy)
    own = account.c.account_id == found.account_id
    names = ("customer_id", "asset_serial", "engine_no", "plate", "debit_mandate", "gps_device_no", "key_info")
    blank = dict.fromkeys(names)
    connection.execute(update(account).where(own).values(**blank, subject_ref=new, erased_at=at))
    tie = subject.c.account_id == found.account_id
    connection.execute(update(subject).where(tie).values(subject_ref=new, created_at=at))
    return 1
