"""Every program of measurement finds what it is made of: one that nobody runs each day breaks unseen otherwise."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
LOAD = "import runpy, sys; sys.path.insert(0, sys.argv[2]); runpy.run_path(sys.argv[1], run_name='loaded')"


@pytest.mark.parametrize("program", sorted(BENCH.glob("*.py")), ids=lambda program: program.stem)
def test_every_program_of_measurement_loads(program: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LOAD, program, BENCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


PARTS = {"arithmetic", "machine", "portfolio", "postgres", "scaling_plot", "sides", "suite"}
"""What programs of measurement are made of, and what calls them."""
BY_HAND = {"desk"}
"""It needs a store that was grown for hours."""


def test_make_bench_knows_every_program_of_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    known = {Path(one.file).stem for one in importlib.import_module("suite").PROGRAMS}
    assert known == {program.stem for program in BENCH.glob("*.py")} - PARTS - BY_HAND


def test_a_program_is_told_its_sizes_its_database_and_where_its_result_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    suite = importlib.import_module("suite")
    path, staging = suite.PROGRAMS[0], suite.PROGRAMS[1]
    url = "postgresql+psycopg://arrears@/x?host=/run"
    assert suite.words(path, Path("out"), url, long=False) == [
        "compare.py", "--accounts", "10000", "--store", url, "--out", "out/data-path-postgresql.json", "--plot",
        "out/data-path-postgresql.svg"]  # fmt: skip
    assert suite.words(staging, Path("out"), "", long=True) == [
        "staging.py", "--accounts", "200000", "--out", "out/staging.json"]  # fmt: skip
