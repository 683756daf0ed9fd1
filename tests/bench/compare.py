"""Data path beside a bare one and a naive one: ``python tests/bench/compare.py [--accounts N ...] [--store URL]``.

Every side runs in a process of its own, in turns (``sides.py`` says what they are), on SQLite or in databases of their
own of a PostgreSQL server on this machine, whose CPU time counts too. A round of the project is three days on one
store: go-live of an empty store, the first run of the next day with a row for every account, the same run again, and a
day that writes changes only. That all sides found the same is asserted before a figure counts.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import machine
import portfolio
import postgres
import scaling_plot

from arrears.cli.output import working

DAY = date(2026, 11, 8)
NAIVE_MOST = 20_000
"""Accounts up to which the naive program is worth waiting for."""
FEW = 60
UNITS = ("cpu_s", "wall_s", "peak_mb", "pull_cpu_s", "server_cpu_s")
RATIOS = (
    ("first run of a day / floor", "first", "floor", "≤ 1.5"),
    ("re-run / floor", "again", "floor", "≤ 2.5"),
    ("go-live of an empty store / floor", "golive", "floor", ""),
    ("naive / first run of a day", "naive", "first", "≥ 100"),
    ("changes only / everything", "changes", "first", "≤ 0.4"),
)
Found = dict[str, Any]


def run(side: str, feeds: Path, home: Path, on: date, url: str) -> Found:
    """Run one side in a process of its own; a terminal is told which, and which round it is."""
    program = [sys.executable, str(Path(__file__).with_name("sides.py")), side, str(feeds), str(home), on.isoformat()]
    home.mkdir(exist_ok=True)
    with working(f"{home.parent.name}: {side}, {on}"):
        done = subprocess.run([*program, *([url] if url else [])], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one_round(feeds: Path, folder: Path, store: str, *, slow: bool) -> dict[str, Found]:
    """Run every side once; bare and naive side see the day of the project's first run."""
    home, next_day = folder / "project", DAY + timedelta(days=1)
    with own_store(store) as own, own_store(store) as other:
        found = {"golive": run("changes", feeds, home, DAY, own)}
        found["floor"] = run("floor", feeds, folder / "floor", next_day, other)
        found["first"] = run("everything", feeds, home, next_day, own)
        found["again"] = run("everything", feeds, home, next_day, own)
        if slow:
            found["naive"] = run("naive", feeds, folder / "naive", next_day, other)
        found["changes"] = run("changes", feeds, home, next_day + timedelta(days=1), own)
    sums = {name: tuple(found[name]["sums"]) for name in found}
    rows = {name: found[name]["rows"] for name in ("first", "floor", *(["naive"] if slow else []))}
    if len(set(sums.values())) != 1 or len(set(rows.values())) != 1 or found["again"]["new_rows"]:
        raise SystemExit(f"the sides do not agree: {sums}, {rows}, new on the re-run: {found['again']['new_rows']}")
    return found


def own_store(store: str) -> AbstractContextManager[str]:
    """Yield the URL of an empty database; a side without one keeps a SQLite file."""
    return postgres.database(store) if store else nullcontext("")


def measure(accounts: int, rounds: int, store: str) -> Found:
    """Return medians over the rounds, their ratios, and the profile of one more first run."""
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as name:
        feeds, turns = Path(name) / "feeds", []
        portfolio.write(feeds, accounts, day=DAY)
        portfolio.write(feeds.with_name("few"), FEW, day=DAY)
        for turn in range(rounds):
            with tempfile.TemporaryDirectory(dir=name, prefix=f"round {turn + 1} of {rounds} ") as folder:
                turns.append(one_round(feeds, Path(folder), store, slow=accounts <= NAIVE_MOST))
        home = Path(name) / "profiled"
        with own_store(store) as own:
            run("changes", feeds, home, DAY, own)
            profiled = run("profile", feeds, home, DAY + timedelta(days=1), own)
    medians = {
        side: {unit: round(statistics.median(turn[side][unit] for turn in turns), 3)
               for unit in UNITS if unit in turns[0][side]}
        for side in turns[0]
    }  # fmt: skip
    ratios = {what: round(medians[over]["cpu_s"] / medians[under]["cpu_s"], 2)
              for what, over, under, _ in RATIOS if over in medians}  # fmt: skip
    share = round(profiled["hashing_share"], 3)
    return {"accounts": accounts, "rounds": rounds, "store": "postgresql" if store else "sqlite", "medians": medians,
            "ratios": ratios, "hashing_share": share, "profile": profiled["profile"]}  # fmt: skip


def table(found: Found) -> str:
    """Return a size's figures as Markdown."""
    goals = {what: goal for what, _, _, goal in RATIOS}
    lines = ["| side | CPU s | of it the server | of it pull | wall s | peak MB |", "|---|---|---|---|---|---|"]
    lines += [f"| {side} | {own['cpu_s']} | {own.get('server_cpu_s', '')} | {own.get('pull_cpu_s', '')} |"
              f" {own['wall_s']} | {own['peak_mb']:.0f} |" for side, own in found["medians"].items()]  # fmt: skip
    lines += ["", "| ratio of CPU seconds | found | goal |", "|---|---|---|"]
    lines += [f"| {what} | {ratio} | {goals[what]} |" for what, ratio in found["ratios"].items()]
    return "\n".join([f"{found['accounts']} accounts, {found['rounds']} rounds, {found['store']}:", "", *lines, ""])


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--accounts", type=int, nargs="+", default=[10_000])
    given.add_argument("--rounds", type=int, default=5)
    given.add_argument("--store", default="", help="an empty PostgreSQL database of a server on this machine")
    given.add_argument("--out", type=Path)
    given.add_argument("--plot", type=Path)
    asked = given.parse_args()
    sizes = []
    for accounts in asked.accounts:
        sizes.append(measure(accounts, asked.rounds, asked.store))
        sys.stdout.write(table(sizes[-1]) + "\n")
        sys.stdout.flush()
        found = machine.facts() | {"sizes": sizes}
        if asked.out:
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if asked.plot:
            asked.plot.write_text(scaling_plot.draw(sizes), encoding="utf-8")


if __name__ == "__main__":
    main()
