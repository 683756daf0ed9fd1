"""Data path beside a bare one and a naive one: ``python tests/bench/compare.py [ACCOUNTS] [ROUNDS] [OUT.json]``.

Project: read, validate, stage, freeze, decide, rows with hash and event. Floor: the same files by Arrow and numpy, one
hash and one appended row an account. Naive: a loop over rows with Decimal and one ORM merge an account. SQLite, CPU
seconds of this process, sides in turns, medians; that all three stage alike is asserted first.
"""

import hashlib
import json
import platform
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import portfolio
import pyarrow.parquet as pq
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from arrears.audit.record import package_version
from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.core.settings import Settings
from arrears.steps import daily, runs
from arrears.store.engine import open_engine, reading
from arrears.store.migrate import upgrade
from arrears.store.tables.decisions import decision

DAY = date(2026, 11, 11)
Sums = tuple[int, int, int]
"""Overdue accounts, overdue instalments, overdue minor units."""


class Base(DeclarativeBase):
    pass


class Staged(Base):
    __tablename__ = "staged"
    account_id: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    minor: Mapped[int]
    sha256: Mapped[str]


def project(feeds: Path, home: Path) -> tuple[float, Sums]:
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    engine = open_engine(settings.store_url)
    upgrade(engine)
    clock = PinnedClock(at_local(DAY, time(10), "Asia/Shanghai"))
    rt = Runtime(settings, clock, SeededEntropy(1), RunKey("cli", "bench"))
    day = runs.open_run(rt, "daily", Request(clock.now(), DAY, str(feeds)))
    started = process_time()
    daily.pull_ledger(rt, day)
    daily.decide_accounts(rt, day)
    spent = process_time() - started
    columns = func.count(), func.sum(decision.c.overdue_instalments), func.sum(decision.c.overdue_minor)
    with reading(engine) as connection:
        found = connection.execute(select(*columns).where(decision.c.stage > 0)).one()
    engine.dispose()
    return spent, (int(found[0]), int(found[1]), int(found[2]))


def floor(feeds: Path, home: Path) -> tuple[float, Sums]:
    store = sqlite3.connect(home / "floor.sqlite")
    store.execute("CREATE TABLE staged (account_id TEXT PRIMARY KEY, n INT, minor INT, sha256 TEXT) WITHOUT ROWID")
    started = process_time()
    ids = pq.read_table(feeds / "accounts.parquet", columns=["account_id"]).column(0).to_numpy()
    rows = pq.read_table(feeds / "instalments.parquet")
    owner = np.searchsorted(ids.astype("S16"), rows.column("account_id").to_numpy().astype("S16"))
    owed = np.array([_minor(rows, "amount_due"), _minor(rows, "amount_paid")])
    late = rows.column("due_date").to_numpy() < np.datetime64(DAY)
    unpaid = np.where(late, owed[0] - owed[1], 0)
    count = np.bincount(owner, unpaid > 0, len(ids)).astype(np.int64)
    minor = np.bincount(owner, unpaid, len(ids)).astype(np.int64)
    lines = zip(ids.tolist(), count.tolist(), minor.tolist(), strict=True)
    hashed = ((a, n, m, hashlib.sha256(f"{a},{n},{m}".encode()).hexdigest()) for a, n, m in lines)
    store.executemany("INSERT INTO staged VALUES (?, ?, ?, ?)", hashed)
    store.commit()
    spent = process_time() - started
    store.close()
    return spent, (int((count > 0).sum()), int(count.sum()), int(minor.sum()))


def _minor(rows: object, name: str) -> np.ndarray:
    column = rows.column(name).combine_chunks()
    return np.frombuffer(column.buffers()[1], dtype="<i8")[::2][: len(column)]


def naive(feeds: Path, home: Path) -> tuple[float, Sums]:
    engine = create_engine(f"sqlite:///{home / 'naive.sqlite'}")
    Base.metadata.create_all(engine)
    started = process_time()
    accounts, rows = (pd.read_parquet(feeds / f"{name}.parquet") for name in ("accounts", "instalments"))
    owed: dict[str, list[Decimal]] = {account: [] for account in accounts["account_id"]}
    for _, row in rows.iterrows():
        left = row["amount_due"] - row["amount_paid"]
        if row["due_date"] < DAY and left > 0:
            owed[row["account_id"]].append(left)
    with Session(engine) as session:
        for account, left in owed.items():
            body = json.dumps({"account": account, "left": [str(one) for one in left]}, sort_keys=True)
            session.merge(Staged(account_id=account, count=len(left), minor=int(sum(left) * 100),
                                 sha256=hashlib.sha256(body.encode()).hexdigest()))  # fmt: skip
        session.commit()
    spent = process_time() - started
    engine.dispose()
    found = [left for left in owed.values() if left]
    return spent, (len(found), sum(map(len, found)), int(sum(map(sum, found)) * 100))


def main(accounts: int, rounds: int, out: Path | None) -> None:
    sides: dict[str, Callable[[Path, Path], tuple[float, Sums]]] = {"project": project, "floor": floor, "naive": naive}
    if accounts > 50_000:
        del sides["naive"]
    spent: dict[str, list[float]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as folder:
        feeds = Path(folder) / "feeds"
        portfolio.write(feeds, accounts, day=DAY)
        for turn in range(rounds + 1):  # the first turn asserts equality and pays for the imports: not counted
            sums = {}
            for name, side in sides.items():
                home = Path(folder) / f"{name}{turn}"
                home.mkdir()
                seconds, sums[name] = side(feeds, home)
                if turn:
                    spent[name].append(seconds)
            if len(set(sums.values())) != 1:
                raise SystemExit(f"the sides do not agree: {sums}")
    median = {name: round(statistics.median(values), 3) for name, values in spent.items()}
    found = {"accounts": accounts, "rounds": rounds, "cpu_s": median, "python": platform.python_version(),
             "machine": platform.machine(), "arrears": package_version(),
             "project_to_floor": round(median["project"] / median["floor"], 2)}  # fmt: skip
    if "naive" in median:
        found["naive_to_project"] = round(median["naive"] / median["project"], 2)
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if out:
        out.write_text(text + "\n")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 10_000, int(given[1]) if len(given) > 1 else 5,
         Path(given[2]) if len(given) > 2 else None)  # fmt: skip
