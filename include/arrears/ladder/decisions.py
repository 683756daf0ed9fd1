"""Decide every account of a snapshot, a range of accounts at a time, and keep one row for each in force."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from arrears.audit.columns import row_digests, words_of
from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.decision_rows import IN_FORCE, ROW, Batch, Teller, file_rows, revisions
from arrears.ladder.effective import OVERDUE
from arrears.ladder.episodes import advance_episodes, clean_episodes, end_episodes, standing_episodes
from arrears.ladder.evidence import record_evidence
from arrears.ladder.gather import NOTHING, Background, Own, gather_background, own_of
from arrears.ladder.in_force import stand_by
from arrears.ladder.judge import Judge
from arrears.ladder.left import NOT_IN_LEDGER, left_since
from arrears.ladder.named import named_accounts
from arrears.ladder.part_payments import note_arrears
from arrears.ladder.plans import Span, settle_plans
from arrears.ladder.policy import Policy
from arrears.ladder.promises import falling_due, settle_promises
from arrears.ladder.readings import NOTHING_DUE, Readings, read
from arrears.ladder.reliability import assess_promises
from arrears.ladder.rulebook import CURRENT, Rulebook
from arrears.ladder.same_again import SameAgain
from arrears.ladder.thanks import payers
from arrears.ladder.today import Today
from arrears.store.account_range import EVERY, AccountRange
from arrears.store.columns import concatenate, fetch, insert_columns, values_of
from arrears.store.months import make_months
from arrears.store.parents import Parents, writing_sets
from arrears.store.snapshot import count_rows
from arrears.store.tables.decisions import decision

COLUMNS = ("subject_ref", "currency", "contract_type", "branch", "stage", "overdue_instalments", "overdue_minor",
           "days_past_due", "oldest_unpaid_due", *OVERDUE, "next_due_on", "next_due_minor", "data_incomplete",
           "ledger_row_sha256", "ledger_row")  # fmt: skip


@dataclass
class Decided:
    """What one run decided: accounts by stage over the whole ledger, by rung over those treated, erased ones beside."""

    stages: Counter[int] = field(default_factory=Counter)
    rungs: Counter[int] = field(default_factory=Counter)
    rows: int = 0
    new_rows: int = 0
    distinct: int = 0
    erased: int = 0


def decide_snapshot(
    rt: Runtime, engine: Engine, run_id: str, snapshot_id: str, business_date: date, policy: Policy, *,
    newest: bool, every: bool = False,
) -> Decided:  # fmt: skip
    """Decide all accounts of a frozen snapshot for a business date, in one transaction.

    ``newest`` says that no later business date was decided: only then do episodes move. Rows whose facts, policy and
    ledger row equal those in force are left alone, so the same delivery decides nothing twice. An account with nothing
    overdue and no step today has its row in the snapshot alone; ``every`` writes a decision row for it as well.
    """
    result = Decided()
    make_months(engine, business_date)
    with writing_sets(engine) as connection:
        record_evidence(connection, business_date, policy)
        if newest:
            for settle in (settle_promises, assess_promises, settle_plans):
                settle(connection, rt, run_id, snapshot_id, business_date, policy)
        teller = Teller.of(connection, rt, run_id, snapshot_id, business_date)
        today = Today.of(connection, business_date, policy)
        rulebook = Rulebook(connection, rt, run_id, today, newest=newest)
        dues = falling_due(connection, rt, Span(snapshot_id, business_date, today.promise_days), policy)
        promised = {account_id: (due.due_on - business_date).days for account_id, due in dues.items()}
        paid = payers(connection, rt, snapshot_id, business_date, today.clean_days, policy)
        work = _Work(connection, teller, rulebook, promised, paid, newest, every, result)
        url = rt.settings.artifacts_url
        for ids, accounts in named_accounts(connection, url, snapshot_id, COLUMNS):
            work.decide(ids, accounts)
        work.leave(url, snapshot_id)
        work.same_again.keep()
        if newest:
            teller.cured_elsewhere(connection, end_episodes(connection, business_date, policy))
        stand_by(connection, run_id, utc_text(rt.clock.now()))
        result.distinct = work.judge.distinct
        result.erased = count_rows(url, snapshot_id, "accounts") - sum(result.stages.values())
    return result


class _Work:
    """The decisions of one run; only counts and verdicts are kept from range to range."""

    def __init__(
        self, connection: Connection, teller: Teller, rulebook: Rulebook, promised: Mapping[str, int],
        payers: AbstractSet[str], newest: bool, every: bool, result: Decided,
    ) -> None:  # fmt: skip
        self.connection, self.teller, self.rulebook = connection, teller, rulebook
        self.promised, self.payers = promised, payers
        self.newest, self.every, self.result = newest, every, result
        self.today = today = rulebook.todays[0]
        self.judge, self.parents = Judge(rulebook.todays), Parents(connection, decision)
        there = select(decision.c.account_id).where(decision.c.business_date == today.on).limit(1)
        self.decided_before = connection.execute(there).first() is not None
        self.same_again = SameAgain(connection, today.on, decided=self.decided_before)

    def decide(self, ids: pa.Array, accounts: pa.RecordBatch) -> None:
        """Decide one range of accounts, ordered by id."""
        among = AccountRange(ids[0].as_py(), ids[-1].as_py())
        readings = self._read(accounts, self.today)
        for stage, count in enumerate(np.bincount(readings.stage).tolist()):
            self.result.stages[stage] += count
        names = values_of(ids)
        background = self._background(names, accounts, readings, among)
        rules = self.rulebook.places(names, accounts.column("contract_type"), among)
        readings = self._read_again(readings, names, accounts, rules)
        known, own = _own(ids, background, rules, self.rulebook.todays)

        def rows_of(places: NDArray[np.int64]) -> _Rows:
            verdicts = self.judge.judge(readings.packed[places], known[places], own)
            some, own_rows = ids.take(places), accounts.take(places)
            return self._rows(some, own_rows, verdicts, _episode_dues(some, own_rows, background))

        wanted = self._wanted(ids, readings, background)
        rows = rows_of(np.flatnonzero(wanted))
        if not (self.same_again.is_same(rows.marks) and self._decided(among) == len(rows.verdicts)):
            in_force = self._in_force(among)
            corrected = wanted | np.asarray(pc.is_in(ids, in_force.column("account_id").combine_chunks()))
            if (corrected != wanted).any():
                rows = rows_of(np.flatnonzero(corrected))
                self.same_again.corrected(rows.marks)
            self._write(rows, in_force)
        self._count(rows)

    def leave(self, url: str, snapshot_id: str) -> None:
        """Supersede the decisions of accounts that a correction of the day took out of its ledger."""
        if not self.decided_before or self._decided(EVERY) == self.result.rows:
            return
        for left in left_since(self.connection, url, snapshot_id, self.today.on):
            ids, none = left.column("account_id"), np.zeros(left.num_rows, dtype=np.int64)
            verdicts = self.judge.judge(none + NOTHING_DUE, none, [NOT_IN_LEDGER])
            rows = self._rows(ids, left, verdicts, pa.nulls(left.num_rows, pa.date32()))
            self._write(rows, self._in_force(AccountRange(ids[0].as_py(), ids[-1].as_py())))

    def _read(self, accounts: pa.RecordBatch, today: Today) -> Readings:
        return read(accounts, today.on, today.policy.staging, today.calendar, today.asked_days)

    def _read_again(
        self, readings: Readings, names: list[str], accounts: pa.RecordBatch, rules: Mapping[str, int]
    ) -> Readings:
        """Read the accounts that another policy decides by that policy's own grace, tolerance and steps."""
        if not rules:
            return readings
        places = np.fromiter((rules.get(name, CURRENT) for name in names), dtype=np.int64, count=len(names))
        for place in set(rules.values()):
            own, mine = self._read(accounts, self.rulebook.todays[place]), places == place
            readings = Readings(np.where(mine, own.packed, readings.packed), readings.stage, readings.cycle_unpaid,
                                np.where(mine, own.due_soon, readings.due_soon))  # fmt: skip
        return readings

    def _background(
        self, names: list[str], accounts: pa.RecordBatch, readings: Readings, among: AccountRange
    ) -> Background:
        on, policy = self.today.on, self.today.policy
        late = np.flatnonzero(readings.stage > 0)
        due = accounts.column("oldest_unpaid_due").take(pa.array(late)).to_pylist()
        overdue = dict(zip((names[place] for place in late.tolist()), due, strict=True))
        if self.newest:
            current = [names[place] for place in np.flatnonzero(readings.stage == 0).tolist()]
            standing, cured = advance_episodes(self.connection, overdue, current, on, policy, among)
            self.teller.cured(self.connection, cured, names, accounts)
            owed = accounts.column("overdue_minor").take(pa.array(late)).to_pylist()
            arrears = dict(zip(overdue, owed, strict=True))
            note_arrears(self.connection, arrears, standing, on, policy.part_payment, self.today.calendar)
        else:
            standing = standing_episodes(self.connection, among)
        episodes = {} if self.newest else dict(overdue)
        episodes |= {name: one.first_unpaid_due for name, one in standing.items() if self.newest or name in overdue}
        seen = clean_episodes(self.connection, on, self.today.clean_days, among)
        clean = {account: days for account, (_, days) in seen.items() if account not in overdue}
        episodes |= {account: seen[account][0] for account in clean}
        return gather_background(
            self.connection, on, policy, episodes, among, standing=standing, promised=self.promised, clean=clean,
            paid_nothing=clean.keys() - self.payers,
        )  # fmt: skip

    def _decided(self, among: AccountRange) -> int:
        """Count the accounts of a range that have a decision of the day: none may have been lost since."""
        query = select(func.count(decision.c.account_id.distinct())).where(decision.c.business_date == self.today.on)
        return int(self.connection.execute(among.of(self.connection, query, decision.c.account_id)).scalar_one())

    def _in_force(self, among: AccountRange) -> pa.Table:
        """Return the decisions of the day with the hash of each row, an account's newest revision first."""
        if not self.decided_before:
            return IN_FORCE.empty_table()
        query = select(decision.c.account_id, decision.c.revision, decision.c.row_sha256)
        query = query.where(decision.c.business_date == self.today.on).order_by(decision.c.revision.desc())
        return concatenate(fetch(self.connection, among.of(self.connection, query, decision.c.account_id), IN_FORCE),
                           IN_FORCE)  # fmt: skip

    def _wanted(self, ids: pa.Array, readings: Readings, background: Background) -> NDArray[np.bool_]:
        """Say which accounts get a row: something overdue, or a step of the calendar."""
        if self.every:
            return np.ones(len(ids), dtype=bool)
        wanted = readings.stage > 0
        if self.today.has_steps:
            wanted = wanted | readings.cycle_unpaid
        watched = readings.due_soon & np.isin(readings.due_in, self.today.watch_days)
        wanted = wanted | (readings.due_soon & ~watched)
        if watched.any():
            often = self.today.policy.lanes.habitual_count
            wanted = wanted | (
                watched & _among(ids, [name for name, times in background.late.items() if times >= often])
            )
        found: NDArray[np.bool_] = wanted | _among(ids, background.clean)
        return found

    def _rows(self, ids: pa.Array, accounts: pa.RecordBatch, verdicts: NDArray[np.int64], dues: pa.Array) -> "_Rows":
        columns: dict[str, pa.Array] = {
            "business_date": pa.array([self.today.on] * len(ids), pa.date32()),
            "account_id": ids,
            **{name: accounts.column(name) for name in ("stage", "overdue_instalments", "overdue_minor",
               "days_past_due", "oldest_unpaid_due", "currency", "branch", "ledger_row_sha256")},
            "episode_due": dues,
        }  # fmt: skip
        return _Rows(accounts, verdicts, columns, columns | {"verdict": self.judge.marks(verdicts)})

    def _count(self, rows: "_Rows") -> None:
        self.result.rows += len(rows.verdicts)
        for rung, times in enumerate(self.judge.rungs(rows.verdicts)):
            if times:
                self.result.rungs[rung] += times

    def _write(self, rows: "_Rows", in_force: pa.Table) -> None:
        if not len(rows.verdicts):
            return
        columns = rows.columns | self.judge.columns(rows.verdicts)
        columns["row_sha256"] = row_digests(ROW, {name: words_of(values) for name, values in columns.items()})
        revision, changed = revisions(columns["account_id"], columns["row_sha256"], in_force)
        columns["revision"] = pa.array(revision + 1, pa.int16())
        columns["run_id"] = pa.repeat(self.teller.run_id, len(revision))
        quiet = self.judge.quiet(rows.verdicts) & (revision == 0)
        batch = Batch(columns, rows.accounts.column("subject_ref"), file_rows(rows.accounts), quiet).where(changed)
        self.judge.store(self.connection)
        self.result.new_rows += insert_columns(self.connection, decision, self.parents.checked(batch.rows()))
        self.teller.decided(self.connection, batch)


@dataclass(frozen=True)
class _Rows:
    """Accounts that get a row, what it says beside the verdict, and ``marks``: all that it says, as short as can be."""

    accounts: pa.RecordBatch
    verdicts: NDArray[np.int64]
    columns: dict[str, pa.Array]
    marks: dict[str, pa.Array]


def _among(ids: pa.Array, those: Collection[str]) -> NDArray[np.bool_]:
    if not those:
        return np.zeros(len(ids), dtype=bool)
    found: NDArray[np.bool_] = np.asarray(pc.is_in(ids, pa.array(list(those), pa.string())))
    return found


def _own(
    ids: pa.Array, background: Background, rules: Mapping[str, int], todays: Sequence[Today]
) -> tuple[NDArray[np.int64], list[Own]]:
    """Return for each account the place of what is known of it among the distinct things known; 0 is nothing."""
    distinct: dict[Own, int] = {NOTHING: 0}
    read: dict[tuple[Any, int], int] = {}
    of = background.known()
    numbers, accounts = [], [*of, *(account_id for account_id in rules if account_id not in of)]
    for account_id in accounts:
        key = of.get(account_id, ()), rules.get(account_id, CURRENT)
        if key not in read:
            own = own_of(key[0], todays[key[1]].policy, key[1])
            read[key] = distinct.setdefault(own, len(distinct))
        numbers.append(read[key])
    known = np.zeros(len(ids), dtype=np.int64)
    places = pc.index_in(pa.array(accounts, pa.string()), ids)
    here = np.asarray(places.is_valid())
    known[np.asarray(places.drop_null())] = np.array(numbers, dtype=np.int64)[here]
    return known, list(distinct)


def _episode_dues(ids: pa.Array, accounts: pa.RecordBatch, background: Background) -> pa.Array:
    """Return the due date that opened the episode of each account that is overdue, or was until now."""
    episodes = background.episodes
    dues = pa.array(episodes.values(), pa.date32()).take(pc.index_in(ids, pa.array(episodes.keys(), pa.string())))
    told = pc.or_(pc.greater(accounts.column("stage"), 0), pa.array(_among(ids, background.clean)))
    return pc.if_else(told, dues, pa.scalar(None, pa.date32()))
