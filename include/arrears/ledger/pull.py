"""Pull one date's ledger: import what is there, stage every account, freeze it; nothing is decided here."""

import json
import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from arrears.audit.record import record_many
from arrears.core.clock import utc_text
from arrears.core.errors import BadArguments
from arrears.core.keys import digest
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ledger.accounts import Accounts, read_accounts
from arrears.ledger.assemble import assemble
from arrears.ledger.catalogue import FEEDS, LEDGER
from arrears.ledger.deliveries import (
    delivery_id_of,
    duplicate_event,
    incomplete_accounts,
    open_delivery,
    record_delivery,
)
from arrears.ledger.freeze import Frozen, Names, freeze, publish
from arrears.ledger.intake import import_source, open_source, rules_of
from arrears.ledger.portfolio import Standing, mark_missing, set_incomplete, store_accounts
from arrears.ledger.read import find_feeds
from arrears.ledger.reference import accounts_absent_since, reference_of
from arrears.ledger.register import register_of
from arrears.ledger.source import Source, nothing_delivered
from arrears.ledger.synthesise import synthesise_parties
from arrears.ledger.unbooked import note_unbooked
from arrears.ledger.validate import Problem, Rules, check, refused_rows
from arrears.store import bulk
from arrears.store.engine import reading, writing
from arrears.store.snapshot import folder_of
from arrears.store.spool import Spool
from arrears.store.tables.feeds import snapshot

LOG = logging.getLogger(__name__)
FORMAT = 1
PERCENT = 100


@dataclass(frozen=True)
class Pulled:
    """What one pull brought: counts over the ledger's own feeds, and the snapshot it froze."""

    snapshot_id: str
    rows: int
    accepted: int
    quarantined: int
    accounts: int
    control_total_minor: dict[str, int]
    sha256: str
    ignored_files: list[str]
    ignored_columns: dict[str, list[str]]
    unchanged: bool


def pull(rt: Runtime, engine: Engine, run_id: str, feeds_dir: Path, business_date: date, policy: Policy) -> Pulled:
    """Import every feed present, stage all accounts and freeze the snapshot of a business date.

    The same files for the same date change nothing. An older date than the newest one never overwrites accounts.

    Raises:
        BadArguments: no accounts or instalments feed, two files for one feed, or payments beside ``amount_paid``.
        BadInput: a file as a whole cannot be read; names file, row, column and reason.
    """
    found, ignored = find_feeds(feeds_dir)
    if ignored:
        LOG.warning("files that are no feed are ignored: %s", ", ".join(ignored))
    opened = {name: _open(rt, name, path, business_date, policy) for name, path in found.items()}
    for source, _ in opened.values():
        if source.unknown:
            LOG.info("%s: ignored columns %s", source.name, ", ".join(source.unknown))
    job = _Job(rt, engine, run_id, business_date, policy, opened, ignored)
    if "payments" in opened and "amount_paid" in opened["instalments"][0].present:
        raise BadArguments(f"{feeds_dir}: a payments feed, but the instalments have amount_paid: use one of them")
    if pulled := job.unchanged():
        return pulled
    known, standing = job.take_accounts()
    job.take_the_rest()
    with ExitStack() as stack:
        instalments = job.spool("instalments", known, stack)
        payments = job.spool("payments", known, stack) if "payments" in opened else None
        names = Names(standing.names, job.incomplete())
        parts = assemble(known.register, instalments, payments, business_date)
        frozen = freeze(rt, known, names, parts, business_date, policy)
    return job.finish(standing, names, frozen)


def _open(rt: Runtime, name: str, path: Path, on: date, policy: Policy) -> tuple[Source, Rules]:
    if name in LEDGER and path.stat().st_size == 0:
        return nothing_delivered(FEEDS[name], path.name), rules_of(rt, FEEDS[name], path, on, policy)
    return open_source(rt, FEEDS[name], path, on, policy)


@dataclass
class _Job:
    """One pull on its way; ``bad`` and ``rows`` fill feed by feed."""

    rt: Runtime
    engine: Engine
    run_id: str
    on: date
    policy: Policy
    opened: dict[str, tuple[Source, Rules]]
    ignored: list[str]
    rows: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    bad: dict[str, list[Problem]] = field(default_factory=dict)
    newest_date: bool = True

    @property
    def sha256(self) -> str:
        """Return the hash over the hashes of all feeds."""
        return digest({name: source.sha256 for name, (source, _) in self.opened.items()})

    @property
    def snapshot_id(self) -> str:
        """Return what the snapshot is: the feeds, the date, and the defaults that fill empty cells."""
        return digest(
            {
                "format": FORMAT,
                "business_date": self.on.isoformat(),
                "feeds": self.sha256,
                "dialects": {
                    name: rules.context.dialect.model_dump(mode="json") for name, (_, rules) in self.opened.items()
                },
                "currency": self.policy.currency,
                "contract_type": self.policy.contract_type,
            }
        )

    def unchanged(self) -> Pulled | None:
        """Return the newest pull of this date when it froze the very same files."""
        with writing(self.engine) as connection:
            row = connection.execute(
                select(snapshot)
                .where(snapshot.c.business_date == self.on)
                .order_by(snapshot.c.delivery_no.desc())
                .limit(1)
            ).first()
            if row is None or row.snapshot_id != self.snapshot_id or not _is_there(self.rt, row.snapshot_id):
                return None
            told = duplicate_event(row.snapshot_id, "ledger", self.sha256, self.on)
            record_many(connection, self.rt, run_id=self.run_id, events=[told])
            if self.rt.rehearsal:
                synthesise_parties(connection, self.policy)
            return self._pulled(
                row.rows, row.accepted, row.quarantined, row.accounts, json.loads(row.control_totals), unchanged=True
            )

    def take_accounts(self) -> tuple[Accounts, Standing]:
        """Store the accounts, and mark those that went missing unless so many did that the file is in doubt."""
        source, rules = self.opened["accounts"]
        known = read_accounts(source, rules)
        self._count("accounts", known.rows, known.bad)
        with writing(self.engine) as connection:
            newest = connection.execute(select(func.max(snapshot.c.business_date))).scalar()
            self.newest_date = newest is None or newest <= self.on
            self._deliver(connection, "accounts")
            standing = store_accounts(
                connection, self.rt, known, self._delivery_id("accounts"), self.policy, overwrite=self.newest_date
            )
            if self.newest_date and known.register.ids.size:
                absent = standing.absent(self.on)
                if len(absent) * PERCENT <= (len(absent) + len(known.register.ids)) * self.policy.ledger.absent_percent:
                    mark_missing(connection, self.rt, self.run_id, absent, self.on)
        return known, standing

    def take_the_rest(self) -> None:
        """Import the feeds beside the ledger, in their order."""
        beside = {name: opened for name, opened in self.opened.items() if name not in LEDGER}
        register = None
        if any(source.feed.of_accounts for source, _ in beside.values()):
            with reading(self.engine) as connection:
                register = register_of(connection)
        for name, (source, rules) in beside.items():
            arrived = import_source(
                self.rt, self.engine, self.run_id, source, rules, self.on, self.policy, register=register
            )
            self.rows[name], self.refused[name] = arrived.rows, arrived.quarantined
        if self.rt.rehearsal:
            with writing(self.engine) as connection:
                synthesise_parties(connection, self.policy)

    def spool(self, name: str, known: Accounts, stack: ExitStack) -> Spool:
        """Read and check the instalments or payments into ranges of accounts."""
        source, rules = self.opened[name]
        spool, count, bad = stack.enter_context(Spool()), 0, []
        for valid in check(source, Rules(rules.context, rules.currency, known.register, hashed=False)):
            spool.add(valid.rows)
            count += valid.count
            bad += valid.bad
        self._count(name, count, bad)
        return spool

    def incomplete(self) -> set[str]:
        """Return the accounts with a row in quarantine, of any feed."""
        with reading(self.engine) as connection:
            held = incomplete_accounts(connection, self.on, leaving_out=("instalments", "payments"))
        return held | {
            problem.account_id
            for name in LEDGER
            for problem in self.bad.get(name, [])
            if problem.account_id is not None
        }

    def finish(self, standing: Standing, names: Names, frozen: Frozen) -> Pulled:
        """Record the ledger's deliveries and the snapshot, and give the files their final name."""
        for name, bad in frozen.twice.items():
            if name in self.opened:
                self._count(name, self.rows[name], self.bad[name] + bad)
        held = names.incomplete | {
            problem.account_id for bad in frozen.twice.values() for problem in bad if problem.account_id is not None
        }
        shape = frozen.shape
        shape.form = "open_items" if "amount_paid" in self.opened["instalments"][0].present else "payments"
        shape.rows = {name: self.rows[name] for name in LEDGER if name in self.opened}
        shape.excluded = {name: shape.excluded.get(name, 0) for name in shape.rows}
        shape.files = {name: source.sha256 for name, (source, _) in self.opened.items()}
        shape.quarantined = {name: self.refused[name] for name in LEDGER if name in self.opened}
        with writing(self.engine) as connection:
            for name in ("instalments", "payments"):
                if name in self.opened:
                    self._deliver(connection, name)
            earlier = reference_of(connection, self.on, self.snapshot_id)
            if earlier is not None:
                unnamed = standing.unnamed_refs()
                shape.before_accounts, shape.absent = accounts_absent_since(self.rt, earlier.snapshot_id, unnamed)
            if self.newest_date:
                set_incomplete(connection, held, only=True)
            self._write(connection, frozen)
            publish(self.rt, frozen, self.snapshot_id)
            if shape.form == "payments":
                note_unbooked(connection, self.rt, self.snapshot_id, self.on, self.policy)
        return self._pulled(
            sum(self.rows.values()),
            sum(self.rows.values()) - sum(self.refused.values()),
            sum(self.refused.values()),
            frozen.accounts,
            shape.unpaid_due,
            unchanged=False,
        )

    def _write(self, connection: Connection, frozen: Frozen) -> None:
        number = connection.execute(
            select(func.coalesce(func.max(snapshot.c.delivery_no), 0)).where(snapshot.c.business_date == self.on)
        ).scalar_one()
        refused = sum(self.refused.values())
        bulk.replace_all(connection, snapshot, [{
            "snapshot_id": self.snapshot_id, "business_date": self.on, "delivery_no": number + 1,
            "feeds_sha256": self.sha256, "rows": sum(self.rows.values()),
            "accepted": sum(self.rows.values()) - refused, "quarantined": refused, "accounts": frozen.accounts,
            "control_totals": json.dumps(frozen.shape.unpaid_due, sort_keys=True), "facts": frozen.shape.text(),
            "run_id": self.run_id, "created_at": utc_text(self.rt.clock.now()), "accepted_at": None,
        }])  # fmt: skip

    def _count(self, name: str, rows: int, bad: list[Problem]) -> None:
        self.rows[name], self.bad[name] = rows, bad
        self.refused[name] = refused_rows(bad)

    def _delivery_id(self, name: str) -> str:
        return delivery_id_of(name, self.opened[name][0].sha256, self.on)

    def _deliver(self, connection: Connection, name: str) -> None:
        source = self.opened[name][0]
        arrived = open_delivery(connection, name, source.name, source.sha256, self.rows[name], self.bad[name], self.on)
        if arrived.duplicate:
            told = duplicate_event(arrived.delivery_id, name, source.sha256, self.on)
            record_many(connection, self.rt, run_id=self.run_id, events=[told])
        else:
            record_delivery(connection, self.rt, self.run_id, arrived, self.bad[name], self.on)

    def _pulled(
        self, rows: int, accepted: int, refused: int, accounts: int, totals: dict[str, int], *, unchanged: bool
    ) -> Pulled:
        columns = {name: list(source.unknown) for name, (source, _) in self.opened.items() if source.unknown}
        return Pulled(
            self.snapshot_id, rows, accepted, refused, accounts, totals, self.sha256, self.ignored, columns, unchanged
        )


def _is_there(rt: Runtime, snapshot_id: str) -> bool:
    files, folder = folder_of(rt.settings.artifacts_url, snapshot_id)
    return bool(files.exists(f"{folder}/accounts.parquet"))
