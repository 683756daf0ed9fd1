"""One side of the comparison in a process of its own: ``python tests/bench/sides.py SIDE FEEDS HOME DATE [STORE_URL]``.

Prints one JSON line: CPU seconds and wall seconds of the data path, the most memory the process held, and the sums.
The sides: ``floor`` (Arrow, numpy, one hash and one row an account, appended by ADBC to SQLite and by COPY to
PostgreSQL), ``naive`` (a loop over rows with Decimal, one ORM merge an account), and the project: ``everything`` writes
a decision row for every account, ``changes`` only for those with something overdue or to do, ``profile`` is
``everything`` under a profiler. Every process first goes the same way with the few accounts of the folder ``few``
beside FEEDS: imports are paid before the clock starts. The store is a SQLite file in HOME, or the database of STORE_URL
on this machine; what the server's processes use of it meanwhile counts too, and is told apart.
"""

import cProfile
import hashlib
import json
import os
import pstats
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import postgres

DIGITS = 100
SLICE = 131_072
COLUMNS = (
    "business_date TEXT, account_id TEXT, revision INT, run_id TEXT, stage INT, overdue_instalments INT,"
    " overdue_minor BIGINT, days_past_due INT, oldest_unpaid_due TEXT, currency TEXT, row_sha256 TEXT"
)
KEY = "PRIMARY KEY (account_id, business_date, revision)"
Found = dict[str, Any]
Clocks = tuple[float, float, float]


def clocks(url: str) -> Clocks:
    """Return the CPU seconds of the server, of this process, and the time of the wall."""
    return postgres.seconds(url) if url else 0.0, process_time(), perf_counter()


def told(start: Clocks, url: str, rows: int, sums: tuple[int, int, int], **more: Any) -> Found:
    """Return what a side used since ``start``."""
    own, wall = process_time() - start[1], perf_counter() - start[2]
    server = clocks(url)[0] - start[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found = {"cpu_s": own + server, "wall_s": wall, "peak_mb": peak, "rows": rows, "sums": sums, **more}
    return found | ({"server_cpu_s": server} if url else {})


def project(feeds: Path, home: Path, on: date, url: str, *, every: bool) -> Found:
    from sqlalchemy import func, select

    from arrears.core.clock import PinnedClock, at_local
    from arrears.core.entropy import SystemEntropy
    from arrears.core.runtime import Request, RunKey, Runtime
    from arrears.core.settings import Settings
    from arrears.ladder.decisions import decide_snapshot
    from arrears.steps import daily, runs, world
    from arrears.store.engine import open_engine, reading
    from arrears.store.migrate import upgrade
    from arrears.store.tables.decisions import decision

    store = {"ARREARS_STORE_URL": url} if url else {}
    settings = Settings.from_environment({"ARREARS_HOME": str(home)} | store)
    engine = open_engine(settings.store_url)
    upgrade(engine)
    clock = PinnedClock(at_local(on, time(10), "Asia/Shanghai"))
    rt = Runtime(settings, clock, SystemEntropy(), RunKey("cli", f"bench-{os.getpid()}"))
    day = runs.open_run(rt, "daily", Request(clock.now(), on, str(feeds)))
    start = clocks(url)
    daily.pull_ledger(rt, day)
    pulled = sum(clocks(url)[:2]) - sum(start[:2])
    this = runs.read_run(rt, day)
    assert this.snapshot_id is not None
    decided = decide_snapshot(
        rt, engine, day, this.snapshot_id, on, world.policy_of(settings), newest=True, every=every
    )
    found = told(start, url, decided.rows, (0, 0, 0), pull_cpu_s=pulled, new_rows=decided.new_rows)
    columns = func.count(), func.sum(decision.c.overdue_instalments), func.sum(decision.c.overdue_minor)
    with reading(engine) as connection:
        late = select(*columns).where(decision.c.stage > 0, decision.c.business_date == on)
        found["sums"] = [int(value) for value in connection.execute(late).one()]
    return found


def profile(feeds: Path, home: Path, on: date, url: str) -> Found:
    watch = cProfile.Profile()
    watch.enable()
    found = project(feeds, home, on, url, every=True)
    watch.disable()
    rows: Any = pstats.Stats(watch).stats  # type: ignore[attr-defined] # the module's own table of what it measured
    whole = sum(own[2] for own in rows.values())
    named = {f"{Path(file).name}:{name}": (own[2], own[3]) for (file, _, name), own in rows.items()}
    found["hashing_share"] = sum(named.get(name, (0, 0))[1] for name in ("columns.py:text_digests",)) / whole
    most = sorted(named.items(), key=lambda one: -one[1][0])[:14]
    found["profile"] = {name: round(own / whole, 3) for name, (own, _) in most}
    return found


def floor(feeds: Path, home: Path, on: date, url: str) -> Found:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with _into_postgresql(url) if url else _into_sqlite(home) as append:
        start = clocks(url)
        accounts = pa.Table.from_batches(pq.ParquetFile(feeds / "accounts.parquet").iter_batches())
        rows = pa.Table.from_batches(pq.ParquetFile(feeds / "instalments.parquet").iter_batches())
        texts = accounts.column("account_id")
        ids = np.array(texts.to_numpy(), dtype="S16")
        owner = np.searchsorted(ids, np.array(rows.column("account_id").to_numpy(), dtype="S16"))
        due, today = rows.column("due_date").to_numpy(), np.datetime64(on)
        unpaid = np.where(due < today, _minor(rows, "amount_due") - _minor(rows, "amount_paid"), 0)
        starts = np.searchsorted(owner, np.arange(len(ids)))
        count, minor = np.add.reduceat(unpaid > 0, starts, dtype=np.int64), np.add.reduceat(unpaid, starts)
        oldest = np.minimum.reduceat(np.where(unpaid > 0, due, today), starts)
        for first in range(0, len(ids), SLICE):
            part = slice(first, first + SLICE)
            n = len(ids[part])
            columns = {
                "business_date": pa.repeat(on.isoformat(), n), "account_id": texts[part].combine_chunks(),
                "revision": pa.repeat(1, n), "run_id": pa.repeat("floor", n),
                "stage": pa.array(np.minimum(count[part], 3)), "overdue_instalments": pa.array(count[part]),
                "overdue_minor": pa.array(minor[part]),
                "days_past_due": pa.array((today - oldest[part]).astype(np.int64)),
                "oldest_unpaid_due": pa.array(oldest[part]).cast(pa.string()),
                "currency": accounts.column("currency")[part].combine_chunks(),
            }  # fmt: skip
            lines = pc.binary_join_element_wise(*(values.cast(pa.string()) for values in columns.values()), ",")
            written = lines.cast(pa.binary()).to_numpy(zero_copy_only=False)
            columns["row_sha256"] = pa.array([hashlib.sha256(line).hexdigest() for line in written])
            append(pa.table(columns))
        append(None)
        return told(start, url, len(ids), (int((count > 0).sum()), int(count.sum()), int(minor.sum())))


@contextmanager
def _into_sqlite(home: Path) -> Iterator[Callable[[Any], None]]:
    """Yield what appends a table by ADBC; nothing is the commit."""
    from adbc_driver_sqlite import dbapi

    with dbapi.connect(str(home / "floor.sqlite"), autocommit=True) as store:
        with store.cursor() as cursor:
            for setting in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
                cursor.execute(f"PRAGMA {setting}")
                cursor.fetchall()
            cursor.execute(f"CREATE TABLE staged ({COLUMNS}, {KEY}) WITHOUT ROWID")
        store.adbc_connection.set_autocommit(False)

        def append(rows: Any) -> None:
            if rows is None:
                store.commit()
                return
            with store.cursor() as cursor:
                cursor.adbc_ingest("staged", rows, mode="append")

        yield append


@contextmanager
def _into_postgresql(url: str) -> Iterator[Callable[[Any], None]]:
    """Yield what appends a table by COPY, in one transaction; nothing is the commit."""
    import io

    import psycopg
    import pyarrow.csv as arrow_csv

    with psycopg.connect(postgres.address(url)) as store:
        store.execute(f"DROP TABLE IF EXISTS staged; CREATE TABLE staged ({COLUMNS}, {KEY})")
        store.commit()

        def append(rows: Any) -> None:
            if rows is None:
                store.commit()
                return
            lines = io.BytesIO()
            arrow_csv.write_csv(rows, lines, arrow_csv.WriteOptions(include_header=False))
            with store.cursor() as cursor, cursor.copy("COPY staged FROM STDIN (FORMAT CSV)") as copy:
                copy.write(lines.getvalue())

        yield append


def _minor(rows: Any, name: str) -> Any:
    import numpy as np

    column = rows.column(name).combine_chunks()
    return np.frombuffer(column.buffers()[1], dtype="<i8")[::2][: len(column)]


def naive(feeds: Path, home: Path, on: date, url: str) -> Found:
    import pandas as pd
    from sqlalchemy import BigInteger, create_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Staged(Base):
        __tablename__ = "naive"
        account_id: Mapped[str] = mapped_column(primary_key=True)
        business_date: Mapped[str] = mapped_column(primary_key=True)
        stage: Mapped[int]
        count: Mapped[int]
        minor: Mapped[int] = mapped_column(BigInteger)
        days: Mapped[int]
        sha256: Mapped[str]

    engine = create_engine(url or f"sqlite:///{home / 'naive.sqlite'}")
    Base.metadata.create_all(engine)
    start = clocks(url)
    accounts, rows = (pd.read_parquet(feeds / f"{name}.parquet") for name in ("accounts", "instalments"))
    owed: dict[str, list[tuple[date, Decimal]]] = {row["account_id"]: [] for _, row in accounts.iterrows()}
    for _, row in rows.iterrows():
        left = Decimal(row["amount_due"]) - Decimal(row["amount_paid"])
        if row["due_date"] < on and left > 0:
            owed[row["account_id"]].append((row["due_date"], left))
    with Session(engine) as session:
        for account, left in owed.items():
            minor, late = sum(amount for _, amount in left) * DIGITS, min((due for due, _ in left), default=on)
            body = json.dumps({"account": account, "left": [str(one) for one in left]}, sort_keys=True)
            session.merge(Staged(account_id=account, business_date=on.isoformat(), stage=min(3, len(left)),
                                 count=len(left), minor=int(minor), days=(on - late).days,
                                 sha256=hashlib.sha256(body.encode()).hexdigest()))  # fmt: skip
        session.commit()
    late_ones = [left for left in owed.values() if left]
    total = sum(amount for left in late_ones for _, amount in left) * DIGITS
    return told(start, url, len(owed), (len(late_ones), sum(map(len, late_ones)), int(total)))


SIDES: dict[str, Callable[[Path, Path, date, str], Found]] = {
    "floor": floor,
    "naive": naive,
    "everything": lambda feeds, home, on, url: project(feeds, home, on, url, every=True),
    "changes": lambda feeds, home, on, url: project(feeds, home, on, url, every=False),
    "profile": profile,
}


def warm(side: str, feeds: Path, on: date, url: str) -> None:
    """Go the same way once with few accounts, in a store that goes again."""
    way = SIDES["everything" if side == "profile" else side]
    with tempfile.TemporaryDirectory(prefix="arrears-warm-") as folder:
        if not url:
            way(feeds, Path(folder), on, "")
            return
        with postgres.database(url) as other:
            way(feeds, Path(folder), on, other)


if __name__ == "__main__":
    side, given, home, day, *store = sys.argv[1:]
    url, on = (store or [""])[0], date.fromisoformat(day)
    warm(side, Path(given).with_name("few"), on, url)
    sys.stdout.write(json.dumps(SIDES[side](Path(given), Path(home), on, url)) + "\n")
