"""Every program of measurement, one after another: ``python tests/bench/suite.py [--long] [--store URL]``.

The quick set takes some minutes and shows that all is as it was; ``--long`` takes the sizes of docs/performance.md, and
hours. With ``--store``, a PostgreSQL database of a server on this machine, those that can are measured there too, each
in an empty database of its own. What each said, and its figures as JSON, go into a folder (``var/bench``), and beside
them what they were measured on. ``desk.py`` alone is not among them: it needs a store that was grown for hours.
"""

import argparse
import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import machine
import postgres

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "var" / "bench"
SIZES = ("10000", "100000", "200000")
"""Of the plot; a million is measured by ``arrears bench --accounts 1000000``."""


@dataclass(frozen=True)
class Program:
    """A program with its sizes; ``out``: it writes JSON itself, ``store``: how it takes a PostgreSQL database."""

    name: str
    file: str
    quick: tuple[str, ...] | None
    long: tuple[str, ...]
    out: bool = True
    store: tuple[str, ...] | None = None
    more: tuple[str, ...] = ()


PROGRAMS = (
    Program("data-path", "compare.py", ("--accounts", "10000"), ("--accounts", *SIZES), store=("--store",),
            more=("--plot", "{folder}/{name}.svg")),
    Program("staging", "staging.py", ("--accounts", "20000"), ("--accounts", "200000"), store=("--postgres",)),
    Program("day", "daily.py", ("2000", "--packets", "20"), ("100000", "--packets", "100"), store=("--store",)),
    Program("release", "release.py", ("2000", "--latency", "5"), ("100000", "--latency", "5"), store=("--store",)),
    Program("contacts", "outreach.py", ("2000",), ("20000",), out=False),
    Program("packets", "packets.py", ("310",), ("2000",), out=False),
    Program("audit-log", "audit_log.py", ("100000",), ("1000000",), out=False, store=()),
    Program("window", "send_window.py", None, (), out=False),
    Program("growth", "growth.py", None, ("400", "10"), out=False, store=("--store",)),
    Program("airflow", "airflow_share.py", None, ("100000", "--together")),
)  # fmt: skip


def words(program: Program, folder: Path, url: str, *, long: bool) -> list[str]:
    """Return a program with what it is told."""
    name = named(program, url)
    sizes = program.long if long or program.quick is None else program.quick
    out = ("--out", str(folder / f"{name}.json")) if program.out else ()
    store = (*(program.store or ()), postgres.address(url) if program.store == ("--postgres",) else url) if url else ()
    more = tuple(word.format(folder=folder, name=name) for word in program.more)
    return [program.file, *sizes, *store, *out, *more]


def named(program: Program, url: str) -> str:
    """Return under which name a program leaves what it found."""
    return f"{program.name}-postgresql" if url else program.name


def run(program: Program, folder: Path, store: str, *, long: bool) -> dict[str, object]:
    """Run one program to its end; what it says is shown and kept."""
    name, began = named(program, store), perf_counter()
    with postgres.database(store) if store else nullcontext("") as url, (folder / f"{name}.txt").open("w") as kept:
        file, *told = words(program, folder, url, long=long)
        with subprocess.Popen([sys.executable, HERE / file, *told], stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout or ():
                sys.stdout.write(line)
                sys.stdout.flush()
                kept.write(line)
    sizes = program.long if long or program.quick is None else program.quick
    return {"name": name, "program": file, "sizes": sizes, "seconds": round(perf_counter() - began, 1),
            "exit": running.returncode}  # fmt: skip


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--long", action="store_true", help="the sizes of docs/performance.md: hours")
    given.add_argument("--store", default="", help="a PostgreSQL database of a server on this machine")
    given.add_argument("--only", choices=[one.name for one in PROGRAMS], nargs="+")
    given.add_argument("--folder", type=Path, default=FOLDER)
    asked = given.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    chosen = [one for one in PROGRAMS if (asked.long or one.quick) and (not asked.only or one.name in asked.only)]
    stores = ("", asked.store) if asked.store else ("",)
    plans = [(one, store) for one in chosen for store in stores if not store or one.store is not None]
    found = []
    for program, store in plans:
        sys.stdout.write(f"\n== {named(program, store)}\n")
        found.append(run(program, asked.folder, store, long=asked.long))
        said = machine.facts() | {"programs": found}
        (asked.folder / "bench.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"\nwritten to {asked.folder}\n")
    sys.exit(any(one["exit"] for one in found))


if __name__ == "__main__":
    main()
