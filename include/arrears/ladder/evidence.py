"""Evidence: what happened to a contact, and whether it counts towards the next rung.

One table says it all: a delivered message, a call, a visit with a report, a letter served, refused or returned
count; a bounce, a message merely accepted by a gateway, and our own failures never do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, exists, or_, select, true

from arrears.core.clock import local_date
from arrears.core.keys import natural_key
from arrears.ladder.opening import is_attested
from arrears.ladder.policy import Policy
from arrears.store.bulk import insert_new
from arrears.store.columns import replace_columns
from arrears.store.tables.decisions import episode, evidence
from arrears.store.tables.feeds import document, opening, outcome, staff

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 16_384
"""Rows of evidence in memory at a time: the morning after a courtesy day has one for nearly every account."""

LOOKUP = 500
"""Accounts named in one statement."""

LOOK_BACK = timedelta(days=35)
"""So far back the outcomes of accounts without open arrears are looked at; later news of them wait for arrears."""

NO_PARTY = "-"
ANSWERED = frozenset(
    {"contacted", "promised", "refused", "dispute_raised", "hardship_claimed", "paid_claimed", "callback_requested"}
)
UNANSWERED = frozenset({"no_answer", "busy", "switched_off"})
LETTER_ENDS = {"arrived": "letter_served", "refused": "letter_refused", "returned": "letter_returned"}
DEMAND = "demand_served"
"""A written demand that arrived, was refused or came back: whoever it was for was tried. It is no lawyer's letter."""

OPENING_KINDS = {
    "message": "message_delivered",
    "call": "call_attempt",
    "letter": "letter_served",
    "visit": "visit_reported",
}
CHANNEL_OF = {"message": "sms", "call": "call", "letter": "letter", "visit": "visit"}
"""The channel of an opening row that names none."""

COLUMNS = ("evidence_key", "account_id", "party_id", "kind", "counts", "happened_at", "local_date", "channel", "source",
           "source_key", "document_sha256", "confirmed_by")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What a record is as evidence, and whether it counts."""

    name: str
    counts: bool


def kind_of_outcome(channel: str, result: str, *, attested: bool, report: bool) -> Kind:
    """Name the evidence in one outcome row, and say whether what is proved of it would let it count.

    ``attested``: written by a supervisor. ``report``: a visit report confirmed by two people exists for that day.
    """
    if result == "no_contact_point":
        return Kind("no_contact_point", attested)
    if channel in ("sms", "email"):
        return Kind("message_delivered" if result == "delivered" else "message_failed", result == "delivered")
    if channel == "call":
        return _call(result)
    if channel == "visit":
        return Kind("visit_failed" if result == "visit_not_met" else "visit_reported", report)
    if channel == "letter":
        return Kind(result if result.startswith("letter_") else "letter_other", counts=False)
    return Kind("other", counts=False)


def _call(result: str) -> Kind:
    if result in ANSWERED:
        return Kind("call_answered", counts=True)
    if result in UNANSWERED:
        return Kind("call_attempt", counts=True)
    return Kind("call_failed", counts=False)


def record_evidence(connection: Connection, on: date, policy: Policy) -> int:
    """Derive evidence from outcomes, documents and opening rows not yet used; return how many are new or count now.

    Looked at is what can matter: every account with open arrears, and of all others what happened in the last
    ``LOOK_BACK`` days, so that a day costs the same after years. The first day of a store looks at all there is.
    Only kinds that the policy lists count (``evidence.counts``). Letters count only through a document whose service
    two people confirmed, never through an outcome alone. A visit or letter whose report or second signature comes days
    later counts from then on, for the day it happened.
    """
    may = frozenset(policy.evidence.counts)
    where = _Reach.of(connection, on)
    rows = chain(_outcomes(connection, where, policy), _letters(connection, where), _opening(connection, where, policy))
    new = 0
    while chunk := list(islice(rows, CHUNK)):
        known = [row for row in chunk if row["local_date"] <= on]
        for row in known:
            row["counts"] = row["counts"] and row["kind"] in may
        new += insert_new(connection, evidence, (row for row in known if not row["counts"]))
        new += replace_columns(connection, evidence, _by_column([row for row in known if row["counts"]]))
    return new


def _by_column(rows: list[dict[str, Any]]) -> "pa.RecordBatch":
    import pyarrow as pa

    kinds = {"counts": pa.bool_(), "local_date": pa.date32()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    return pa.RecordBatch.from_pylist(rows, schema)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far a day looks back: ``since`` a moment for everybody, or everywhere on the first day of a store."""

    since: str | None

    @classmethod
    def of(cls, connection: Connection, on: date) -> "_Reach":
        is_first = connection.execute(select(evidence.c.evidence_key).limit(1)).first() is None
        return cls(None if is_first else (on - LOOK_BACK).isoformat())

    def queries(
        self, table: Table, key: ColumnElement[Any], waiting: ColumnElement[bool], moment: ColumnElement[Any] | None
    ) -> Iterator[Select[Any]]:
        """Yield the queries of the rows that are no evidence yet, and of ``waiting`` ones that do not count so far.

        ``moment`` is the column by which recent rows are found; without it only open arrears are looked at.
        """
        used, counted = evidence.c.source_key == key, and_(evidence.c.source_key == key, evidence.c.counts)
        query = select(table).where(or_(~exists().where(used), and_(waiting, ~exists().where(counted))))
        if self.since is None:
            yield query
            return
        in_arrears = table.c.account_id.in_(select(episode.c.account_id).where(episode.c.cured_on.is_(None)))
        if moment is None:
            yield query.where(in_arrears)
        else:
            yield query.where(moment >= self.since)
            yield query.where(moment < self.since, in_arrears)


def _rows(connection: Connection, queries: Iterable[Select[Any]]) -> Iterator[Row[Any]]:
    for query in queries:
        yield from connection.execute(query, execution_options={"stream_results": True})


def _outcomes(connection: Connection, where: _Reach, policy: Policy) -> Iterator[dict[str, Any]]:
    supervisors = _supervisors(connection)
    queries = where.queries(outcome, outcome.c.outcome_key, outcome.c.channel == "visit", outcome.c.at)
    rows = _rows(connection, queries)
    while chunk := list(islice(rows, CHUNK)):
        reports = _visit_reports(connection, sorted({row.account_id for row in chunk if row.channel == "visit"}))
        for row in chunk:
            when = local_date(_moment(row.at), policy.time_zone)
            kind = kind_of_outcome(
                row.channel, row.outcome, attested=row.staff_id in supervisors, report=(row.account_id, when) in reports
            )
            yield _evidence(row, row.outcome_key, "outcome", kind, row.at, when, row.channel)


def _visit_reports(connection: Connection, accounts: list[str]) -> set[tuple[str, date]]:
    """Return account and day of the visit reports of some accounts that two people confirmed."""
    query = select(document.c.account_id, document.c.dated_on).where(
        document.c.kind == "visit_report",
        document.c.confirmed_by.is_not(None),
        document.c.second_confirmed_by.is_not(None),
        document.c.confirmed_by != document.c.second_confirmed_by,
    )
    found: set[tuple[str, date]] = set()
    for start in range(0, len(accounts), LOOKUP):
        some = query.where(document.c.account_id.in_(accounts[start : start + LOOKUP]))
        found |= {(row.account_id, row.dated_on) for row in connection.execute(some)}
    return found


def _supervisors(connection: Connection) -> set[str]:
    rows = connection.execute(select(staff.c.staff_id, staff.c.roles))
    return {row.staff_id for row in rows if "supervisor" in row.roles.split(";")}


def _letters(connection: Connection, where: _Reach) -> Iterator[dict[str, Any]]:
    served = and_(document.c.kind.in_(("lawyers_letter", "demand_letter")), document.c.served_on.is_not(None))
    queries = where.queries(document, document.c.document_key, served, None)
    for row in _rows(connection, (query.where(served) for query in queries)):
        confirmed = row.confirmed_by and row.second_confirmed_by and row.confirmed_by != row.second_confirmed_by
        ended = LETTER_ENDS.get(row.service_result or "")
        name = (ended if row.kind == "lawyers_letter" else DEMAND) if ended else "letter_sent"
        kind = Kind(name, bool(confirmed) and ended is not None)
        moment = f"{row.served_on.isoformat()}T00:00:00Z"
        yield _evidence(row, row.document_key, "document", kind, moment, row.served_on, "letter", row.sha256)


def _opening(connection: Connection, where: _Reach, policy: Policy) -> Iterator[dict[str, Any]]:
    """Yield what was done before go-live; a row without an outcome is what its kind says."""
    agreed = set(connection.execute(select(opening.c.opening_key).where(is_attested())).scalars())
    for row in _rows(connection, where.queries(opening, opening.c.opening_key, true(), None)):
        name = OPENING_KINDS.get(row.kind)
        if name is None:
            continue
        when = local_date(_moment(row.at), policy.time_zone)
        kind = Kind(name, counts=True)
        if row.outcome is not None:
            kind = kind_of_outcome(row.channel or CHANNEL_OF[row.kind], row.outcome, attested=True, report=True)
        counts = row.opening_key in agreed and (kind.counts or kind.name in LETTER_ENDS.values())
        yield _evidence(row, row.opening_key, "opening", Kind(kind.name, counts), row.at, when,
                        row.channel or CHANNEL_OF[row.kind])  # fmt: skip


def _evidence(
    row: Any, source_key: str, source: str, kind: Kind, at: str, when: date, channel: str, sha256: str | None = None
) -> dict[str, Any]:
    return {
        "evidence_key": natural_key(source, source_key),
        "account_id": row.account_id,
        "party_id": row.party_id or NO_PARTY,
        "kind": kind.name,
        "counts": kind.counts,
        "happened_at": at,
        "local_date": when,
        "channel": channel,
        "source": source,
        "source_key": source_key,
        "document_sha256": sha256,
        "confirmed_by": None,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
