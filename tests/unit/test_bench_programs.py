"""Every program of measurement finds what it is made of: one that nobody runs each day breaks unseen otherwise."""

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
