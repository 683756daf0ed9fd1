"""Staging alone, four ways: ``python tests/bench/staging.py [--accounts N] [--rounds N] [--postgres URL] [--out F]``.

Schedules of 12 to 36 instalments (24 million rows for a million accounts) and one payment an account. They are read as
a pull reads them when it stages: checked rows by account number that wait on disk as Arrow batches of whole accounts.
``kernel``: one cumulative sum and one reduction over streamed batches, overdue count and arrears only. ``project``:
``ladder.staging`` on the same batches, all its columns. ``pandas``: groupby over the whole frame. ``postgres``: a
window over a table that is there already, in one process of a server on this machine, whose CPU time is counted.
``read``: the batches and nothing else, which the first three pay alike. Each in a process of its own, in turns; that
all found the same is asserted. Ratios are given as they are, and without reading.
"""

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

DAY = date(2026, 11, 12)
ROWS = 250_000
"""Rows a batch: what a processor keeps near; with a million each row costs half as much again to stage."""
ASIDE = "instalments.arrows"
SCHEMA = pa.schema([("code", pa.int64()), ("due_date", pa.date32()), ("amount_due_minor", pa.int64())])
Sums = tuple[int, int, int]
"""Overdue accounts, overdue instalments, overdue minor units."""

WINDOW = """
SELECT count(*), sum(n), sum(minor) FROM (
  SELECT account, count(*) AS n, sum(least(amount, running - paid)) AS minor FROM (
    SELECT i.account, i.amount, p.paid, i.due,
           sum(i.amount) OVER (PARTITION BY i.account ORDER BY i.due, i.no) AS running
    FROM bench_instalment i JOIN bench_payment p USING (account)) AS a
  WHERE running > paid AND due < %s GROUP BY account) AS b
"""


def _minor(column: pa.Array) -> np.ndarray:
    return np.frombuffer(column.buffers()[1], dtype="<i8")[2 * column.offset : 2 * (column.offset + len(column)) : 2]


def _account(column: pa.DictionaryArray) -> np.ndarray:
    """Return the number of each account, read once an account and not once a row: a letter and eight digits."""
    ids = np.frombuffer(column.dictionary.buffers()[2], dtype=np.uint8)[: 9 * len(column.dictionary)]
    numbers = (ids.reshape(-1, 9)[:, 1:].astype(np.int64) - ord("0")) @ 10 ** np.arange(7, -1, -1)
    return numbers[np.asarray(column.indices)]


def _put_aside(feeds: Path) -> int:
    """Write the instalments as a pull lets them wait: whole accounts, about ``ROWS`` at a time; return their number."""
    rows, held = 0, [np.zeros(0, dtype=kind) for kind in (np.int64, np.int32, np.int64)]
    columns = ["account_id", "due_date", "amount_due"]
    file = pq.ParquetFile(feeds / "instalments.parquet", read_dictionary=["account_id"], pre_buffer=False)
    with pa.ipc.new_stream(str(feeds / ASIDE), SCHEMA) as writer:

        def write(part: list[np.ndarray]) -> None:
            arrays = [pa.array(values).cast(field.type) for values, field in zip(part, SCHEMA, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))

        for batch in file.iter_batches(ROWS, columns=columns):
            due = np.asarray(batch["due_date"].cast(pa.int32()))
            new = _account(batch["account_id"]), due, _minor(batch["amount_due"])
            all_of = [np.concatenate(pair) for pair in zip(held, new, strict=True)]
            cut = int(np.searchsorted(all_of[0], all_of[0][-1]))
            held = [column[cut:] for column in all_of]
            rows += batch.num_rows
            if cut:
                write([column[:cut] for column in all_of])
        write(held)
    return rows


def _batches(feeds: Path) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield account, due day and amount of whole accounts, about ``ROWS`` at a time."""
    with pa.OSFile(str(feeds / ASIDE)) as stored:
        for batch in pa.ipc.open_stream(stored):
            due = np.asarray(batch["due_date"].cast(pa.int32()))
            yield np.asarray(batch["code"]), due, np.asarray(batch["amount_due_minor"])


def _paid(feeds: Path) -> np.ndarray:
    return _minor(pq.read_table(feeds / "payments.parquet", columns=["amount"])["amount"].combine_chunks())


def _today() -> int:
    return (DAY - date(1970, 1, 1)).days


def read(feeds: Path, _url: str) -> Sums:
    paid, rows = _paid(feeds), 0
    for account, _, _ in _batches(feeds):
        rows += len(account)
    return len(paid), rows, 0


def kernel(feeds: Path, _url: str) -> Sums:
    paid, on, sums = _paid(feeds), _today(), np.zeros(3, dtype=np.int64)
    for account, due, amount in _batches(feeds):
        starts = np.flatnonzero(np.append(True, account[1:] != account[:-1]))
        running = np.cumsum(amount)
        base = (running - amount)[starts] + paid[account[starts]]
        left = running - np.repeat(base, np.diff(np.append(starts, len(account))))
        unpaid = np.where((left > 0) & (due < on), np.minimum(left, amount), 0)
        count, minor = np.add.reduceat(unpaid > 0, starts, dtype=np.int64), np.add.reduceat(unpaid, starts)
        sums += (int((count > 0).sum()), int(count.sum()), int(minor.sum()))
    return int(sums[0]), int(sums[1]), int(sums[2])


def project(feeds: Path, _url: str) -> Sums:
    from arrears.ladder.staging import Schedule, allocate, stage

    paid, on, sums = _paid(feeds), _today(), np.zeros(3, dtype=np.int64)
    for account, due, amount in _batches(feeds):
        first, count = int(account[0]), int(account[-1] - account[0]) + 1
        schedule = Schedule(count, account - first, due.astype(np.int32), amount)
        found = stage(schedule, allocate(schedule, paid[first : first + count]), on)
        late = found.overdue_instalments
        sums += (int((late > 0).sum()), int(late.sum()), int(found.overdue.sum()))
    return int(sums[0]), int(sums[1]), int(sums[2])


def pandas(feeds: Path, _url: str) -> Sums:
    import pandas as pd

    parts = list(_batches(feeds))
    frame = pd.DataFrame({name: np.concatenate([part[place] for part in parts])
                          for place, name in enumerate(("account", "due", "amount"))})  # fmt: skip
    paid = pd.DataFrame({"paid": _paid(feeds)}).rename_axis("account").reset_index()
    frame["running"] = frame.groupby("account")["amount"].cumsum()
    frame = frame.merge(paid, on="account")
    frame["unpaid"] = np.minimum(frame["running"] - frame["paid"], frame["amount"])
    late = frame[(frame["unpaid"] > 0) & (frame["due"] < _today())]
    found = late.groupby("account").agg(n=("unpaid", "size"), minor=("unpaid", "sum"))
    return len(found), int(found["n"].sum()), int(found["minor"].sum())


def postgres(_feeds: Path, url: str) -> Sums:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")  # one process, so that its CPU time is the whole
        connection.execute("SET work_mem = '256MB'")
        began = _seconds_of(connection.info.backend_pid)
        found = connection.execute(WINDOW, (_today(),)).fetchone()
        SERVER.append(_seconds_of(connection.info.backend_pid) - began)
    assert found is not None
    return int(found[0]), int(found[1]), int(found[2])


SERVER: list[float] = []
"""CPU seconds of the server's process."""


def _seconds_of(pid: int) -> float:
    """Return the CPU seconds that a process of this machine has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(feeds: Path, url: str) -> None:
    """Fill the tables the window reads; not measured."""
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_instalment, bench_payment")
        cursor.execute("CREATE UNLOGGED TABLE bench_instalment (account int, no int, due int, amount bigint)")
        cursor.execute("CREATE UNLOGGED TABLE bench_payment (account int PRIMARY KEY, paid bigint)")
        for account, due, amount in _batches(feeds):
            _copy(cursor, "bench_instalment", account, np.arange(len(due)), due, amount)
        paid = _paid(feeds)
        _copy(cursor, "bench_payment", np.arange(len(paid)), paid)
        cursor.execute("ANALYZE bench_instalment")


def _copy(cursor: Any, table: str, *columns: np.ndarray) -> None:
    lines = io.BytesIO()
    names = [str(place) for place in range(len(columns))]
    arrow_csv.write_csv(pa.table(list(columns), names=names), lines, arrow_csv.WriteOptions(include_header=False))
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT CSV)") as copy:
        copy.write(lines.getvalue())


SIDES: dict[str, Callable[[Path, str], Sums]] = {
    "read": read, "kernel": kernel, "project": project, "pandas": pandas, "postgres": postgres,
}  # fmt: skip


def one(side: str, feeds: Path, url: str) -> None:
    """Run one side and print what it took; PostgreSQL is on this machine."""
    import pandas as pd  # noqa: F401 - Arrow looks for it in every side, and imports are not the staging

    import arrears.ladder.staging  # noqa: F401 - likewise

    cpu, wall = process_time(), perf_counter()
    sums = SIDES[side](feeds, url)
    cpu, wall = process_time() - cpu + sum(SERVER), perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(json.dumps({"cpu_s": cpu, "wall_s": wall, "peak_mb": peak, "sums": sums}) + "\n")


def compare(accounts: int, rounds: int, url: str) -> dict[str, Any]:
    """Return the medians of all sides."""
    import portfolio

    sides = [side for side in SIDES if side != "postgres" or url]
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as name:
        feeds = Path(name)
        portfolio.write(feeds, accounts, day=DAY, schedules=True)
        rows = _put_aside(feeds)
        if url:
            load(feeds, url)
        for _ in range(rounds):
            for side in sides:
                program = [sys.executable, __file__, "--side", side, "--feeds", name, "--postgres", url]
                done = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True)
                found[side].append(json.loads(done.stdout))
    if len({tuple(turn["sums"]) for side, turns in found.items() if side != "read" for turn in turns}) != 1:
        raise SystemExit(f"the sides do not agree: {[turns[0]['sums'] for turns in found.values()]}")
    medians = {side: {unit: round(statistics.median(turn[unit] for turn in turns), 3)
                      for unit in ("cpu_s", "wall_s", "peak_mb")} for side, turns in found.items()}  # fmt: skip
    return {"accounts": accounts, "instalments": rows, "rounds": rounds, "medians": medians,
            "ratios": ratios({side: own["cpu_s"] for side, own in medians.items()})}  # fmt: skip


def ratios(cpu: dict[str, float]) -> dict[str, float]:
    """Return each side beside the project; PostgreSQL's table is there already, so it reads nothing."""
    found, bare = {"project / kernel": cpu["project"] / cpu["kernel"]}, cpu["project"] - cpu["read"]
    found["project / kernel, without reading"] = bare / (cpu["kernel"] - cpu["read"])
    for side in cpu.keys() & {"pandas", "postgres"}:
        found[f"{side} / project"] = cpu[side] / cpu["project"]
        found[f"{side} / project, without reading"] = (cpu[side] - cpu["read"] * (side == "pandas")) / bare
    return {what: round(ratio, 2) for what, ratio in found.items()}


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--accounts", type=int, default=100_000)
    given.add_argument("--rounds", type=int, default=5)
    given.add_argument("--postgres", default="")
    given.add_argument("--out", type=Path)
    given.add_argument("--side", choices=list(SIDES))
    given.add_argument("--feeds", type=Path)
    asked = given.parse_args()
    if asked.side:
        one(asked.side, asked.feeds, asked.postgres)
        return
    text = json.dumps(compare(asked.accounts, asked.rounds, asked.postgres), indent=2) + "\n"
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
