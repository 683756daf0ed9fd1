"""What was done and what was left out, row by row beside what the log was told of it; and the log beside the rows."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select, union

from arrears.audit.log import parse
from arrears.core.keys import digest
from arrears.store.tables.audit import audit_event, audit_event_index, audit_pending
from arrears.store.tables.outreach import OPEN_STATES, contact, item, suppression
from arrears.store.tables.people import subject

PLANNED, SUPPRESSED, RESOLVED = "action.planned", "action.suppressed", "action.resolved"
LAST, DOUBT = ("sent", "rejected", "withheld", "withdrawn", "expired"), "in_doubt"
ENDINGS = tuple(f"action.{name}" for name in (*LAST, DOUBT, "not_sent", "resolved"))
AT_ONCE, WORD = 500, 40
IN_MEMORY = 200_000
"""So many rows and events of a day are held beside each other; a larger day is read once for each range of its keys."""
UNKNOWN = "?"
"""The account of a row that nothing leads from any more: it was erased."""
SUPPRESSION_KEY = ("account_id", "step", "channel", "party_id", "reason")


@dataclass(frozen=True, slots=True)
class Untold:
    """A contact or suppression that stands otherwise than the log was told; ``None`` where one of both has none."""

    account_id: str
    what: str
    key: str
    told: str | None
    stands: str | None


@dataclass(frozen=True, slots=True)
class _Keys:
    """A range of keys, which are hashes and so spread evenly; an empty bound is none."""

    begin: str = ""
    end: str = ""

    def __contains__(self, key: str) -> bool:
        return self.begin <= key and (not self.end or key < self.end)

    def among(self, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        return ([column >= self.begin] if self.begin else []) + ([column < self.end] if self.end else [])


EVERY_KEY = _Keys()


@dataclass(frozen=True, slots=True)
class _Ending:
    state: str
    is_last: bool
    words: tuple[str, ...]

    @property
    def rank(self) -> tuple[bool, bool]:
        """What resolved a doubt and any other end stand before the doubt, the doubt before a try that was not sent."""
        return self.is_last, self.state == DOUBT


@dataclass
class _Log:
    """What the log was told of some contacts and steps left out."""

    planned: dict[str, str | None] = field(default_factory=dict)
    """The contacts that were planned, each with a subject behind it."""
    suppressed: dict[str, str | None] = field(default_factory=dict)
    endings: dict[str, _Ending] = field(default_factory=dict)
    """How each contact ended; the log orders the events of a run by their kind, so the last one is not the newest."""

    def hear(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            if row.type == PLANNED:
                self.planned[row.action_id] = row.subject_ref
            elif row.type == SUPPRESSED:
                self.suppressed[row.key] = row.subject_ref
            elif row.type in ENDINGS:
                heard, before = _ending(row.type, parse(row.body)["data"]), self.endings.get(row.key)
                if before is None or heard.rank > before.rank:
                    self.endings[row.key] = heard


def untold(connection: Connection, on: date, account_id: str | None = None) -> list[Untold]:
    """Return the contacts and suppressions of a day, of one account or of all, that are not as the log was told.

    What was told and is not sealed yet counts as told.
    """
    if account_id is not None:
        return sorted(_untold(connection, _Rows(connection, on, account_id)), key=_by_place)
    return sorted(untold_of_all(connection, on), key=_by_place)


def untold_of_all(connection: Connection, on: date) -> Iterator[Untold]:
    """Yield the contacts and suppressions of a day that are not as the log was told, in memory that does not grow."""
    for some in _by_ranges(connection, on):
        yield from some


def days_of(connection: Connection) -> list[date]:
    """Return the days on which something was planned or left out, by the store or by the log."""
    told = select(audit_event_index.c.business_date).where(audit_event_index.c.type.in_((PLANNED, SUPPRESSED)))
    days = union(select(contact.c.business_date), select(suppression.c.business_date), told)
    return sorted(connection.execute(days).scalars())


class _Rows:
    """The contacts and suppressions of a day as they stand in the store, of one account or in a range of keys."""

    def __init__(self, connection: Connection, on: date, account_id: str | None, keys: _Keys = EVERY_KEY) -> None:
        self._connection, self._on, self._account_id, self._keys = connection, on, account_id, keys
        contacts = select(contact.c.contact_id, contact.c.state, contact.c.reason, contact.c.provider_code)
        contacts = contacts.where(contact.c.business_date == on, *keys.among(contact.c.contact_id))
        left_out = select(*(suppression.c[name] for name in SUPPRESSION_KEY)).where(suppression.c.business_date == on)
        self._items: list[str] = []
        if account_id is not None:
            own = select(item.c.item_key, item.c.contact_id)
            own = own.where(item.c.account_id == account_id, item.c.business_date == on)
            found = connection.execute(own).all()
            self._items = [row.item_key for row in found]
            contacts = contacts.where(contact.c.contact_id.in_([row.contact_id for row in found]))
            left_out = left_out.where(suppression.c.account_id == account_id)
        self.contacts = {row.contact_id: row for row in _stream(connection, contacts)}
        digests = ((digest([on.isoformat(), *row]), row.account_id) for row in _stream(connection, left_out))
        self.left_out = {key: account for key, account in digests if key in keys}

    def events(self, told: Any) -> Iterator[Select[Any]]:
        """Yield the queries of what the log was told: of the whole day, or under the keys and the name of an account.

        An account that was erased has another name than its events. Of an account no kind is asked for: with one a
        database would rather walk through all events of the day.
        """
        if self._account_id is None:
            place = case((told.c.type == PLANNED, func.coalesce(told.c.action_id, "")), else_=told.c.key)
            kinds = told.c.type.in_((PLANNED, SUPPRESSED, *ENDINGS))
            yield select(told).where(told.c.business_date == self._on, kinds, *self._keys.among(place))
            return
        ref = select(subject.c.subject_ref).where(subject.c.account_id == self._account_id).scalar_subquery()
        yield select(told).where(told.c.subject_ref == ref, told.c.business_date == self._on)
        keys = [*self._items, *self.contacts, *self.left_out]
        for start in range(0, len(keys), AT_ONCE):
            yield select(told).where(told.c.key.in_(keys[start : start + AT_ONCE]))

    def beside(self, log: _Log) -> Iterator[tuple[str, str, str | None, str | None]]:
        """Yield what differs: kind, key, what was told and what stands."""
        for key, row in self.contacts.items():
            ending = log.endings.get(key)
            if key not in log.planned or not _agrees(row, ending):
                yield "contact", key, ending.state if ending else "planned" if key in log.planned else None, row.state
        for key in log.planned.keys() - self.contacts.keys():
            ending = log.endings.get(key)
            yield "contact", key, ending.state if ending else "planned", None
        yield from (("suppression", key, None, "left_out") for key in self.left_out.keys() - log.suppressed.keys())
        yield from (("suppression", key, "left_out", None) for key in log.suppressed.keys() - self.left_out.keys())

    def accounts(self, log: _Log, keys: Sequence[str]) -> dict[str, str]:
        """Return the account behind each of some keys: of its own rows, or of the name the log knows it by."""
        if self._account_id is not None:
            return dict.fromkeys(keys, self._account_id)
        found = {key: self.left_out[key] for key in keys if key in self.left_out}
        named = {key: ref for key in keys if (ref := log.planned.get(key) or log.suppressed.get(key))}
        refs = sorted({ref for key, ref in named.items() if key not in found})
        ids: dict[str, str] = {}
        for start in range(0, len(refs), AT_ONCE):
            query = select(subject.c.subject_ref, subject.c.account_id)
            ids |= dict(
                self._connection.execute(query.where(subject.c.subject_ref.in_(refs[start : start + AT_ONCE]))).all()
            )
        return {key: ids[ref] for key, ref in named.items() if ref in ids} | found


def _by_ranges(connection: Connection, on: date) -> Iterator[list[Untold]]:
    for keys in _ranges(_size(connection, on)):
        yield _untold(connection, _Rows(connection, on, None, keys))


def _ranges(size: int) -> Iterator[_Keys]:
    """Yield the ranges that hold so many keys in parts of what is held at once; together they hold every key."""
    parts = max(1, -(-size // IN_MEMORY))
    bounds = ["", *(f"{0x10000 * n // parts:04x}" for n in range(1, parts)), ""]
    yield from (_Keys(begin, end) for begin, end in pairwise(bounds))


def _size(connection: Connection, on: date) -> int:
    """Return how many rows and events a day has."""
    index = audit_event_index.c
    asked = (
        select(func.count()).select_from(contact).where(contact.c.business_date == on),
        select(func.count()).select_from(suppression).where(suppression.c.business_date == on),
        select(func.count()).where(index.type.in_((PLANNED, SUPPRESSED, *ENDINGS)), index.business_date == on),
    )
    return sum(connection.execute(query).scalar_one() for query in asked)


def _untold(connection: Connection, rows: _Rows) -> list[Untold]:
    log = _Log()
    for query in rows.events(_sealed()):
        log.hear(_stream(connection, query))
    if not any(rows.beside(log)):
        return []
    for query in rows.events(_waiting()):
        log.hear(_stream(connection, query))
    found = list(rows.beside(log))
    accounts = rows.accounts(log, [key for _, key, _, _ in found])
    return [Untold(accounts.get(one[1], UNKNOWN), *one) for one in found]


def _stream(connection: Connection, query: Select[Any]) -> Iterable[Row[Any]]:
    return connection.execute(query, execution_options={"stream_results": True})


def _ending(kind: str, data: dict[str, Any]) -> _Ending:
    """Return the state that an event tells; a contact that was not sent is planned again, or withheld for good."""
    state = str(data.get("state") or kind.removeprefix("action."))
    words = tuple(str(data[name])[:WORD] for name in ("reason", "code") if name in data)
    return _Ending(sys.intern(state), kind == RESOLVED or state in LAST, words)


def _agrees(row: Any, told: _Ending | None) -> bool:
    if told is None or told.state in OPEN_STATES:
        return row.state in OPEN_STATES
    said = {word[:WORD] for word in (row.reason, row.provider_code) if word}
    return bool(row.state == told.state and (not told.words or said & {*told.words}))


def _by_place(one: Untold) -> tuple[str, str, str]:
    return one.account_id, one.what, one.key


def _sealed() -> Any:
    body = case((audit_event_index.c.type.in_(ENDINGS), audit_event.c.body)).label("body")
    index = audit_event_index.c
    query = select(index.type, index.key, index.action_id, index.subject_ref, index.business_date, body)
    return query.join(audit_event, audit_event.c.seq == index.seq).subquery()


def _waiting() -> Any:
    waiting = audit_pending.c
    columns = (waiting.action_id, waiting.subject_ref, waiting.business_date, waiting.body)
    return select(waiting.type, waiting.natural_key.label("key"), *columns).subquery()
