"""Take one feed into the store: validated, quarantined, written by natural key, told to the auditor."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from arrears.audit.record import Event, record_many
from arrears.core.clock import local_date
from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.ledger.accounts import read_accounts
from arrears.ledger.catalogue import Feed, feed_named
from arrears.ledger.claims import hold_what_was_claimed
from arrears.ledger.columns import Context
from arrears.ledger.corrections import corrections, supersede
from arrears.ledger.deliveries import (
    Delivery,
    duplicate_event,
    incomplete_accounts,
    open_delivery,
    record_delivery,
)
from arrears.ledger.mapping import FILE_NAME, Dialect, read_mapping
from arrears.ledger.parties import store_parties
from arrears.ledger.portfolio import set_incomplete, store_accounts
from arrears.ledger.portions import Arrived, read_portions
from arrears.ledger.promised import make_again, promise_in, promising, withdraw_unsaid
from arrears.ledger.read import open_feed
from arrears.ledger.register import Register, register_of
from arrears.ledger.roles import collectors_of, reassignments, role_snapshots
from arrears.ledger.rows import LOOK_UP, TARGETS, Row, once, store_rows, write_changed
from arrears.ledger.source import Source
from arrears.ledger.told_again import told_anew
from arrears.ledger.validate import Problem, Rules
from arrears.ledger.waiting import Later, Waiting, waiting_rows
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import account, delivery, promise

OF_THE_DAY = "instalments"


def import_feed(
    rt: Runtime,
    engine: Engine,
    run_id: str,
    feed: str,
    path: Path,
    business_date: date,
    *,
    again: bool = False,
    dialect: Dialect | None = None,
) -> Delivery:
    """Import one feed file; the same content again changes nothing, a correction supersedes row by row.

    ``again``: only the rows that waited for their account are taken (:mod:`arrears.ledger.waiting`). ``dialect`` is how
    the file is written, where the mapping beside it does not say so.

    Raises:
        BadArguments: an unknown feed, no such file, or instalments, which only come with the daily ledger.
        BadInput: the file as a whole cannot be read; names file, row, column and reason.
    """
    known = feed_named(feed)
    if feed == OF_THE_DAY:
        raise BadArguments("instalments come with the daily ledger: put them into the feeds folder of `arrears run`")
    policy = load_policy(rt.settings.policy_file)
    source, rules = open_source(rt, known, path, business_date, policy, dialect)
    with reading(engine) as connection:
        waited = waiting_rows(connection, feed, source.sha256) if again else None
    return import_source(rt, engine, run_id, source, rules, business_date, policy, waited)


def open_source(
    rt: Runtime, feed: Feed, path: Path, business_date: date, policy: Policy, dialect: Dialect | None = None
) -> tuple[Source, Rules]:
    """Open a feed file with the mapping that lies beside it, or as ``dialect`` says."""
    rules = rules_of(rt, feed, path, business_date, policy, dialect)
    dialect = rules.context.dialect
    return open_feed(path, feed, dialect, ledger_url=rt.settings.ledger_url, business_date=business_date), rules


def rules_of(
    rt: Runtime, feed: Feed, path: Path, business_date: date, policy: Policy, dialect: Dialect | None = None
) -> Rules:
    """Return what a feed's rows are checked against."""
    dialect = dialect or read_mapping(path.parent / FILE_NAME).of(feed.name)
    today = max(business_date, local_date(rt.clock.now(), policy.time_zone))
    return Rules(Context(dialect, policy.time_zone, today), policy.currency)


def import_source(
    rt: Runtime,
    engine: Engine,
    run_id: str,
    source: Source,
    rules: Rules,
    business_date: date,
    policy: Policy,
    waited: Waiting | None = None,
    register: Register | None = None,
) -> Delivery:
    """Import an opened feed file; ``register`` has the store's accounts, if they were read already."""
    if source.feed.name == "accounts":
        return _import_accounts(rt, engine, run_id, source, rules, business_date, policy)
    if source.feed.of_accounts:
        with reading(engine) as connection:
            rules = Rules(rules.context, rules.currency, register or register_of(connection))
    found = read_portions(source, rules)
    with writing(engine) as connection:
        later = Later(connection, source, waited.rows) if waited else None
        if waited and waited.tried_on < business_date:  # what was refused for another reason is that day's matter
            found.rows, found.bad = len(waited.rows), [problem for problem in found.bad if problem.row in waited.rows]
        arrived = open_delivery(
            connection, source.feed.name, source.name, source.sha256, found.rows, found.bad, business_date
        )
        if not _came_before(connection, rt, run_id, arrived, business_date):
            record_delivery(connection, rt, run_id, arrived, found.bad, business_date)
            _store_all(connection, rt, run_id, arrived, found, later, policy, business_date)
            _hold_incomplete(connection, found.bad, business_date)
    return arrived


def _import_accounts(
    rt: Runtime, engine: Engine, run_id: str, source: Source, rules: Rules, business_date: date, policy: Policy
) -> Delivery:
    known = read_accounts(source, rules)
    with writing(engine) as connection:
        arrived = open_delivery(connection, "accounts", source.name, source.sha256, known.rows, known.bad,
                                business_date)  # fmt: skip
        if not _came_before(connection, rt, run_id, arrived, business_date):
            record_delivery(connection, rt, run_id, arrived, known.bad, business_date)
            store_accounts(connection, rt, known, arrived.delivery_id, policy)
            _hold_incomplete(connection, known.bad, business_date)
    return arrived


def _hold_incomplete(connection: Connection, bad: list[Problem], business_date: date) -> None:
    """Hold the accounts of refused rows, and let those go whose rows this delivery has put right.

    An older day's delivery lets nobody go: it does not know what was refused since.
    """
    newest = connection.execute(select(func.max(delivery.c.business_date))).scalar()
    if newest is None or newest <= business_date:
        set_incomplete(connection, incomplete_accounts(connection, business_date), only=True)
    else:
        set_incomplete(connection, {problem.account_id for problem in bad if problem.account_id})


def _came_before(connection: Connection, rt: Runtime, run_id: str, arrived: Delivery, business_date: date) -> bool:
    if arrived.duplicate:
        event = duplicate_event(arrived.delivery_id, arrived.feed, arrived.sha256, business_date)
        record_many(connection, rt, run_id=run_id, events=[event])
    return arrived.duplicate


def _store_all(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    arrived: Delivery,
    found: Arrived,
    later: Later | None,
    policy: Policy,
    business_date: date,
) -> None:
    """Store what was accepted, a portion in memory at a time."""
    if arrived.feed == "parties":
        store_parties(connection, found.portions, arrived.delivery_id)
        return
    for portion in found.portions:
        rows = list(store_rows(feed_named(arrived.feed), portion, arrived.delivery_id))
        if arrived.feed == "payments":
            rows = told_anew(connection, rows, business_date)
        if later:
            rows = later.left_of(rows)
        _store(connection, rt, run_id, arrived, rows, policy, business_date)


def _store(
    connection: Connection,
    rt: Runtime,
    run_id: str,
    arrived: Delivery,
    rows: list[Row],
    policy: Policy,
    business_date: date,
) -> None:
    collectors = collectors_of(connection, rows) if arrived.feed == "assignments" else {}
    carried = promising(connection, rows) if arrived.feed == "outcomes" else []
    new, changed = write_changed(connection, TARGETS[arrived.feed].table, rows)
    if arrived.feed == "staff":
        told_roles = role_snapshots([*new, *changed], arrived.sha256, business_date)
        record_many(connection, rt, run_id=run_id, events=told_roles)
    if arrived.feed == "assignments":
        moved = reassignments([*new, *changed], collectors, arrived.sha256, business_date)
        record_many(connection, rt, run_id=run_id, events=moved)
    if arrived.feed not in ("outcomes", "promises"):
        return
    told = _Told(connection, arrived, business_date, rows)
    if arrived.feed == "promises":
        record_many(connection, rt, run_id=run_id, events=told.promises(new))
        return
    replaced = supersede(connection, rows)
    record_many(connection, rt, run_id=run_id, events=corrections(replaced, business_date, arrived.sha256))
    record_many(connection, rt, run_id=run_id, events=told.contacts(new, changed))
    unsaid = withdraw_unsaid(connection, [*carried, *replaced], policy.time_zone, business_date, arrived.sha256)
    record_many(connection, rt, run_id=run_id, events=list(unsaid))
    promised = [promise_in(row, policy.time_zone) for row in (*new, *changed) if row["promised_on"] is not None]
    first, _ = once(promise, promised)
    again = make_again(connection, first)
    made, _ = write_changed(connection, promise, first)
    causes = {row["row_sha256"]: row["outcome_key"] for row in (*new, *changed)}
    record_many(connection, rt, run_id=run_id, events=told.promises([*made, *again], causes))
    record_many(
        connection, rt, run_id=run_id, events=told.holds(hold_what_was_claimed(connection, [*new, *changed], policy))
    )


class _Told:
    """The events of one delivery: what happened to which account, never to whom."""

    def __init__(self, connection: Connection, arrived: Delivery, business_date: date, rows: list[Row]) -> None:
        self.arrived, self.business_date = arrived, business_date
        self._connection = connection
        self.refs = self._refs_of(rows)

    def _refs_of(self, rows: Iterable[Row]) -> dict[str, str]:
        wanted = sorted({row["account_id"] for row in rows})
        query = select(account.c.account_id, account.c.subject_ref)
        found: dict[str, str] = {}
        for start in range(0, len(wanted), LOOK_UP):
            some = query.where(account.c.account_id.in_(wanted[start : start + LOOK_UP]))
            found |= {row.account_id: row.subject_ref for row in self._connection.execute(some)}
        return found

    def _event(self, kind: str, key: str, row: Row, data: dict[str, str | int], causes: tuple[str, ...] = ()) -> Event:
        origin = {"sha256": self.arrived.sha256, "row": row["row_no"], "row_sha256": row["row_sha256"]}
        return Event(
            kind, key, self.business_date, self.refs.get(row["account_id"]), data=data, causes=causes, ledger=origin
        )

    def contacts(self, new: list[Row], changed: list[Row]) -> Iterator[Event]:
        for correction, rows in ((0, new), (1, changed)):
            for row in rows:
                data = {
                    "channel": row["channel"],
                    "outcome": row["outcome"],
                    "at": row["at"],
                    "reason": row["reason"] or "",
                    "correction": correction,
                }
                yield self._event("contact.recorded", row["outcome_key"], row, data)

    def holds(self, rows: list[Row]) -> Iterator[Event]:
        self.refs |= self._refs_of(row for row in rows if row["account_id"] not in self.refs)
        for row in rows:
            data = {"kind": row["kind"], "from_on": row["from_on"].isoformat(), "reason": row["reason"]}
            yield self._event("hold.recorded", row["hold_key"], row, data)

    def promises(self, rows: Iterable[Row], causes: dict[str, str] | None = None) -> Iterator[Event]:
        for row in rows:
            data = {
                "made_on": row["made_on"].isoformat(),
                "due_on": row["due_on"].isoformat(),
                "amount_minor": row["amount_minor"],
            }
            cause = (causes or {}).get(row["row_sha256"])
            yield self._event("promise.recorded", row["promise_key"], row, data, (cause,) if cause else ())
