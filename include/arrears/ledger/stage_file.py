"""Staging alone, from files to one CSV: no store, no policy, and any bad row refuses the whole file."""

import csv
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from arrears.core.errors import BadArguments, BadInput
from arrears.core.money import format_minor
from arrears.ledger.accounts import Accounts, read_accounts
from arrears.ledger.assemble import EPOCH, Part, assemble
from arrears.ledger.catalogue import FEEDS
from arrears.ledger.columns import Context
from arrears.ledger.mapping import Mapping, read_mapping
from arrears.ledger.read import open_feed
from arrears.ledger.source import Source
from arrears.ledger.validate import Rules, check, refuse
from arrears.store.spool import Spool

COLUMNS = (
    "account_id",
    "business_date",
    "overdue_amount",
    "oldest_unpaid_due",
    "days_past_due",
    "overdue_instalments",
    "stage",
)
CURRENCY = "CNY"


@dataclass
class StageResult:
    """How many accounts were staged, per stage, and what to tell the person on stderr."""

    accounts: int = 0
    stages: dict[str, int] = field(default_factory=lambda: {str(stage): 0 for stage in range(4)})
    notes: list[str] = field(default_factory=list)


def stage_files(
    accounts: Path,
    instalments: Path,
    payments: Path | None,
    on: date,
    out: Path | None,
    *,
    today: date | None = None,
    currency: str = CURRENCY,
    time_zone: str = "Asia/Shanghai",
    ledger_url: str | None = None,
    mapping: Path | None = None,
) -> StageResult:
    """Stage every account open on a date and write the contract's CSV to ``out``, or to standard output.

    ``today`` forbids later dates; without it any date is allowed.

    Raises:
        BadArguments: a missing path, a future date, or payments given beside ``amount_paid``.
        BadInput: any bad row or an empty file; names file, row, column and reason; nothing is written.
    """
    if today is not None and on > today:
        raise BadArguments(f"--date {on} lies in the future")
    for path in (accounts, instalments, *([payments] if payments else [])):
        if not path.is_file():
            raise BadArguments(f"{path}: no such file")
    job = _Job(
        on,
        Context(Mapping().of("accounts"), time_zone, today or date.max),
        currency,
        ledger_url,
        read_mapping(mapping),
        StageResult(),
    )
    with ExitStack() as stack:
        known = job.accounts(accounts)
        rows, given = job.spool(instalments, "instalments", known, stack), None
        if payments:
            if "amount_paid_minor" in job.columns:
                raise BadArguments(f"--payments is given, but {instalments.name} has amount_paid: use one of them")
            given = job.spool(payments, "payments", known, stack)
        elif "amount_paid_minor" not in job.columns:
            job.result.notes.append("no payments and no amount_paid column: every instalment counts as unpaid")
        _write(job, known, assemble(known.register, rows, given, on), out)
    return job.result


@dataclass
class _Job:
    on: date
    context: Context
    currency: str
    ledger_url: str | None
    mapping: Mapping
    result: StageResult
    columns: tuple[str, ...] = ()
    names: dict[str, str] = field(default_factory=dict)

    def open(self, path: Path, feed: str) -> tuple[Source, Context]:
        dialect = self.mapping.of(feed)
        source = open_feed(path, FEEDS[feed], dialect, ledger_url=self.ledger_url, business_date=self.on)
        self.names[feed] = source.name
        if source.unknown:
            self.result.notes.append(f"{source.name}: ignored columns {', '.join(source.unknown)}")
        return source, Context(dialect, self.context.time_zone, self.context.today)

    def accounts(self, path: Path) -> Accounts:
        source, context = self.open(path, "accounts")
        known = read_accounts(source, Rules(context, self.currency, hashed=False))
        refuse(source.name, known.bad)
        if not known.rows:
            raise BadInput(f"{source.name}: no rows under the header")
        return known

    def spool(self, path: Path, feed: str, known: Accounts, stack: ExitStack) -> Spool:
        source, context = self.open(path, feed)
        if feed == "instalments":
            self.columns = tuple(source.feed.field(name).stored for name in source.present)
        spool = stack.enter_context(Spool())
        for valid in check(source, Rules(context, self.currency, known.register, hashed=False)):
            refuse(source.name, valid.bad)
            spool.add(valid.rows)
        if not spool.rows:
            raise BadInput(f"{source.name}: no rows under the header")
        return spool


def _write(job: _Job, known: Accounts, parts: Iterator[Part], out: Path | None) -> None:
    """Write beside the target and rename at the end, so that a refusal leaves nothing behind."""
    folder = out.parent if out else None
    if folder is not None and not folder.is_dir():
        raise BadArguments(f"{folder}: no such folder")
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, prefix=".stage-", suffix=".csv", newline="", encoding="utf-8", delete=False
    ) as handle:
        kept = Path(handle.name)
    try:
        with kept.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(COLUMNS)
            for rows, part in zip(known.parts(), parts, strict=True):
                for feed, bad in part.twice.items():
                    refuse(job.names[feed], bad)
                writer.writerows(_lines(job, known, rows, part))
        if out:
            kept.chmod(0o644)
            kept.replace(out)
        else:
            with kept.open(encoding="utf-8") as handle:
                shutil.copyfileobj(handle, sys.stdout)
    finally:
        kept.unlink(missing_ok=True)


def _lines(
    job: _Job, known: Accounts, rows: pa.RecordBatch, part: Part
) -> Iterator[tuple[str, str, str, str, int, int, int]]:
    staged, day = part.staged, job.on.isoformat()
    digits = known.register.digits[part.first : part.first + part.count].tolist()
    columns = zip(
        rows.column("account_id").to_pylist(),
        rows.column("closed_on").to_pylist(),
        digits,
        staged.overdue.tolist(),
        staged.oldest_unpaid_due.tolist(),
        staged.days_past_due.tolist(),
        staged.overdue_instalments.tolist(),
        staged.stage.tolist(),
        strict=True,
    )
    for account_id, closed_on, places, overdue, oldest, late, count, stage in columns:
        if closed_on is not None and closed_on <= job.on:
            continue
        job.result.accounts += 1
        job.result.stages[str(stage)] += 1
        since = (EPOCH + timedelta(days=oldest)).isoformat() if count else ""
        yield account_id, day, format_minor(overdue, places), since, late, count, stage
