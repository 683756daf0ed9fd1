"""The contract of the commands, checked from outside by the programs that call them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def contract(shared_data: Path) -> Path:
    """The check of the contract's surface, where a copy lies beside the project."""
    program = shared_data.parents[1] / "check" / "contract.py"
    if not program.is_file():
        pytest.skip("the check of the contract is not beside the project")
    return program


def test_the_commands_keep_their_contract(contract: Path, tmp_path: Path):
    arrears = Path(sys.executable).with_name("arrears")
    done = subprocess.run(
        [sys.executable, str(contract), "--arrears", str(arrears)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if line.startswith("FAIL"))
    assert "contract holds" in done.stdout
